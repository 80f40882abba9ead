import { builtInName, callNode, type Node, textConstant } from "./ast.ts";
import { areTimestamps, type ColumnTypes } from "./literal-for-column.ts";

/** Units whose intervals all have one length, and so are bins. */
const BINS: ReadonlyMap<string, string> = new Map([
  ["microseconds", "1 microsecond"],
  ["milliseconds", "1 millisecond"],
  ["second", "1 second"],
  ["minute", "1 minute"],
  ["hour", "1 hour"],
  ["day", "1 day"],
  ["week", "7 days"],
]);

// A Monday, and long ago: date_bin of unpatched servers (before 14.12, 15.7, 16.3) is one bin off for times on the edge of a bin before the origin.
const ORIGIN = "0001-01-01";

/**
 * `date_trunc('hour', c)` as `date_bin('1 hour', c, '0001-01-01')`, which postgres_fdw sends: in a session in UTC, where days have 24 hours,
 * they are equal up to the year 292000. The untyped origin suits `timestamp` and `timestamptz` alike. Undefined for months and longer, and for other columns.
 */
export function dateBin(node: Node, typesOf: ColumnTypes): Node | undefined {
  if (!("FuncCall" in node)) return undefined;
  const [unit, column, zone] = node.FuncCall.args ?? [];
  if (builtInName(node.FuncCall) !== "date_trunc" || unit === undefined || column === undefined) return undefined;
  const stride = BINS.get(textOf(unit)?.toLowerCase() ?? "");
  const types = typesOf(column);
  if (stride === undefined || types === null || !areTimestamps(types)) return undefined;
  // With a zone the result is a timestamptz, whatever the column.
  if (zone !== undefined && (textOf(zone) !== "UTC" || types.has("timestamp without time zone"))) return undefined;
  const bin = callNode("date_bin", textConstant(stride), column, textConstant(ORIGIN));
  const { location } = node.FuncCall;
  return "FuncCall" in bin && location !== undefined ? { FuncCall: { ...bin.FuncCall, location } } : bin;
}

function textOf(node: Node): string | undefined {
  return "A_Const" in node ? node.A_Const.sval?.sval : undefined;
}
