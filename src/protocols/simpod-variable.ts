import { z } from "zod";
import { AppError } from "../errors.ts";
import type { Principal } from "../types.ts";
import { buildRequest, type RawQuery } from "./build-request.ts";
import { labelValues, viewFleet } from "./fleet-view.ts";
import type { ProtocolServices } from "./rest.ts";
import type { AnswerSummary } from "./route.ts";
import { readPayload, readTargetQuery } from "./simpod-input.ts";
import { unescapeRegex } from "./tenant-list.ts";

/** One choice of a variable. */
export interface VariableOption {
  readonly text: string;
  readonly value: string;
}

/** The choices of a variable, and of which answer they are; null when no query was asked. */
export interface Variable {
  readonly options: readonly VariableOption[];
  readonly summary: AnswerSummary | null;
}

/** Rows as objects, and of which answer they are. */
interface AnsweredRows {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly summary: AnswerSummary;
}

type Caller = { readonly principal: Principal; readonly signal: AbortSignal };
type Range = { readonly from: unknown; readonly to: unknown } | null | undefined;

const LABEL_PREFIX = /^labels?[.:]/;
const SQL_START = /^\s*(?:select|with|\()\s/i;
const rowsSchema = z.array(z.record(z.string(), z.unknown()));

/**
 * The choices that a variable's payload asks for. Its `target` is `tenants`, `labels` (their keys), `labels.<key>` or just
 * the key (that label's values), the name of a named query, or SQL. Of rows, `__text` and `__value` are taken where they
 * are there, else the first column. Each choice comes once.
 */
export async function readVariable(
  payload: unknown,
  range: Range,
  services: ProtocolServices,
  caller: Caller,
): Promise<Variable> {
  // A plain text is the target; Raw JSON of the plugin is an object.
  const isPlain = typeof payload === "string" && !payload.trim().startsWith("{");
  const values: Readonly<Record<string, unknown>> = isPlain ? { target: payload } : readPayload(payload);
  const { target, ...rest } = values;
  const name = typeof target === "string" ? unescapeRegex(target.trim()) : "";
  const fixed = readFleetOptions(name, services, caller.principal);
  if (fixed !== null) return { options: fixed.map((value) => ({ text: value, value })), summary: null };
  const raw = readQuery(name, typeof target === "string" ? target : "", rest);
  return runOptions(raw, range, services, caller);
}

function readFleetOptions(
  name: string,
  { catalog, config }: ProtocolServices,
  principal: Principal,
): readonly string[] | null {
  if (name === "tenants" || name === "tenant")
    return viewFleet(catalog(), principal).tenants.map((tenant) => tenant.name);
  if (name === "labels") return viewFleet(catalog(), principal).labelKeys;
  if (LABEL_PREFIX.test(name)) return labelValues(viewFleet(catalog(), principal), name.replace(LABEL_PREFIX, ""));
  if (name === "" || name === "sql" || Object.hasOwn(config.queries, name) || SQL_START.test(name)) return null;
  const fleet = viewFleet(catalog(), principal);
  return fleet.labelKeys.includes(name) ? labelValues(fleet, name) : null;
}

function readQuery(name: string, written: string, rest: Readonly<Record<string, unknown>>): RawQuery {
  if (SQL_START.test(written)) return readTargetQuery("sql", { ...rest, sql: written }, { escaped: false });
  if (name === "" && "sql" in rest) return readTargetQuery("sql", rest, { escaped: false });
  if (name === "") {
    throw new AppError("REQUEST_INVALID", "the variable has no target", {
      hint: "write tenants, labels, labels.<key>, the name of a named query, or SQL",
    });
  }
  return readTargetQuery(name, rest, { escaped: false });
}

async function runOptions(raw: RawQuery, range: Range, services: ProtocolServices, caller: Caller): Promise<Variable> {
  const { rows, summary } = await runRows(raw, range, services, caller);
  const options = new Map<string, VariableOption>();
  for (const row of rows) {
    const option = readOption(row);
    if (option !== null) options.set(JSON.stringify([option.text, option.value]), option);
  }
  return { options: [...options.values()], summary };
}

/** The rows that a question gives, as objects. */
export async function runRows(
  raw: RawQuery,
  range: Range,
  { service, config, now }: ProtocolServices,
  { principal, signal }: Caller,
): Promise<AnsweredRows> {
  const request = buildRequest({ ...raw, from: range?.from, to: range?.to, format: "rows" }, { config, nowMs: now() });
  const answer = await service.run(request, principal, signal);
  return { rows: rowsSchema.parse(JSON.parse(answer.body.toString("utf8"))), summary: answer };
}

function readOption(row: Readonly<Record<string, unknown>>): VariableOption | null {
  const value = row.__value ?? row.__text ?? Object.values(row)[0];
  if (value === undefined || value === null) return null;
  return { text: textOf(row.__text ?? value), value: textOf(value) };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
