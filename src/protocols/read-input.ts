import type { z } from "zod";
import { AppError } from "../errors.ts";

/** The input as the schema reads it. Throws REQUEST_INVALID, which lists every mistake with its place. */
export function readInput<Schema extends z.ZodType>(schema: Schema, input: unknown, what: string): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map(
    (issue) => `${[what, ...issue.path].map(String).join(".")}: ${issue.message}`,
  );
  throw new AppError("REQUEST_INVALID", mistakes.join("; ").slice(0, 500), { hint: keysHint(schema) });
}

function keysHint(schema: z.ZodType): string | undefined {
  const shape =
    "shape" in schema && typeof schema.shape === "object" && schema.shape !== null ? Object.keys(schema.shape) : [];
  return shape.length === 0 ? undefined : `known: ${shape.join(", ")}`;
}
