import type { Table, TableColumn } from "../types.ts";
import { grafanaType } from "./column-type.ts";
import { type EncodedAnswer, type EncodeOptions, firstFrameMeta } from "./encoded-answer.ts";
import { quoteJson } from "./json-text.ts";
import { type Series, type SeriesSet, seriesTitle, splitSeries } from "./split-series.ts";
import { jsonEncoder } from "./value-json.ts";
import { type Elements, writeElements } from "./write-elements.ts";

/**
 * Grafana's data frames. With a time column and a numeric one, a frame for each label set (`timeseries-multi`);
 * otherwise one frame with all columns. Without rows, one frame without fields. Notices and coverage are in the first frame.
 */
export function encodeFrames(table: Table, options: EncodeOptions): EncodedAnswer {
  return writeElements(table.rowCount, options, (rows, cut): Elements => {
    const set = rows === 0 ? undefined : splitSeries(table, rows);
    const notices = set?.notices ?? [];
    const meta = firstFrameMeta(options, notices, cut);
    if (set === undefined || set.series.length === 0) {
      const fields = rows === 0 || set !== undefined ? [] : wholeColumns(table, rows);
      return { texts: [frameJson(options.name, meta, fields)], notices };
    }
    const seriesMeta = { type: "timeseries-multi", typeVersion: [0, 1] };
    const fieldsOf = seriesFieldEncoder(table, set);
    const texts = set.series.map((series, index) =>
      frameJson(options.name, index === 0 ? { ...seriesMeta, ...meta } : seriesMeta, fieldsOf(series)),
    );
    return { texts, notices };
  });
}

function frameJson(name: string, meta: Readonly<Record<string, unknown>>, fields: readonly string[]): string {
  return `{"name":${quoteJson(name)},"meta":${JSON.stringify(meta)},"fields":[${fields.join(",")}]}`;
}

function wholeColumns(table: Table, rowCount: number): readonly string[] {
  return table.columns.map((column, index) => {
    const values = table.values[index] ?? [];
    return fieldJson(column, {}, encodeValues(column, values.length === rowCount ? values : values.slice(0, rowCount)));
  });
}

/** Encodes the fields of one series after another: the time, then each value column with the labels. */
function seriesFieldEncoder(table: Table, set: SeriesSet): (series: Series) => readonly string[] {
  const { timesMs, timeColumn } = set;
  const valueColumns = set.valueColumns.flatMap((index) => {
    const column = table.columns[index];
    return column === undefined ? [] : [{ column, values: table.values[index] ?? [] }];
  });
  return ({ labels, title, rows }) => {
    const times = rows.map((row) => String(timesMs[row])).join(",");
    const valueFields = valueColumns.map(({ column, values }) => {
      const displayName = seriesTitle(title, column.name, valueColumns.length);
      const encoded = encodeValues(
        column,
        rows.map((row) => values[row] ?? null),
      );
      return fieldJson(column, { labels, config: { displayNameFromDS: displayName } }, encoded);
    });
    return [fieldJson(timeColumn, {}, times), ...valueFields];
  };
}

function encodeValues(column: TableColumn, values: readonly (string | null)[]): string {
  const encode = jsonEncoder(column, "frame");
  return values.map((value) => (value === null ? "null" : encode(value))).join(",");
}

function fieldJson(column: TableColumn, extra: Readonly<Record<string, unknown>>, values: string): string {
  const attributes = JSON.stringify({ name: column.name, type: grafanaType(column.kind), ...extra });
  return `${attributes.slice(0, -1)},"values":[${values}]}`;
}
