import type { Format, TableColumn } from "../types.ts";
import { arrayEncoder } from "./array-json.ts";
import { parseEpochMs, parseTimeMs } from "./epoch.ts";
import { type EncodeValue, quoteJson } from "./json-text.ts";

/** `frame` and `timeserie` end in JavaScript, where an integer beyond 2^53 would lose digits: it becomes a string. */
const DOUBLES_ONLY: ReadonlySet<Format> = new Set<Format>(["frame", "timeserie"]);
const NESTED_JSON: ReadonlySet<Format> = new Set<Format>(["rows", "ndjson"]);
const ALWAYS_FINITE: ReadonlySet<string> = new Set(["smallint", "integer", "bigint", "oid"]);

/** The encoder of one column's values in one format; chosen once, so that nothing is decided per row. */
export function jsonEncoder(column: TableColumn, format: Format): EncodeValue {
  switch (column.kind) {
    case "number":
      if (DOUBLES_ONLY.has(format)) return doubleJson;
      return ALWAYS_FINITE.has(column.type) ? asIs : numberJson;
    case "time":
      return rememberLast((text) => String(parseTimeMs(text)));
    case "epoch":
      return rememberLast((text) => String(parseEpochMs(text)));
    case "boolean":
      return booleanJson;
    case "json":
      return NESTED_JSON.has(format) ? embeddedJson : quoteJson;
    case "array":
      return NESTED_JSON.has(format) ? arrayEncoder(column.type, elementEncoder) : quoteJson;
    case "text":
      return quoteJson;
    default:
      return column.kind satisfies never;
  }
}

/** PostgreSQL's text of a finite number is a JSON number, digit for digit; NaN and the infinities are null. */
function numberJson(text: string): string {
  const first = text.charCodeAt(0) === 45 ? text.charCodeAt(1) : text.charCodeAt(0);
  return first >= 48 && first <= 57 ? text : "null";
}

function doubleJson(text: string): string {
  const mayBeUnsafe = text.length > 15 && /^-?\d+$/.test(text) && !Number.isSafeInteger(Number(text));
  return mayBeUnsafe ? `"${text}"` : numberJson(text);
}

function booleanJson(text: string): string {
  return text === "t" ? "true" : "false";
}

/** PostgreSQL has validated it. In `json` (not `jsonb`) line breaks stay as typed; in ndjson a line is a row. */
function embeddedJson(text: string): string {
  return /[\r\n]/.test(text) ? text.replaceAll(/[\r\n]/g, " ") : text;
}

function asIs(text: string): string {
  return text;
}

/** Rows of one bucket come together, one for each tenant: most times equal the one before. */
function rememberLast(encode: EncodeValue): EncodeValue {
  let last: string | undefined;
  let encoded = "null";
  return (text) => {
    if (text !== last) {
      encoded = encode(text);
      last = text;
    }
    return encoded;
  };
}

/** By the element type of an array, in PostgreSQL's spelling. */
function elementEncoder(type: string): EncodeValue {
  switch (type) {
    case "smallint":
    case "integer":
    case "bigint":
    case "oid":
    case "numeric":
    case "real":
    case "double precision":
      return numberJson;
    case "date":
    case "timestamp without time zone":
    case "timestamp with time zone":
      return (text) => String(parseTimeMs(text));
    case "boolean":
      return booleanJson;
    case "json":
    case "jsonb":
      return embeddedJson;
    default:
      return quoteJson;
  }
}
