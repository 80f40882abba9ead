import jsonata from "jsonata";
import { z } from "zod";
import type { Labels } from "../../../src/types.ts";

export type CellType = "time" | "number" | "string" | "boolean";
export type Cell = number | string | boolean | null;

export interface BackendField {
  readonly name: string;
  readonly type: CellType;
  readonly labels: Labels;
  readonly values: readonly Cell[];
}

/** What Infinity's backend parser tells alerting of a frame; `none` is a frame that alerting must guess about. */
export type FrameKind = "timeseries-wide" | "numeric-long" | "numeric-wide" | "none";

export interface BackendFrame {
  readonly kind: FrameKind;
  readonly fields: readonly BackendField[];
  readonly rowCount: number;
}

export const columnSchema = z.object({
  selector: z.string(),
  text: z.string(),
  type: z.enum(["string", "number", "timestamp", "timestamp_epoch", "timestamp_epoch_s", "boolean"]),
});

export type DeclaredColumn = z.infer<typeof columnSchema>;

type Row = Readonly<Record<string, unknown>>;
const rowsSchema = z.array(z.record(z.string(), z.unknown()));

function timeCell(value: unknown, column: DeclaredColumn): Cell {
  if (column.type === "timestamp") return Date.parse(String(value));
  const factor = column.type === "timestamp_epoch_s" ? 1000 : 1;
  return Number(value) * factor;
}

function declaredField(rows: readonly Row[], column: DeclaredColumn): BackendField {
  const type: CellType = column.type.startsWith("timestamp")
    ? "time"
    : z.enum(["string", "number", "boolean"]).parse(column.type);
  const values = rows.map((row): Cell => {
    const value = row[column.selector];
    if (value === null || value === undefined) return null;
    if (type === "time") return timeCell(value, column);
    if (type === "number") return Number(value);
    return type === "boolean" ? Boolean(value) : typeof value === "object" ? JSON.stringify(value) : String(value);
  });
  return { name: column.text, type, labels: {}, values };
}

/** Without declared columns: the type of the first value that is there; ISO texts stay texts; what is nested becomes JSON. */
function guessedField(rows: readonly Row[], name: string): BackendField {
  const first = rows.map((row) => row[name]).find((value) => value !== null && value !== undefined);
  const type = typeof first === "number" ? "number" : typeof first === "boolean" ? "boolean" : "string";
  const values = rows.map((row): Cell => {
    const value = row[name];
    if (value === null || value === undefined) return null;
    if (typeof value === "number" || typeof value === "boolean") return type === "string" ? String(value) : value;
    return typeof value === "string" ? value : JSON.stringify(value);
  });
  return { name, type, labels: {}, values };
}

/**
 * Frames a JSON answer as Infinity's backend parser does: one frame, the declared columns in their order, or the union
 * of all keys in alphabetical order. An empty array is a frame without fields. The root selector is JSONata.
 */
export async function frameJson(
  json: unknown,
  rootSelector: string,
  columns: readonly DeclaredColumn[],
): Promise<Pick<BackendFrame, "fields" | "rowCount">> {
  const selected: unknown = rootSelector === "" ? json : await jsonata(rootSelector).evaluate(json);
  // JSONata's sequences carry a property of their own and a single result comes without its array.
  const rows = rowsSchema.parse(Array.isArray(selected) ? [...selected] : [selected]);
  if (rows.length === 0) return { fields: [], rowCount: 0 };
  if (columns.length > 0)
    return { fields: columns.map((column) => declaredField(rows, column)), rowCount: rows.length };
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].sort();
  return { fields: names.map((name) => guessedField(rows, name)), rowCount: rows.length };
}
