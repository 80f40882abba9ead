import { AppError, type Position } from "../errors.ts";
import { formatInterval, parseIntervalSeconds } from "../template/interval.ts";
import { MACROS, type Macro } from "../template/macros.ts";
import { macroFunction, RESERVED_PREFIX } from "../template/reserved.ts";
import type { ParamDeclarationValue, TimeRange } from "../types.ts";
import {
  binaryNode,
  callNode,
  copyTree,
  type FuncCall,
  locationOf,
  type Node,
  numberConstant,
  pathOf,
  targetNode,
  textConstant,
} from "./ast.ts";
import { paramLiteral } from "./param-literal.ts";

export interface MacroContext {
  readonly range: TimeRange;
  readonly intervalMs: number;
  readonly nowMs: number;
  readonly params: ReadonlyMap<string, ParamDeclarationValue>;
  readonly positionOf: (byteOffset: number | undefined) => Position | undefined;
}

/** What a missing interval of a series becomes, as the third argument of `$__timeGroup` says. */
export interface Fill {
  readonly stepSeconds: number;
  readonly value: "null" | "previous" | number;
}

/** A `$__timeGroup`, left as a marker until it is known whether its block is copied. */
export interface TimeGroup {
  readonly column: Node;
  readonly stepSeconds: number;
}

export interface ExpandedTree {
  readonly tree: Node;
  readonly fill: Fill | null;
}

const MACRO_BY_FUNCTION: ReadonlyMap<string, Macro> = new Map(
  [...MACROS.values()].map((macro) => [macroFunction(macro.name), macro]),
);
const TIME_GROUP = `${RESERVED_PREFIX}timegroup`;

/** True for the function names that stand for macros, before and after expansion. */
export function isMacroFunction(name: string): boolean {
  return MACRO_BY_FUNCTION.has(name) || name === TIME_GROUP;
}

/**
 * Puts each macro's meaning in the place of its marker call: what Grafana's PostgreSQL datasource would have written
 * (pkg/tsdb/grafana-postgresql-datasource/macros.go), as nodes. `$__timeGroup` stays a marker (see `timeGroupOf`).
 * Throws MACRO_ARGUMENTS with the macro's place and usage.
 */
export function expandMacros(root: Node, context: MacroContext): ExpandedTree {
  const expander: Expander = { context, fill: null };
  const tree = copyTree(root, (node) => expandNode(node, expander));
  return { tree, fill: expander.fill };
}

interface Expander {
  readonly context: MacroContext;
  fill: Fill | null;
}

function expandNode(node: Node, expander: Expander): Node | undefined {
  if ("ResTarget" in node && node.ResTarget.val !== undefined) {
    const call = markerCall(node.ResTarget.val);
    const isNamed = node.ResTarget.name !== undefined;
    // As Grafana reads queries of before its version 5.3: a $__timeGroup that is an output column is the time.
    if (call?.macro.name === "__timeGroup")
      return isNamed ? undefined : targetNode(timeGroup(call.macro, call.node, expander), "time");
    const column = call === undefined ? undefined : aliasedColumn(call.macro, call.node, expander);
    if (call === undefined || column === undefined) return undefined;
    if (isNamed) throw misuse(call.macro, call.node, expander, `gives the column the name "time" already`);
    return targetNode(column, "time");
  }
  const call = markerCall(node);
  return call === undefined ? undefined : expression(call.macro, call.node, expander);
}

function markerCall(node: Node): { macro: Macro; node: FuncCall } | undefined {
  if (!("FuncCall" in node)) return undefined;
  const path = pathOf(node.FuncCall.funcname);
  const macro = path.length === 1 ? MACRO_BY_FUNCTION.get(path[0] ?? "") : undefined;
  return macro === undefined ? undefined : { macro, node: node.FuncCall };
}

/** The macros that carry their own `AS "time"`. */
function aliasedColumn(macro: Macro, call: FuncCall, expander: Expander): Node | undefined {
  switch (macro.name) {
    case "__time":
      return columnArgument(macro, call, expander);
    case "__timeEpoch":
      return extractEpoch(columnArgument(macro, call, expander));
    case "__timeGroupAlias":
      return timeGroup(macro, call, expander);
    case "__unixEpochGroupAlias":
      return epochGroup(macro, call, expander);
    default:
      return undefined;
  }
}

