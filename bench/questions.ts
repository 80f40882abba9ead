/** The same question for every peer: one `SELECT` for each tenant, with a column `n`. */
export interface Question {
  readonly name: string;
  /** Names and types of the columns after those that `selected` adds, as in a list of parameters. */
  readonly columns: readonly string[];
  /** `selected` stands first in the select list and is empty or ends with a comma. */
  readonly select: (table: string, selected: string) => string;
  /** The question to a view of all tenants' rows, with the column `tenant`: one `SELECT` for all. */
  readonly ofView: (view: string) => string;
}

export const TOTALS: Question = {
  name: "count(*), max(last_updated)",
  columns: ["n bigint", "newest timestamp"],
  select: (table, selected) => `SELECT ${selected}count(*) AS n, max(last_updated) AS newest FROM ${table}`,
  ofView: (view) => `SELECT tenant, count(*) AS n, max(last_updated) AS newest FROM ${view} GROUP BY tenant`,
};

export const BY_KIND: Question = {
  name: "count(*) by kind",
  columns: ["kind text", "n bigint"],
  select: (table, selected) => `SELECT ${selected}kind, count(*) AS n FROM ${table} GROUP BY kind`,
  ofView: (view) => `SELECT tenant, kind, count(*) AS n FROM ${view} GROUP BY tenant, kind`,
};

/** What every peer is asked. */
export const QUESTIONS: readonly Question[] = [TOTALS, BY_KIND];
