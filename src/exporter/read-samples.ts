import { z } from "zod";
import { AppError } from "../errors.ts";
import type { Sample } from "../observe/exposition.ts";
import type { ExportSettings } from "./exported-queries.ts";

/** The samples of one answer, and what became of the rows that gave none. */
export interface ReadSamples {
  readonly samples: readonly Sample[];
  /** Rows whose labels an earlier row had: the later row's value stands. */
  readonly duplicates: number;
  /** Label sets beyond `maxSeries`. */
  readonly dropped: number;
}

const rowsSchema = z.array(z.record(z.string(), z.unknown()));

/**
 * Reads an answer in the format `rows`. Rows with a null value give no sample; a null label is the empty text, which
 * Prometheus takes for no label. Throws `CONFIG_INVALID` when a column is missing or no number.
 */
export function readSamples(body: string, settings: ExportSettings): ReadSamples {
  const rows = rowsSchema.parse(JSON.parse(body));
  const first = rows[0];
  if (first !== undefined) requireColumns(Object.keys(first), settings);
  const byLabels = new Map<string, Sample>();
  let duplicates = 0;
  let dropped = 0;
  for (const row of rows) {
    const value = sampleValue(row[settings.value], settings);
    if (value === undefined) continue;
    const labelValues = settings.labels.map((label) => labelText(row[label]));
    const key = JSON.stringify(labelValues);
    const known = byLabels.has(key);
    if (known) duplicates += 1;
    else if (byLabels.size >= settings.maxSeries) {
      dropped += 1;
      continue;
    }
    byLabels.set(key, { labelValues, value });
  }
  return { samples: [...byLabels.values()], duplicates, dropped };
}

function requireColumns(columns: readonly string[], settings: ExportSettings): void {
  const missing = [settings.value, ...settings.labels].filter((name) => !columns.includes(name));
  if (missing.length === 0) return;
  throw new AppError(
    "CONFIG_INVALID",
    `the export "${settings.name}" needs columns that its query lacks: ${missing.join(", ")}`,
    {
      hint: `the query gives ${columns.join(", ")}`,
    },
  );
}

function sampleValue(value: unknown, settings: ExportSettings): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "boolean") return value ? 1 : 0;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && !Number.isNaN(number)) return number;
  throw new AppError("CONFIG_INVALID", `the export "${settings.name}" needs numbers in "${settings.value}"`, {
    hint: "cast the column to a number in the query, or name another one as `value`",
  });
}

function labelText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
