import { quoteLiteral } from "../src/postgres/quote.ts";
import { PRESENT_MINUTES } from "./readings.ts";

export type Asker = "Tenantry" | "by hand";

/** One way to put a question: the SELECT, and who runs it for all tenants. */
export interface SqlWay {
  readonly name: string;
  readonly asker: Asker;
  /** The SELECT over one tenant's table; `last` stands last in the select list and is empty or begins with a comma. */
  readonly select: (table: string, last: string) => string;
  /** By hand only: what runs over the UNION ALL, which stands where it says `arms`. */
  readonly around?: string;
  /** Ways that drag all rows are asked in fewer rounds. */
  readonly drags?: true;
}

export interface SqlQuestion {
  readonly title: string;
  readonly ways: readonly SqlWay[];
  /** Names of two ways of `ways`, and how many times the second the first may take. */
  readonly target: { readonly way: string; readonly than: string; readonly times: number };
}

const byNow = (table: string, last: string): string =>
  `SELECT count(*) AS n, sum(amount) AS amount${last} FROM ${table} WHERE at > now() - interval '${PRESENT_MINUTES} min'`;
const byLiteral = (table: string, last: string): string => {
  const from = new Date(Date.now() - PRESENT_MINUTES * 60_000).toISOString();
  return `SELECT count(*) AS n, sum(amount) AS amount${last} FROM ${table} WHERE at > timestamptz '${from}'`;
};
const grouped = (group: string) => (table: string, last: string) =>
  `SELECT ${group} AS bucket, count(*) AS n${last} FROM ${table} GROUP BY 1`;
const byBin = grouped("date_bin('5 min', at, timestamptz 'epoch')");

/** The questions of the benchmark, each asked as users write it, and as people write it who know what postgres_fdw ships. */
export const SQL_QUESTIONS: readonly SqlQuestion[] = [
  {
    title: `The last ${PRESENT_MINUTES} minutes`,
    ways: [
      { name: "Tenantry, now()", asker: "Tenantry", select: byNow },
      { name: "Tenantry, a literal", asker: "Tenantry", select: byLiteral },
      { name: "by hand, now()", asker: "by hand", select: byNow, drags: true },
      { name: "by hand, a literal", asker: "by hand", select: byLiteral },
    ],
    target: { way: "Tenantry, now()", than: "Tenantry, a literal", times: 1.1 },
  },
  {
    title: "Rows by five minutes",
    ways: [
      { name: "Tenantry, $__timeGroup", asker: "Tenantry", select: grouped("$__timeGroup(at, '5m')") },
      { name: "Tenantry, date_bin", asker: "Tenantry", select: byBin },
      {
        name: "by hand, Grafana's text",
        asker: "by hand",
        select: grouped("floor(extract(epoch from at) / 300) * 300"),
        drags: true,
      },
      { name: "by hand, date_bin", asker: "by hand", select: byBin },
    ],
    target: { way: "Tenantry, $__timeGroup", than: "Tenantry, date_bin", times: 1.1 },
  },
  {
    title: "A sum over the fleet",
    ways: [
      {
        name: "Tenantry, over raw rows",
        asker: "Tenantry",
        select: (table) => `SELECT sum(amount) AS amount FROM (SELECT amount FROM ${table}) AS t`,
      },
      {
        name: "Tenantry, a sum of sums",
        asker: "Tenantry",
        select: (table) => `SELECT sum(amount) AS amount FROM (SELECT sum(amount) AS amount FROM ${table}) AS t`,
      },
      {
        name: "by hand, over raw rows",
        asker: "by hand",
        select: (table) => `SELECT amount FROM ${table}`,
        around: "SELECT sum(amount) AS amount FROM (arms) AS t",
        drags: true,
      },
      {
        name: "by hand, a sum of sums",
        asker: "by hand",
        select: (table) => `SELECT sum(amount) AS amount FROM ${table}`,
        around: "SELECT sum(amount) AS amount FROM (arms) AS t",
      },
    ],
    target: { way: "Tenantry, over raw rows", than: "Tenantry, a sum of sums", times: 1.2 },
  },
];

/** The statement of a way that is written by hand over tables whose names are quoted; rows that are one tenant's carry its name. */
export function handWritten(
  { select, around }: SqlWay,
  tables: readonly { readonly tenant: string; readonly table: string }[],
): string {
  const arms = tables.map(({ tenant, table }) =>
    select(table, around === undefined ? `, ${quoteLiteral(tenant)} AS tenant` : ""),
  );
  const union = arms.join("\nUNION ALL\n");
  return around === undefined ? union : around.replace("arms", () => union);
}

/** The template of a way that Tenantry runs. */
export function templateOf({ select }: SqlWay): string {
  return select("$<tenant>_readings", "");
}
