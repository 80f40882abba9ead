import { Buffer } from "node:buffer";
import { AppError, type Position, positionAt } from "../errors.ts";
import { RESERVED_PREFIX } from "../template/reserved.ts";
import type { ScannedTemplate } from "../template/scan.ts";
import type { Selector } from "../template/selector.ts";
import type { ParamDeclarationValue, TimeRange } from "../types.ts";
import { analyseBlocks, type BlockAnalysis } from "./analyse-blocks.ts";
import { type ArmText, armText } from "./arm-text.ts";
import { copyTree, type RangeVar, type SelectStmt } from "./ast.ts";
import { byteOffsets } from "./byte-offsets.ts";
import { checkBlocks, parseOne, refuseForgedNames } from "./check-template.ts";
import type { ColumnFacts } from "./column-scope.ts";
import type { CopiedBlock, CopyContext } from "./copied-block.ts";
import { copyBlock } from "./copy-block.ts";
import { placeOfCulprit } from "./culprit-place.ts";
import { deparseVerified, print } from "./deparse.ts";
import { expandMacros, type Fill, isMacroFunction, timeGroupAsEpoch, timeGroupOf } from "./expand-macros.ts";
import { type Folding, foldConstants } from "./fold-constants.ts";
import { guardTree } from "./guard.ts";
import { limitSelects } from "./limit-selects.ts";
import { type Moved, moveIntoArms } from "./move-into-arms.ts";
import { neededCtes } from "./needed-ctes.ts";
import { buildOuter } from "./outer-statement.ts";
import { codePointsToUnits, type Parser } from "./parser.ts";
import type { Rewrite } from "./rewrites.ts";
import { shipTimes } from "./ship-times.ts";
import { refuseStrayMentions } from "./stray-mentions.ts";

const NOTHING_MOVED: Moved = { narrowing: new Map(), arms: new Set(), notes: [] };

/** A copied block with the text of which each arm is a filling-in. */
export interface CompiledBlock extends CopiedBlock {
  readonly arm: ArmText;
  readonly selectorOf: Selector;
  /** Where the user wrote what a plan names; see `placeOfCulprit`. The block's own place when it is nowhere. */
  readonly placeOf: (culprit: string | null) => Position | undefined;
}

/** A template taken apart: what runs for each tenant, and what runs once over the rows of all. */
export interface CompiledQuery {
  readonly blocks: readonly CompiledBlock[];
  /** The statement that runs once, with `partSlot(i)` where block `i`'s rows belong; null when the only block is the whole template. */
  readonly outerSql: string | null;
  /** True when relations of the federation database itself are read, by the outer statement or by a block. */
  readonly readsLocal: boolean;
  /** True when the outer statement has an ORDER BY of its own. */
  readonly outerOrdered: boolean;
  readonly fill: Fill | null;
  /** The template with its macros expanded, for people: printed when it is asked for, which may be while the tenants are at work. */
  readonly expandedSql: () => string;
  /** What the arms do for the statement around them, for people; see `moveIntoArms`. */
  readonly moved: readonly string[];
  /** The place in the user's text of a 1-based character position in the outer statement's text, before its slots are filled. */
  readonly outerPosition: (character: number) => Position | undefined;
}

export interface CompileOptions {
  readonly parser: Parser;
  readonly range: TimeRange;
  readonly intervalMs: number;
  readonly nowMs: number;
  readonly params: ReadonlyMap<string, ParamDeclarationValue>;
  readonly tenantColumn: string;
  readonly allowFunctions: ReadonlySet<string>;
  readonly rewrites: ReadonlySet<Rewrite>;
  /** Names and types of a block's columns where all tenants agree on them, else null; without it nothing is moved into arms. */
  readonly describeBlock?: (
    block: CompiledBlock,
  ) => Promise<readonly { readonly name: string; readonly type: string }[] | null>;
  /** Asks the federation database for the values of constants; null where there is none to ask, and nothing is folded. */
  readonly folding: Folding | null;
  /** True for the name of a function or of a type of the federation database. */
  readonly isFunction: (name: string) => boolean;
  /** Columns of a `$<tenant>` relation in any tenant, or of an allowed local one; null when a local relation is not allowed. */
  readonly columnsOf: (relation: RangeVar) => ReadonlyMap<string, ColumnFacts> | null;
}

/**
 * From scanned text to arms: parse, guard, expand macros, give each block its class, copy the copied ones, and prove every text by
 * parsing it again. Throws QUERY_SYNTAX, QUERY_FORBIDDEN, MACRO_* and TEMPLATE_* with the place in the user's text.
 */
