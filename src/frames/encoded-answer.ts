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
  /** True when rows are missing: encoding cut some off, or they were cut before. Bodies with a coverage say the same. */
  readonly truncated: boolean;
}

export const JSON_TYPE = "application/json; charset=utf-8";

/** The coverage as bodies carry it, in a fixed order of keys; a `cut` of the encoding makes it truncated. */
export function coverageRecord(coverage: Coverage, cut: Notice | undefined): Coverage {
  const { expected, answered, truncated } = coverage;
  const failed = coverage.failed.map(({ tenant, reason, detail }) => ({ tenant, reason, detail }));
  const stale = coverage.stale?.map(({ tenant, reason, detail, ageSeconds }) => ({
    tenant,
    reason,
    detail,
    ageSeconds,
  }));
  return {
    expected,
    answered,
    failed,
    ...(stale === undefined ? {} : { stale }),
    truncated: truncated || cut !== undefined,
  };
}

/** The `meta` of an answer's first frame: what Grafana shows on the panel and in the inspector. `cut` comes after the other notices. */
export function firstFrameMeta(
  options: EncodeOptions,
  added: readonly Notice[],
  cut: Notice | undefined,
): Readonly<Record<string, unknown>> {
  const notices = [...options.notices, ...added, ...(cut === undefined ? [] : [cut])].map(({ severity, text }) => ({
    severity,
    text,
  }));
  return {
    ...(notices.length === 0 ? {} : { notices }),
    custom: { coverage: coverageRecord(options.coverage, cut) },
    ...(options.executedSql === undefined ? {} : { executedQueryString: options.executedSql }),
  };
}

/** Written rows as an answer that is not made of frames. */
export function rowsAnswer(contentType: string, { body, rows, cut }: WrittenRows, coverage: Coverage): EncodedAnswer {
  return {
    contentType,
    body,
    elements: [],
    rows,
    ...whatWasCut(coverage, cut),
    notices: cut === undefined ? [] : [cut],
  };
}

/** The members of an encoded answer that say whether rows are missing. */
export function whatWasCut(
  coverage: Coverage,
  cut: Notice | undefined,
): Pick<EncodedAnswer, "cutNotice" | "truncated"> {
  return cut === undefined ? { truncated: coverage.truncated } : { truncated: true, cutNotice: cut };
}
