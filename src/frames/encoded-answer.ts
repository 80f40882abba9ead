import type { Coverage, EncodedTable, Format, Notice } from "../types.ts";
import type { SizeLimit, WrittenRows } from "./size-limit.ts";

export interface EncodeOptions extends SizeLimit {
  readonly format: Format;
  /** Name of the frames: the named query, or what the protocol calls the target. */
  readonly name: string;
  /** What the answer should say to its reader; formats without a place for it leave it to the caller. */
  readonly notices: readonly Notice[];
  readonly coverage: Coverage;
  /** Shown by Grafana's query inspector. */
  readonly executedSql?: string | undefined;
}

/** An encoded table and what encoding it did to the rows. */
export interface EncodedAnswer extends EncodedTable {
  /** Rows of the table that were encoded. */
  readonly rows: number;
  /** Notices that encoding added; where the format has a place for notices they are in the body already. */
  readonly notices: readonly Notice[];
  /** The one of `notices` that says that rows were cut off; absent when all rows fitted. */
  readonly cutNotice?: Notice;
}

export const JSON_TYPE = "application/json; charset=utf-8";

/** The part of a coverage that bodies carry, in a fixed order of keys. */
export function coverageRecord(coverage: Coverage): Coverage {
  const failed = coverage.failed.map(({ tenant, reason, detail }) => ({ tenant, reason, detail }));
  return { expected: coverage.expected, answered: coverage.answered, failed };
}

/** The `meta` of an answer's first frame: what Grafana shows on the panel and in the inspector. */
export function firstFrameMeta(options: EncodeOptions, added: readonly Notice[]): Readonly<Record<string, unknown>> {
  const notices = [...options.notices, ...added].map(({ severity, text }) => ({ severity, text }));
  return {
    ...(notices.length === 0 ? {} : { notices }),
    custom: { coverage: coverageRecord(options.coverage) },
    ...(options.executedSql === undefined ? {} : { executedQueryString: options.executedSql }),
  };
}

/** Written rows as an answer that is not made of frames. */
export function rowsAnswer(contentType: string, { body, rows, cut }: WrittenRows): EncodedAnswer {
  const answer = { contentType, body, elements: [], rows };
  return cut === undefined ? { ...answer, notices: [] } : { ...answer, notices: [cut], cutNotice: cut };
}
