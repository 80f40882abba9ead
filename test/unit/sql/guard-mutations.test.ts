import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Node } from "../../../src/sql/ast.ts";
import { GUARD_TABLES, type GuardTables } from "../../../src/sql/guard-tables.ts";
import { createParser } from "../../../src/sql/parser.ts";
import { REFUSED_QUERIES, REFUSED_STATEMENTS } from "./guard-cases.ts";
import { type OutcomeOptions, outcomeOf, rootOf } from "./guard-outcome.ts";
import { KIND_EXAMPLES } from "./kind-examples.ts";

// Each entry of each of the guard's tables is taken out in its turn: if no case notices, the entry is of no use, or no case covers it.

const CASES: readonly string[] = [
  ...Object.values(KIND_EXAMPLES),
  ...REFUSED_QUERIES.map(([sql]) => sql),
  ...REFUSED_STATEMENTS.map(([sql]) => sql),
  // Quoted, since words such as int and coalesce are of the grammar and not names of its lists.
  ...[...GUARD_TABLES.functions].map((name) => `SELECT "${name}"('x', a) FROM t`),
  ...[...GUARD_TABLES.types].map((name) => `SELECT a::"${name}" FROM t`),
];

const parser = createParser({ observe: () => {} });
const roots: Node[] = [];
let usual: readonly (string | null)[] = [];

beforeAll(async () => {
  for (const sql of CASES) roots.push(await rootOf(sql, parser));
  usual = roots.map((root) => outcomeOf(root));
});
afterAll(() => parser.close());

/** Whether there is a case of which the guard with `options` says something else, of the kind that is meant. */
function changes(options: OutcomeOptions, kind: "passes" | "is refused" | "is refused otherwise"): boolean {
  return roots.some((root, index) => {
    const before = usual[index] ?? null;
    if ((before === null) !== (kind === "is refused")) return false;
    const after = outcomeOf(root, options);
    return kind === "passes" ? after === null : after !== null && after !== before;
  });
}

function without(table: "nodes" | "types" | "systemColumns" | "functions", entry: string): GuardTables {
  return { ...GUARD_TABLES, [table]: new Set([...GUARD_TABLES[table]].filter((other) => other !== entry)) };
}

function withoutKey(table: "names" | "refusals" | "checks", entry: string): GuardTables {
  const kept = [...GUARD_TABLES[table]].filter(([key]) => key !== entry);
  return { ...GUARD_TABLES, [table]: new Map<string, unknown>(kept) };
}

describe("an entry taken out of what is allowed makes a case refused", () => {
  it.each(["nodes", "types", "functions"] as const)(
    "%s",
    (table) => {
      const unnoticed = [...GUARD_TABLES[table]].filter(
        (entry) => !changes({ tables: without(table, entry) }, "is refused"),
      );
      expect(unnoticed).toEqual([]);
    },
    60_000,
  );
});

describe("an entry taken out of what is refused lets an attack pass", () => {
  it.each([...GUARD_TABLES.systemColumns])("the system column %s", (name) => {
    expect(changes({ tables: without("systemColumns", name) }, "passes")).toBe(true);
  });

  // A WITH query that writes has a second wall: INSERT and its like are no allowed kinds.
  it.each([...GUARD_TABLES.checks.keys()].filter((name) => name !== "WITH queries"))("the check of %s", (name) => {
    expect(changes({ tables: withoutKey("checks", name) }, "passes")).toBe(true);
  });

  it("the check of columns that could be calls", () => {
    expect(changes({ checksColumns: false }, "passes")).toBe(true);
  });
});

describe("an entry taken out makes an error worse, and lets nothing pass", () => {
  it.each([
    ...[...GUARD_TABLES.names.keys()].map((entry) => ["names", entry] as const),
    ...[...GUARD_TABLES.refusals.keys()].map((entry) => ["refusals", entry] as const),
    ["checks", "WITH queries"] as const,
  ])("%s: %s", (table, entry) => {
    expect(changes({ tables: withoutKey(table, entry) }, "is refused otherwise")).toBe(true);
    expect(changes({ tables: withoutKey(table, entry) }, "passes")).toBe(false);
  });
});
