import { AppError } from "../errors.ts";
import type { Principal } from "../types.ts";
import type { ProtocolServices } from "./rest.ts";
import type { AnswerSummary } from "./route.ts";
import { readPayload, readTargetQuery } from "./simpod-input.ts";
import { runRows } from "./simpod-variable.ts";

/** What the older plugin asks: a query in the annotation's text. */
interface AnnotationQuestion {
  readonly range?: { readonly from: unknown; readonly to: unknown } | null | undefined;
  readonly annotation: Readonly<Record<string, unknown>>;
}

/**
 * Annotations of the older plugin: rows with `time`, and where they are there `timeEnd` (or `time_end`), `title`, `text` and
 * `tags` (text with commas, or an array); the tenant is a tag. The annotation's `query` is SQL, the name of a named query,
 * or a JSON payload. Throws REQUEST_INVALID when rows have no time.
 */
export async function readAnnotations(
  question: AnnotationQuestion,
  services: ProtocolServices,
  caller: { readonly principal: Principal; readonly signal: AbortSignal },
): Promise<{ readonly annotations: readonly object[]; readonly summary: AnswerSummary }> {
  const { annotation } = question;
  const { rows, summary } = await runRows(readQuestion(annotation.query, services), question.range, services, caller);
  const { tenantColumn } = services.config.tenants;
  return { annotations: rows.map((row) => toAnnotation(annotation, row, tenantColumn)), summary };
}

function readQuestion(query: unknown, { config }: ProtocolServices) {
  const text = typeof query === "string" ? query.trim() : "";
  if (text !== "" && !text.startsWith("{")) {
    return Object.hasOwn(config.queries, text) ? { query: text } : { sql: text };
  }
  const { target, ...payload } = readPayload(query);
  return readTargetQuery(typeof target === "string" ? target : "sql", payload, { escaped: false });
}

function toAnnotation(annotation: unknown, row: Readonly<Record<string, unknown>>, tenantColumn: string): object {
  if (typeof row.time !== "number") {
    throw new AppError("REQUEST_INVALID", "an annotation's row has no time", {
      hint: "give the query a column called time that is never null",
    });
  }
  const end = row.timeEnd ?? row.timeend ?? row.time_end;
  const tenant = row[tenantColumn];
  return {
    annotation,
    time: row.time,
    ...(typeof end === "number" ? { timeEnd: end } : {}),
    title: textOf(row.title ?? ""),
    text: textOf(row.text ?? ""),
    tags: [...readTags(row.tags), ...(typeof tenant === "string" ? [tenant] : [])],
  };
}

function readTags(tags: unknown): readonly string[] {
  if (Array.isArray(tags)) return tags.map(textOf);
  if (typeof tags !== "string") return [];
  return tags
    .split(",")
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
