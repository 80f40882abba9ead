import fc from "fast-check";
import { copiedBlock, unordered } from "./copied-blocks.ts";
import { directions, orderOf } from "./expressions.ts";
import { onceOverOne, onceOverTwo } from "./once-blocks.ts";
import { columnsOf, type RandomTemplate } from "./random-template.ts";

const copied: fc.Arbitrary<RandomTemplate> = copiedBlock.map((block) => ({
  blocks: [block],
  write: ([text = ""]) => text,
  narrows: null,
  columns: columnsOf(block.kinds, { tenant: true }),
  ordered: false,
}));

/** A DISTINCT ON has an order of its own. */
const copiedInOrder: fc.Arbitrary<RandomTemplate> = fc
  .tuple(
    unordered.filter(({ sql }) => !sql.includes("DISTINCT ON")),
    directions,
  )
  .map(([block, order]) => ({
    blocks: [block],
    narrows: null,
    write: ([text = ""]) => `${text} ORDER BY ${orderOf(block.kinds.length + 1, order)}`,
    columns: columnsOf(block.kinds, { tenant: true }),
    ordered: true,
  }));

/** Copied blocks, copied blocks in order, and SELECTs that run once over them. */
export const randomTemplate: fc.Arbitrary<RandomTemplate> = fc.oneof(
  { weight: 2, arbitrary: copied },
  { weight: 1, arbitrary: copiedInOrder },
  { weight: 4, arbitrary: onceOverOne },
  { weight: 2, arbitrary: onceOverTwo },
);