export async function compileTemplate(template: ScannedTemplate, options: CompileOptions): Promise<CompiledQuery> {
  const { source, sql, selectors } = template;
  const offsets = byteOffsets(sql.text);
  const positionOf = (byte: number | undefined): Position | undefined =>
    byte === undefined ? undefined : positionAt(source, sql.toSource(offsets.toUnits(byte)));

  const statement = await parseOne(template, options.parser);
  limitSelects(statement, positionOf);
  refuseForgedNames(statement, template);
  refuseStrayMentions(statement, positionOf);
  guardTree(statement, {
    allowFunctions: options.allowFunctions,
    isFunction: options.isFunction,
    isMacro: isMacroFunction,
    positionOf,
  });
  const { tree, fill } = expandMacros(statement, { ...options, positionOf });
  if (!("SelectStmt" in tree)) throw new AppError("QUERY_FORBIDDEN", "only SELECT is allowed");
  const columnsOf = (relation: RangeVar): ReadonlyMap<string, ColumnFacts> => options.columnsOf(relation) ?? new Map();
  checkBlocks(tree.SelectStmt, options, { columnsOf, selectors, positionOf });

  const folded = await foldTemplate(tree.SelectStmt, options);
  const root = options.rewrites.has("ship-times")
    ? shipTimes(folded, { scopeOf: analyseBlocks(folded, { selectors, positionOf }).scopeOf, columnsOf })
    : folded;
  // What is known of a tree is known by its nodes.
  const analysis = analyseBlocks(root, { selectors, positionOf });
  const context: CopyContext = {
    scopeOf: analysis.scopeOf,
    columnsOf,
    tenantColumn: options.tenantColumn,
    shapesArms: options.rewrites.has("arm-shapes"),
    moved: NOTHING_MOVED,
    selectors,
    positionOf,
  };
  const moved = await moveWork(root, analysis, context, options);
  const { blocks, outer } = buildOuter(root, analysis, { ...context, moved });
  // All texts are with the parser at once.
  const [compiled, outerText] = await Promise.all([
    Promise.all(blocks.map((block) => compileBlock(block, context, options.parser))),
    outer === null ? null : deparseVerified(outer, options.parser),
  ]);
  return {
    blocks: compiled,
    outerSql: outerText?.sql ?? null,
    readsLocal: analysis.localRelations.length > 0,
    outerOrdered: outer?.sortClause !== undefined,
    fill,
    expandedSql: () => expandedText(folded, template),
    moved: moved.notes,
    outerPosition: (character) =>
      outerText === null
        ? undefined
        : positionOf(
            outerText.originOf(
              Buffer.byteLength(outerText.sql.slice(0, codePointsToUnits(outerText.sql, character - 1)), "utf8"),
            ),
          ),
  };
}

async function compileBlock(
  block: CopiedBlock,
  { selectors, positionOf }: CopyContext,
  parser: Parser,
): Promise<CompiledBlock> {
  const deparsed = await deparseVerified(block.select, parser);
  return {
    ...block,
    arm: armText(deparsed, block, positionOf),
    selectorOf: selectors[block.selector] ?? { items: [] },
    placeOf: (culprit) =>
      (culprit === null ? undefined : placeOfCulprit(block.select, culprit, positionOf)) ?? block.position,
  };
}

/** Lets the arms do what they can of the statement around them, where it can be known what their columns are. */
async function moveWork(
  root: SelectStmt,
  analysis: BlockAnalysis,
  context: CopyContext,
  { rewrites, describeBlock, parser, tenantColumn }: CompileOptions,
): Promise<Moved> {
  if (!rewrites.has("move-into-arms") || describeBlock === undefined) return NOTHING_MOVED;
  const describe = async (select: SelectStmt): Promise<ReadonlyMap<string, string> | null> => {
    const block = copyBlock(select, context, { topLevel: false, ctes: neededCtes(select, { analysis, context }) });
    const columns = (await describeBlock(await compileBlock(block, context, parser)))?.slice(
      0,
      block.addsTenant ? -1 : undefined,
    );
    const types = new Map(columns?.map(({ name, type }) => [name, type]));
    // Two columns of one name cannot be told apart by a SELECT around them.
    return columns === undefined || types.size < columns.length ? null : types;
  };
  return moveIntoArms(root, { analysis, tenantColumn, describe });
}

async function foldTemplate(root: SelectStmt, { rewrites, folding, parser }: CompileOptions): Promise<SelectStmt> {
  if (folding === null || !rewrites.has("fold")) return root;
  const folded = await foldConstants({ SelectStmt: root }, folding, parser);
  return "SelectStmt" in folded ? folded.SelectStmt : root;
}

function expandedText(root: SelectStmt, { source }: ScannedTemplate): string {
  const placeholders = [...source.matchAll(/\$<tenant(?::(?:[^">]|"[^"]*")*)?>/g)].map((match) => match[0]);
  const bySelector = [...new Set(placeholders)];
  const shown = copyTree(root, (node) => {
    const group = timeGroupOf(node);
    return group === undefined ? undefined : timeGroupAsEpoch(group);
  });
  return print(shown).replaceAll(
    new RegExp(`${RESERVED_PREFIX}(\\d+)__`, "g"),
    (_, index: string) => bySelector[Number(index)] ?? "$<tenant>",
  );
}
