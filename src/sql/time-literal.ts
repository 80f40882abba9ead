import { type Node, pathOf } from "./ast.ts";

type TimeType = "timestamptz" | "timestamp" | "date";

/** A literal of a time type that the text itself tells the instant of. */
export interface TimeLiteral {
  readonly type: TimeType;
  /** Its instant in UTC, as PostgreSQL prints a `timestamp`: `2026-01-01 10:00:00.5`, `0044-03-15 00:00:00 BC`, `infinity`. */
  readonly utc: string;
  readonly location: number | undefined;
}

const TIME =
  /^(?<date>\d{4}-\d\d-\d\d)(?:[ T](?<time>\d\d:\d\d(?::\d\d)?)(?<fraction>\.\d{1,6})?)?(?<zone>Z|[+-]\d\d(?::?\d\d)?)?(?<era> BC)?$/;

/** Reads `CAST('2026-01-01 10:00+02' AS timestamptz)` and its like; null for anything that only PostgreSQL can read for certain. */
export function timeLiteralOf(node: Node): TimeLiteral | null {
  if (!("TypeCast" in node)) return null;
  const { arg, typeName } = node.TypeCast;
  const path = pathOf(typeName?.names);
  const type = typeOf(
    path.length === 2 && path[0] === "pg_catalog" ? path[1] : path.length === 1 ? path[0] : undefined,
  );
  if (type === null || typeName?.typmods !== undefined || typeName?.arrayBounds !== undefined) return null;
  const text = arg !== undefined && "A_Const" in arg ? arg.A_Const.sval?.sval : undefined;
  const utc = text === undefined ? null : utcOf(text, type);
  const location = arg !== undefined && "A_Const" in arg ? arg.A_Const.location : undefined;
  return utc === null ? null : { type, utc, location };
}

function typeOf(name: string | undefined): TimeType | null {
  return name === "timestamptz" || name === "timestamp" || name === "date" ? name : null;
}

function utcOf(text: string, type: TimeType): string | null {
  if (text === "infinity" || text === "-infinity") return text;
  const { date = "", time, fraction = "", zone, era = "" } = TIME.exec(text)?.groups ?? {};
  const wall = Date.parse(`${date}T${time ?? "00:00"}Z`);
  // Date.parse takes 31 February and 24:00 for other days; PostgreSQL refuses the one and not the other.
  if (Number.isNaN(wall) || date.startsWith("0000") || !new Date(wall).toISOString().startsWith(date)) return null;
  if (type === "date") return time === undefined && zone === undefined ? `${date} 00:00:00${era}` : null;
  // A timestamp drops what is said of a zone; a timestamptz without one is in the session's, which is UTC.
  const offsetMs = type === "timestamp" ? 0 : offsetOf(zone);
  const instant = new Date(wall - offsetMs).toISOString();
  if (!/^\d{4}-/.test(instant) || instant.startsWith("0000") || (era !== "" && offsetMs !== 0)) return null;
  return `${instant.slice(0, 10)} ${instant.slice(11, 19)}${fraction}${era}`;
}

function offsetOf(zone: string | undefined): number {
  if (zone === undefined || zone === "Z") return 0;
  const sign = zone.startsWith("-") ? -1 : 1;
  return sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(":", ""))) * 60_000;
}

/** An untyped literal of an instant, which means the same to a `timestamp` and to a `timestamptz`: the one drops the offset. */
export function untypedInstant(utc: string): string {
  return /infinity$/.test(utc) ? utc : utc.replace(/( BC)?$/, "+00$1");
}

/** True for a text that, as a time, is the moment of reading: PostgreSQL takes its words anywhere, as in `10:00 today`. */
export function saysPresent(text: string): boolean {
  return /(?<![a-z])(?:now|today|tomorrow|yesterday)(?![a-z])/i.test(text);
}
