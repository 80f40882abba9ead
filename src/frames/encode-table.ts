import type { Table } from "../types.ts";
import { encodeCsv } from "./csv-format.ts";
import type { EncodedAnswer, EncodeOptions } from "./encoded-answer.ts";
import { encodeFrames } from "./frame-format.ts";
import { encodeNdjson, encodeRows } from "./rows-format.ts";
import { encodeTableFormat } from "./table-format.ts";
import { encodeTimeserie } from "./timeserie-format.ts";
import { withUniqueNames } from "./unique-names.ts";

/**
 * The table as the body of an answer. Rows beyond `maxBytes` are cut off whole, the last ones first, so that the body
 * stays well formed; what stands around the rows is always there. Throws `RESULT_TOO_LARGE` instead when `onLimit` is
 * `refuse`. Output names are unique: a second column `n` is called `n_1`.
 */
export function encodeTable(table: Table, options: EncodeOptions): EncodedAnswer {
  const named = withUniqueNames(table);
  switch (options.format) {
    case "rows":
      return encodeRows(named, options);
    case "ndjson":
      return encodeNdjson(named, options);
    case "csv":
      return encodeCsv(named, options);
    case "table":
      return encodeTableFormat(named, options);
    case "frame":
      return encodeFrames(named, options);
    case "timeserie":
      return encodeTimeserie(named, options);
    default:
      return options.format satisfies never;
  }
}
