import type { Notice, Table } from "../types.ts";
import { type EncodedAnswer, type EncodeOptions, firstFrameMeta } from "./encoded-answer.ts";
import { quoteJson } from "./json-text.ts";
import { isTimeSeries, type Series, type SeriesSet, seriesTitle, splitSeries } from "./split-series.ts";
import { encodeTableFormat } from "./table-format.ts";
import { jsonEncoder } from "./value-json.ts";
import { type Elements, writeElements } from "./write-elements.ts";

const NO_SERIES: Notice = {
  severity: "info",
  text: "shown as a table: time series need a column called time, of a time or epoch, and a numeric column",
};

/**
 * simPod's series: `[{"target":…,"title":…,"tags":{…},"datapoints":[[value,ms],…]},…]`, one for each label set and value column,
 * ascending; the first carries the meta. No rows give `[]`; rows that cannot be series give the table format, with a notice.
 */
export function encodeTimeserie(table: Table, options: EncodeOptions): EncodedAnswer {
  if (table.rowCount > 0 && !isTimeSeries(table)) return encodeTableFormat(table, options, [NO_SERIES]);
  return writeElements(table.rowCount, options, (rows, cut): Elements => {
    const set = splitSeries(table, rows);
    const notices = set?.notices ?? [];
    const meta = JSON.stringify(firstFrameMeta(options, notices, cut));
    const texts = set === undefined ? [] : set.series.flatMap(seriesEncoder(table, set));
    return { texts: texts.map((text, index) => (index === 0 ? `{${text},"meta":${meta}}` : `{${text}}`)), notices };
  });
}

/** Encodes one series as the members of an object for each value column. */
function seriesEncoder(table: Table, set: SeriesSet): (series: Series) => readonly string[] {
  const valueColumns = set.valueColumns.flatMap((index) => {
    const column = table.columns[index];
    if (column === undefined) return [];
    return [{ name: column.name, values: table.values[index] ?? [], encode: jsonEncoder(column, "timeserie") }];
  });
  return ({ labels, title, rows }) => {
    const tags = JSON.stringify(labels);
    return valueColumns.map(({ name, values, encode }) => {
      const points = rows.map((row) => {
        const value = values[row] ?? null;
        return `[${value === null ? "null" : encode(value)},${set.timesMs[row]}]`;
      });
      const target = quoteJson(seriesTitle(title, name, valueColumns.length));
      // With a title Grafana shows just that; otherwise it writes the labels after the target.
      return `"target":${target},"title":${target},"tags":${tags},"datapoints":[${points.join(",")}]`;
    });
  };
}
