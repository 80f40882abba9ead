import type { Notice, Table } from "../types.ts";
import { grafanaType } from "./column-type.ts";
import { type EncodedAnswer, type EncodeOptions, firstFrameMeta, JSON_TYPE, rowsAnswer } from "./encoded-answer.ts";
import { quoteJson } from "./json-text.ts";
import { writeRows } from "./size-limit.ts";
import { jsonEncoder } from "./value-json.ts";

/** simPod's table: `[{"type":"table","columns":[…],"rows":[[…],…],"meta":{…}}]`, one element always. `added` joins the notices. */
export function encodeTableFormat(table: Table, options: EncodeOptions, added: readonly Notice[] = []): EncodedAnswer {
  const columns = table.columns.map(({ name, kind }) => `{"text":${quoteJson(name)},"type":"${grafanaType(kind)}"}`);
  const cells = table.columns.map((column, index) => ({
    before: index === 0 ? "[" : ",",
    values: table.values[index] ?? [],
    encode: jsonEncoder(column, "table"),
  }));
  const encodeRow = (row: number): string => {
    let text = row === 0 ? "" : ",";
    for (const cell of cells) {
      const value = cell.values[row] ?? null;
      text += cell.before + (value === null ? "null" : cell.encode(value));
    }
    return cells.length === 0 ? `${text}[]` : `${text}]`;
  };
  const written = writeRows(
    {
      rowCount: table.rowCount,
      head: `[{"type":"table","name":${quoteJson(options.name)},"columns":[${columns.join(",")}],"rows":[`,
      encodeRow,
      // The meta comes last, since only then it is known whether rows were cut off.
      tail: (cut) => `],"meta":${JSON.stringify(firstFrameMeta(options, added, cut))}}]`,
    },
    options,
  );
  const encoded = rowsAnswer(JSON_TYPE, written, options.coverage);
  return {
    ...encoded,
    notices: [...added, ...encoded.notices],
    elements: [{ start: 1, end: encoded.body.length - 1 }],
  };
}