function expression(macro: Macro, call: FuncCall, expander: Expander): Node {
  const { range, intervalMs, params } = expander.context;
  const { fromMs, toMs } = range;
  checkArity(macro, call, expander);
  switch (macro.name) {
    case "__timeFilter":
      return between(columnArgument(macro, call, expander), isoConstant(fromMs), isoConstant(toMs));
    case "__timeFrom":
      return isoConstant(fromMs);
    case "__timeTo":
      return isoConstant(toMs);
    case "__timeGroup":
      return timeGroup(macro, call, expander);
    case "__unixEpochFilter":
      return within(columnArgument(macro, call, expander), seconds(fromMs), seconds(toMs));
    case "__unixEpochFrom":
      return seconds(fromMs);
    case "__unixEpochTo":
      return seconds(toMs);
    case "__unixEpochNanoFilter":
      return within(columnArgument(macro, call, expander), nanoseconds(fromMs), nanoseconds(toMs));
    case "__unixEpochNanoFrom":
      return nanoseconds(fromMs);
    case "__unixEpochNanoTo":
      return nanoseconds(toMs);
    case "__unixEpochGroup":
      return epochGroup(macro, call, expander);
    case "__interval":
      return textConstant(formatInterval(intervalMs));
    case "__interval_ms":
      return numberConstant(intervalMs);
    case "param": {
      const name =
        call.args?.[0] !== undefined && "ColumnRef" in call.args[0]
          ? pathOf(call.args[0].ColumnRef.fields).join(".")
          : "";
      const value = params.get(name);
      if (value === undefined)
        throw misuse(macro, call, expander, `names the parameter "${name}", which the query does not declare`);
      return paramLiteral(value);
    }
    default:
      throw misuse(macro, call, expander, "can only be an output column by itself, since it carries its own name");
  }
}

function misuse(macro: Macro, call: FuncCall, { context }: Expander, problem: string): AppError {
  return new AppError("MACRO_ARGUMENTS", `$${macro.name} ${problem}`, {
    hint: `write ${macro.usage}`,
    position: context.positionOf(call.location),
  });
}

function checkArity(macro: Macro, call: FuncCall, expander: Expander): void {
  const count = call.args?.length ?? 0;
  if (count >= macro.minArguments && count <= macro.maxArguments && call.agg_star !== true) return;
  if (count === 0 && macro.maxArguments === 1)
    throw misuse(macro, call, expander, `misses its argument: missing time column argument for macro ${macro.name}`);
  if (macro.maxArguments === 3)
    throw misuse(
      macro,
      call,
      expander,
      `has ${count} arguments: macro ${macro.name} needs time column and interval and optional fill value`,
    );
  throw misuse(macro, call, expander, `has ${count} arguments`);
}

/** The first argument, with the macros inside it expanded. */
function columnArgument(macro: Macro, call: FuncCall, expander: Expander): Node {
  checkArity(macro, call, expander);
  const argument = call.args?.[0];
  if (argument === undefined) throw misuse(macro, call, expander, "misses its argument");
  return copyTree(argument, (node) => expandNode(node, expander));
}

function stepArgument(macro: Macro, call: FuncCall, expander: Expander): number {
  const argument = call.args?.[1];
  const inner = argument === undefined ? undefined : markerCall(argument);
  const text =
    inner?.macro.name === "__interval"
      ? formatInterval(expander.context.intervalMs)
      : argument !== undefined && "A_Const" in argument
        ? argument.A_Const.sval?.sval?.trim()
        : undefined;
  const step = text === undefined ? undefined : parseIntervalSeconds(text, expander.context.nowMs);
  if (step === undefined)
    throw misuse(
      macro,
      call,
      expander,
      `cannot read its interval: error parsing interval ${text ?? "(an expression)"}`,
    );
  const fill = call.args?.[2];
  if (fill !== undefined) expander.fill = { stepSeconds: step, value: fillArgument(fill, macro, call, expander) };
  return step;
}

