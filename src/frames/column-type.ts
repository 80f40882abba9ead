import type { ValueKind } from "../types.ts";

/** Grafana's type of a column, in tables and in frames. */
export function grafanaType(kind: ValueKind): "time" | "number" | "boolean" | "string" {
  if (kind === "time" || kind === "epoch") return "time";
  return kind === "number" || kind === "boolean" ? kind : "string";
}
