import type { CompiledBlock } from "../sql/compile-template.ts";
import type { CatalogTenant } from "../types.ts";
import { describeShape } from "./describe-shape.ts";
import { groupShapes, resolveMembers } from "./group-shapes.ts";
import type { Describe, DescribedColumn } from "./planned-block.ts";

/**
 * The columns that a block gives in every tenant that can answer it, or null where tenants give different ones: then nothing that depends
 * on a type is known. A failed description counts as a tenant that is left out; null when all fail.
 */
export async function agreedColumns(
  block: CompiledBlock,
  tenants: readonly CatalogTenant[],
  describe: Describe,
): Promise<readonly DescribedColumn[] | null> {
  const shapes = groupShapes(resolveMembers(block, tenants).members);
  const described = await Promise.all(shapes.map((shape) => describeShape(block, shape, describe)));
  const answers = described.flatMap(({ description }) => (description.ok ? [description.columns] : []));
  const [first, ...others] = answers;
  if (first === undefined) return null;
  // A star over tables that differ has other columns in each shape, until they are padded.
  const agreed = others.every(
    (columns) =>
      columns.length === first.length &&
      columns.every(({ name, type }, index) => name === first[index]?.name && type === first[index]?.type),
  );
  return agreed ? first : null;
}
