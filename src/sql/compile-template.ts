import { Buffer } from "node:buffer";
import { AppError, type Position, positionAt } from "../errors.ts";
import { RESERVED_PREFIX, STAND_IN } from "../template/reserved.ts";
import type { ScannedTemplate } from "../template/scan.ts";
import type { Selector } from "../template/selector.ts";
import type { ParamDeclarationValue, TimeRange } from "../types.ts";
import { analyseBlocks, type BlockAnalysis, isFleetRelation } from "./analyse-blocks.ts";
import { type ArmText, armText } from "./arm-text.ts";
import { copyTree, type Node, type RangeVar, type SelectStmt } from "./ast.ts";
import { byteOffsets } from "./byte-offsets.ts";
import { checkJoins } from "./check-joins.ts";
import type { ColumnFacts } from "./column-scope.ts";
import type { CopiedBlock } from "./copied-block.ts";
import { deparseVerified, print } from "./deparse.ts";
import { expandMacros, type Fill, isMacroFunction, timeGroupAsEpoch, timeGroupOf } from "./expand-macros.ts";
import { guardTree } from "./guard.ts";
import { buildOuter } from "./outer-statement.ts";
import { codePointsToUnits, type Parser, SqlSyntaxError } from "./parser.ts";
import type { Rewrite } from "./rewrites.ts";
import { refuseStrayMentions } from "./stray-mentions.ts";

const MAX_MESSAGE_LENGTH = 200;

/** Where a local relation is that is named without a schema. */
export const LOCAL_SCHEMA = "public";

/** A copied block with the text of which each arm is a filling-in. */
export interface CompiledBlock extends CopiedBlock {
  readonly arm: ArmText;
  readonly selectorOf: Selector;
}

/** A template taken apart: what runs for each tenant, and what runs once over the rows of all. */
export interface CompiledQuery {
  readonly blocks: readonly CompiledBlock[];
  /** The statement that runs once, with `partSlot(i)` where block `i`'s rows belong; null when the only block is the whole template. */
  readonly outerSql: string | null;
  /** True when the outer statement has an ORDER BY of its own. */
  readonly outerOrdered: boolean;
  readonly fill: Fill | null;
  /** The template with its macros expanded, for people. */
  readonly expandedSql: string;
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
  const root = tree.SelectStmt;

  const analysis = analyseBlocks(root, { selectors, positionOf });
  refuseForeignRelations(analysis, options, positionOf);
  const columnsOf = (relation: RangeVar): ReadonlyMap<string, ColumnFacts> => options.columnsOf(relation) ?? new Map();
  const columns = { scopeOf: analysis.scopeOf, columnsOf };
  checkJoins(root, { analysis, tenantColumn: options.tenantColumn, columns, positionOf });
  const context = { ...columns, tenantColumn: options.tenantColumn, selectors, positionOf };
  const { blocks, outer } = buildOuter(root, analysis, context);

  const compiled = await Promise.all(
    blocks.map(async (block): Promise<CompiledBlock> => {
      const deparsed = await deparseVerified(block.select, options.parser);
      return {
        ...block,
        arm: armText(deparsed, block, positionOf),
        selectorOf: selectors[block.selector] ?? { items: [] },
      };
    }),
  );
  const outerText = outer === null ? null : await deparseVerified(outer, options.parser);
  return {
    blocks: compiled,
    outerSql: outerText?.sql ?? null,
    outerOrdered: outer?.sortClause !== undefined,
    fill,
    expandedSql: expandedText(root, template),
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

/** Exactly one statement, or an error that says where the second begins. */
async function parseOne({ source, sql }: ScannedTemplate, parser: Parser): Promise<Node> {
  const parsed = await parser.parse(sql.text).catch((error: unknown) => {
    if (!(error instanceof SqlSyntaxError)) throw error;
    const position = positionAt(source, sql.toSource(error.offset));
    throw new AppError(
      "QUERY_SYNTAX",
      // PostgreSQL quotes the token that it stopped at, which may be as long as the text.
      error.message
        .slice(0, MAX_MESSAGE_LENGTH)
        .replaceAll(new RegExp(`${RESERVED_PREFIX}(\\w+?)__`, "g"), "$$<tenant>"),
      { position },
    );
  });
  const [first, second] = parsed.stmts ?? [];
  if (second !== undefined) {
    const at = byteOffsets(sql.text).toUnits(second.stmt_location ?? 0);
    throw new AppError("QUERY_FORBIDDEN", "only one statement is allowed", {
      position: positionAt(source, sql.toSource(at)),
      hint: "remove the semicolon and what follows it",
    });
  }
  if (first?.stmt === undefined) throw new AppError("QUERY_SYNTAX", "the SQL is empty", { hint: "write a SELECT" });
  return first.stmt;
}

/**
 * Reserved names in the tree must be exactly those that the scanner put into the text: an escape such as U&"\005f_tnt_0__" would be one that
 * only the parser can see, and a name of more than 63 bytes is cut, perhaps within one.
 */
function refuseForgedNames(statement: Node, { standIns }: ScannedTemplate): void {
  const text = JSON.stringify(statement);
  const found = [...text.matchAll(STAND_IN)].map((match) => match[0]);
  const forged =
    text.split(RESERVED_PREFIX).length - 1 !== found.length || found.sort().join() !== [...standIns].sort().join();
  if (!forged) return;
  throw new AppError(
    "QUERY_SYNTAX",
    `names that contain ${RESERVED_PREFIX} are reserved, and names may have 63 bytes`,
    {
      hint: "choose other names, or shorter ones around $<tenant>",
    },
  );
}

function refuseForeignRelations(
  analysis: BlockAnalysis,
  options: CompileOptions,
  positionOf: (byte: number | undefined) => Position | undefined,
): void {
  for (const relation of analysis.localRelations) {
    const allowed =
      relation.catalogname === undefined && !isFleetRelation(relation) && options.columnsOf(relation) !== null;
    if (allowed) {
      // Written in full from here on, so that no name is left to the search path.
      relation.schemaname ??= LOCAL_SCHEMA;
      continue;
    }
    const name = [relation.catalogname, relation.schemaname, relation.relname]
      .filter((part) => part !== undefined)
      .join(".");
    throw new AppError("QUERY_FORBIDDEN", `the relation ${name} is not allowed`, {
      hint: "tenants' tables are reached by $<tenant> only; an operator can list others in guard.allowRelations",
      position: positionOf(relation.location),
    });
  }
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
