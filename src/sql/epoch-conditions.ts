import { builtInName, type Node, pathOf, textConstant } from "./ast.ts";
import { areTimestamps, type ColumnTypes, comparisonOf } from "./literal-for-column.ts";
import { untypedInstant } from "./time-literal.ts";

/** An exact decimal: `digits / 10^scale`. */
interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

interface Epoch {
  readonly column: Node;
  /** True for `date_part`, whose seconds are floating-point numbers. */
  readonly floating: boolean;
  /** What the seconds are multiplied by: 1,000 for milliseconds. */
  readonly factor: bigint;
}

const MIRRORED: Readonly<Record<string, string>> = { "<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>" };
/** Years 1 to 9999, in microseconds since 1970. */
const FIRST = -62_135_596_800_000_000n;
const LAST = 253_402_300_799_999_999n;
/** Up to here, in seconds, the microseconds nearest to a whole number are other floating-point numbers than it (2242). */
const EXACT_FLOATING_SECONDS = 8_000_000_000n;

/**
 * `extract(epoch FROM c) >= 1763798400` as `c >= '2025-11-22 08:00:00+00'`, which postgres_fdw sends; exact to the microsecond that times
 * have. Undefined for what has no equal: other columns, other numbers, times outside of the years 1 to 9999.
 */
export function epochCondition(node: Node, typesOf: ColumnTypes): Node | undefined {
  if (!("A_Expr" in node)) return undefined;
  const { lexpr, rexpr, kind } = node.A_Expr;
  if (lexpr === undefined || rexpr === undefined) return undefined;
  if (kind === "AEXPR_BETWEEN" || kind === "AEXPR_NOT_BETWEEN") {
    const epoch = epochOf(lexpr, typesOf);
    const [low, high] = "List" in rexpr ? (rexpr.List.items ?? []) : [];
    if (epoch === null || low === undefined || high === undefined) return undefined;
    const bounds = [instantFor(">=", low, epoch), instantFor("<=", high, epoch)].flatMap((bound) => bound ?? []);
    if (bounds.length < 2) return undefined;
    return { A_Expr: { ...node.A_Expr, lexpr: epoch.column, rexpr: { List: { items: bounds } } } };
  }
  const operator = comparisonOf(node);
  if (operator === null) return undefined;
  const left = epochOf(lexpr, typesOf);
  if (left !== null) {
    const instant = instantFor(operator, rexpr, left);
    return instant && { A_Expr: { ...node.A_Expr, lexpr: left.column, rexpr: instant } };
  }
  const right = epochOf(rexpr, typesOf);
  const instant = right === null ? undefined : instantFor(MIRRORED[operator] ?? "", lexpr, right);
  return right === null || instant === undefined
    ? undefined
    : { A_Expr: { ...node.A_Expr, lexpr: instant, rexpr: right.column } };
}

function epochOf(node: Node, typesOf: ColumnTypes): Epoch | null {
  return multipleOf(node, typesOf) ?? secondsOf(node, typesOf);
}

/** `extract(epoch FROM c) * 1000`, either way round. */
function multipleOf(node: Node, typesOf: ColumnTypes): Epoch | null {
  if (!("A_Expr" in node) || pathOf(node.A_Expr.name).join(".") !== "*") return null;
  const { lexpr, rexpr } = node.A_Expr;
  for (const [value, multiplier] of [
    [lexpr, rexpr],
    [rexpr, lexpr],
  ]) {
    if (value === undefined || multiplier === undefined || !("A_Const" in multiplier)) continue;
    const factor = multiplier.A_Const.ival?.ival ?? 0;
    const seconds = secondsOf(value, typesOf);
    if (factor > 0 && seconds !== null && !seconds.floating) return { ...seconds, factor: BigInt(factor) };
  }
  return null;
}

function secondsOf(node: Node, typesOf: ColumnTypes): Epoch | null {
  if (!("FuncCall" in node)) return null;
  const name = builtInName(node.FuncCall);
  const [field, column] = node.FuncCall.args ?? [];
  if ((name !== "extract" && name !== "date_part") || field === undefined || column === undefined) return null;
  if (!("A_Const" in field) || field.A_Const.sval?.sval?.toLowerCase() !== "epoch") return null;
  const types = typesOf(column);
  return types !== null && areTimestamps(types) ? { column, floating: name === "date_part", factor: 1n } : null;
}

/** The literal to compare the column with, so that `column operator literal` is `its seconds operator number`. */
function instantFor(operator: string, number: Node, { floating, factor }: Epoch): Node | undefined {
  const seconds = decimalOf(number);
  if (seconds === null) return undefined;
  const unit = 10n ** BigInt(seconds.scale) * factor;
  const scaled = seconds.digits * 1_000_000n;
  const isWhole = scaled % unit === 0n;
  if (!isWhole && (operator === "=" || operator === "<>")) return undefined;
  if (floating && (seconds.digits % unit !== 0n || absolute(seconds.digits / unit) > EXACT_FLOATING_SECONDS))
    return undefined;
  const down = isWhole || scaled > 0n ? scaled / unit : scaled / unit - 1n;
  const micros = isWhole || operator === ">" || operator === "<=" ? down : down + 1n;
  return micros < FIRST || micros > LAST ? undefined : textConstant(untypedInstant(utcText(micros)));
}

/** The exact value of a number as it is written, or as folding left it. */
function decimalOf(node: Node): Decimal | null {
  if ("TypeCast" in node) {
    const { arg, typeName } = node.TypeCast;
    const isExact = ["numeric", "int8", "int4", "int2"].includes(pathOf(typeName?.names).at(-1) ?? "");
    const plain = typeName?.typmods === undefined && typeName?.arrayBounds === undefined;
    const text = arg !== undefined && "A_Const" in arg ? arg.A_Const.sval?.sval : undefined;
    return isExact && plain && text !== undefined ? parseDecimal(text) : null;
  }
  if (!("A_Const" in node)) return null;
  if (node.A_Const.ival !== undefined) return { digits: BigInt(node.A_Const.ival.ival ?? 0), scale: 0 };
  return node.A_Const.fval === undefined ? null : parseDecimal(node.A_Const.fval.fval ?? "");
}

function parseDecimal(text: string): Decimal | null {
  const match = /^(-?\d{1,30})(?:\.(\d{0,30}))?$/.exec(text);
  if (match === null) return null;
  const fraction = match[2] ?? "";
  return { digits: BigInt(`${match[1]}${fraction}`), scale: fraction.length };
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function utcText(micros: bigint): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const whole = new Date(Number((micros - fraction) / 1000n)).toISOString();
  const digits = fraction === 0n ? "" : `.${fraction.toString().padStart(6, "0").replace(/0+$/, "")}`;
  return `${whole.slice(0, 10)} ${whole.slice(11, 19)}${digits}`;
}
