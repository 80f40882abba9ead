import { AppError } from "../errors.ts";
import type { ParamDeclarationValue, ParamType, ParamValue } from "../types.ts";
import { showInput } from "./show-input.ts";
import { parseTime } from "./time-input.ts";

/** A parameter as a named query declares it. */
export interface ParamDeclaration {
  readonly type: ParamType;
  /** Value when none is given; without it the parameter is required. Read like a given one. */
  readonly default?: string | number | boolean | undefined;
  /** The only values allowed. */
  readonly values?: readonly (string | number | boolean)[] | undefined;
}

export type ParamDeclarations = Readonly<Record<string, ParamDeclaration>>;

const TRUE = new Set(["true", "1", "on", "yes"]);
const FALSE = new Set(["false", "0", "off", "no"]);

/**
 * Values for the declared parameters of a named query: typed, defaults filled in, checked against the allowed values.
 * Timestamps become ISO 8601 in UTC. Throws PARAM_INVALID for an unknown, missing, unreadable or forbidden one.
 */
export function readParams(
  given: ReadonlyMap<string, unknown>,
  declarations: ParamDeclarations,
  nowMs: number,
): ReadonlyMap<string, ParamDeclarationValue> {
  const known = Object.keys(declarations);
  for (const name of given.keys()) {
    if (!Object.hasOwn(declarations, name)) throw unknownParam(name, known);
  }
  return new Map(
    Object.entries(declarations).map(([name, declaration]) => [
      name,
      readParam(name, given.get(name), declaration, nowMs),
    ]),
  );
}

function unknownParam(name: string, known: readonly string[]): AppError {
  return new AppError("PARAM_INVALID", `parameter "${name.slice(0, 60)}" is not declared by the query`, {
    hint: known.length === 0 ? "the query declares no parameters" : `declared: ${known.join(", ")}`,
  });
}

function readParam(name: string, given: unknown, declaration: ParamDeclaration, nowMs: number): ParamDeclarationValue {
  const input = isAbsent(given, declaration) ? declaration.default : given;
  if (input === undefined) {
    throw new AppError("PARAM_INVALID", `parameter "${name}" is missing`, {
      hint: `give a value of the type ${declaration.type}`,
    });
  }
  const value = readValue(name, input, declaration.type, nowMs);
  const allowed = declaration.values?.map((item) => readValue(name, item, declaration.type, nowMs));
  if (allowed !== undefined && !allowed.includes(value)) {
    throw new AppError("PARAM_INVALID", `parameter "${name}": ${showInput(input)} is not allowed`, {
      hint: `allowed: ${allowed.join(", ")}`,
    });
  }
  return { type: declaration.type, value };
}

// Grafana's text boxes and variables send "" for nothing; only free text can mean it.
function isAbsent(given: unknown, declaration: ParamDeclaration): boolean {
  if (given === undefined || given === null) return true;
  return given === "" && (declaration.type !== "text" || declaration.values !== undefined);
}

function readValue(name: string, input: unknown, type: ParamType, nowMs: number): ParamValue {
  const value = convert(input, type, nowMs, name);
  if (value !== null) return value;
  throw new AppError("PARAM_INVALID", `parameter "${name}": ${showInput(input)} is not of the type ${type}`, {
    hint: type === "integer" ? "write a whole number between -(2^53 - 1) and 2^53 - 1" : undefined,
  });
}

function convert(input: unknown, type: ParamType, nowMs: number, name: string): ParamValue {
  const text =
    typeof input === "string" ? input : typeof input === "number" || typeof input === "boolean" ? String(input) : null;
  if (text === null) return null;
  const trimmed = text.trim();
  switch (type) {
    case "text":
      return text;
    case "integer":
      return /^[+-]?\d{1,16}$/.test(trimmed) && Number.isSafeInteger(Number(trimmed)) ? Number(trimmed) : null;
    case "number":
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(trimmed) && Number.isFinite(Number(trimmed))
        ? Number(trimmed)
        : null;
    case "boolean":
      return TRUE.has(trimmed.toLowerCase()) ? true : FALSE.has(trimmed.toLowerCase()) ? false : null;
    case "timestamp":
      return readTimestamp(input, nowMs, name);
  }
  return type satisfies never;
}

function readTimestamp(input: unknown, nowMs: number, name: string): string {
  try {
    return new Date(parseTime(input, { name, nowMs, edge: "from" })).toISOString();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError("PARAM_INVALID", `parameter "${name}": ${showInput(input)} is not of the type timestamp`, {
      hint: error.hint,
      cause: error,
    });
  }
}

/** Values for `$param(name)` in SQL of the request, which declares nothing: the type is the one that the JSON value has. */
export function inferParams(given: ReadonlyMap<string, unknown>): ReadonlyMap<string, ParamDeclarationValue> {
  return new Map([...given].map(([name, value]) => [name, inferParam(name, value)]));
}

function inferParam(name: string, value: unknown): ParamDeclarationValue {
  if (typeof value === "string" || value === null) return { type: "text", value };
  if (typeof value === "boolean") return { type: "boolean", value };
  if (typeof value === "number") return { type: Number.isSafeInteger(value) ? "integer" : "number", value };
  throw new AppError(
    "PARAM_INVALID",
    `parameter "${name.slice(0, 60)}": ${showInput(value)} is not a text, number or boolean`,
  );
}