function fillArgument(node: Node, macro: Macro, call: FuncCall, expander: Expander): Fill["value"] {
  const word = "ColumnRef" in node ? pathOf(node.ColumnRef.fields).join(".") : undefined;
  if (word === "previous") return "previous";
  if ("A_Const" in node) {
    const constant = node.A_Const;
    if (constant.isnull === true) return "null";
    if (constant.ival !== undefined) return constant.ival.ival ?? 0;
    const number = Number(constant.fval?.fval);
    if (Number.isFinite(number)) return number;
  }
  const text = word ?? ("A_Const" in node ? node.A_Const.sval?.sval : undefined) ?? "(an expression)";
  throw misuse(
    macro,
    call,
    expander,
    `cannot read its fill value, which is NULL, previous or a number: error parsing fill value ${text}`,
  );
}

function timeGroup(macro: Macro, call: FuncCall, expander: Expander): Node {
  const column = columnArgument(macro, call, expander);
  const step = stepArgument(macro, call, expander);
  const marker = callNode(TIME_GROUP, column, numberConstant(step));
  const location = locationOf({ FuncCall: call });
  return location === undefined || !("FuncCall" in marker) ? marker : { FuncCall: { ...marker.FuncCall, location } };
}

/** The parts of a `$__timeGroup` marker; undefined for any other node. */
export function timeGroupOf(node: Node): TimeGroup | undefined {
  if (!("FuncCall" in node) || pathOf(node.FuncCall.funcname)[0] !== TIME_GROUP) return undefined;
  const [column, step] = node.FuncCall.args ?? [];
  if (column === undefined || step === undefined || !("A_Const" in step)) return undefined;
  return { column, stepSeconds: step.A_Const.ival?.ival ?? Number(step.A_Const.fval?.fval ?? 0) };
}

/** Grafana's own text for `$__timeGroup`: epoch seconds as a number. postgres_fdw does not send it to the tenant. */
export function timeGroupAsEpoch({ column, stepSeconds }: TimeGroup): Node {
  return floorTo(extractEpoch(column), stepSeconds);
}

/** The form that postgres_fdw sends: an untyped 'epoch' ships for timestamp and timestamptz alike, a typed one does not. */
export function timeGroupAsBin({ column, stepSeconds }: TimeGroup): Node {
  return callNode("date_bin", textConstant(`${stepSeconds} s`), column, textConstant("epoch"));
}

function epochGroup(macro: Macro, call: FuncCall, expander: Expander): Node {
  return floorTo(columnArgument(macro, call, expander), stepArgument(macro, call, expander));
}

function floorTo(value: Node, step: number): Node {
  return binaryNode("*", callNode("floor", binaryNode("/", value, numberConstant(step))), numberConstant(step));
}

function extractEpoch(column: Node): Node {
  return {
    FuncCall: {
      funcname: [{ String: { sval: "pg_catalog" } }, { String: { sval: "extract" } }],
      args: [textConstant("epoch"), column],
      funcformat: "COERCE_SQL_SYNTAX",
    },
  };
}

function between(column: Node, low: Node, high: Node): Node {
  return {
    A_Expr: {
      kind: "AEXPR_BETWEEN",
      name: [{ String: { sval: "BETWEEN" } }],
      lexpr: column,
      rexpr: { List: { items: [low, high] } },
    },
  };
}

function within(column: Node, low: Node, high: Node): Node {
  return { BoolExpr: { boolop: "AND_EXPR", args: [binaryNode(">=", column, low), binaryNode("<=", column, high)] } };
}

/** RFC 3339 with as many digits of a second as it needs, as Go's RFC3339Nano prints it. */
function isoConstant(ms: number): Node {
  return textConstant(new Date(ms).toISOString().replace(/\.?0*Z$/, "Z"));
}

function seconds(ms: number): Node {
  return numberConstant(Math.floor(ms / 1000));
}

function nanoseconds(ms: number): Node {
  return { A_Const: { fval: { fval: (BigInt(Math.round(ms)) * 1_000_000n).toString() } } };
}
