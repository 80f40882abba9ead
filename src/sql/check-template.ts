import { AppError, type Position, positionAt } from "../errors.ts";
import { RESERVED_PREFIX, STAND_IN } from "../template/reserved.ts";
import type { ScannedTemplate } from "../template/scan.ts";
import { analyseBlocks, type BlockAnalysis, isFleetRelation } from "./analyse-blocks.ts";
import type { Node, SelectStmt } from "./ast.ts";
import { byteOffsets } from "./byte-offsets.ts";
import { checkJoins } from "./check-joins.ts";
import type { CompileOptions } from "./compile-template.ts";
import type { CopyContext } from "./copied-block.ts";
import { forbiddenCalls } from "./guard.ts";
import { refuseCalledColumns } from "./guard-columns.ts";
import { limitReferences } from "./limit-references.ts";
import { type Parser, SqlSyntaxError } from "./parser.ts";

const MAX_MESSAGE_LENGTH = 200;

/** Where a local relation is that is named without a schema. */
export const LOCAL_SCHEMA = "public";

/** Exactly one statement, or an error that says where the second begins. */
export async function parseOne({ source, sql }: ScannedTemplate, parser: Parser): Promise<Node> {
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
export function refuseForgedNames(statement: Node, { standIns }: ScannedTemplate): void {
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

/** Everything that can be wrong with the blocks as they are written, before the federation database is asked anything. */
export function checkBlocks(
  root: SelectStmt,
  options: CompileOptions,
  { columnsOf, selectors, positionOf }: Pick<CopyContext, "columnsOf" | "selectors" | "positionOf">,
): void {
  const { tenantColumn } = options;
  const analysis = analyseBlocks(root, { selectors, positionOf });
  limitReferences(analysis.bindings, positionOf);
  refuseForeignRelations(analysis, options, positionOf);
  checkJoins(root, { analysis, tenantColumn, columns: { scopeOf: analysis.scopeOf, columnsOf }, positionOf });
  refuseCalledColumns(root, {
    analysis,
    columnsOf,
    tenantColumn,
    isForbiddenCall: forbiddenCalls(options),
    positionOf,
  });
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
