import { expect, test } from "vitest";
import { type FleetApp, type Overrides, onlyTenants, type Row, withFleet } from "../support/app.ts";

// Requests that would rather have a tenant's last good rows than none.

const NAMES = ["a", "b", "c"] as const;
const DDL = `CREATE TABLE items (id int, at timestamptz, name text);
  INSERT INTO items VALUES (1, '2026-01-01 00:10Z', 'one'), (2, '2026-01-01 00:20Z', 'two');`;
const ROWS = "SELECT id, name FROM $<tenant>_items WHERE $__timeFilter(at) ORDER BY id, tenant";
const STALE = { staleMs: 60_000 };
const AGE = expect.toSatisfy((age: unknown) => typeof age === "number" && age >= 0 && age < 60);

/** The rows of a tenant as they are, or as they were. */
const rowsOf = (tenant: string, age: unknown = null): readonly Row[] => [
  { id: 1, name: "one", tenant, stale_seconds: age },
  { id: 2, name: "two", tenant, stale_seconds: age },
];
const inOrder = (rows: readonly Row[]) => rows.toSorted((x, y) => Number(x.id) - Number(y.id));

async function lose(fleet: FleetApp, tenant: string): Promise<void> {
  await fleet.onTenant(tenant, "ALTER TABLE items RENAME TO items_gone");
}

test("a tenant that fails is shown by its last rows, with their age in a column, a notice, the coverage and a header", async () => {
  await withFleet(NAMES, { ddl: DDL }, async (fleet) => {
    const before = await fleet.ask(ROWS, STALE);
    expect(before.rows).toEqual(inOrder(NAMES.flatMap((name) => rowsOf(name))));
    expect(before.answer.coverage).toEqual({ expected: 3, answered: 3, failed: [], truncated: false });
    await fleet.onTenant("a", "INSERT INTO items VALUES (3, '2026-01-01 00:30Z', 'new')");
    await lose(fleet, "b");
    const later = await fleet.ask(ROWS, STALE);
    expect(later.rows).toEqual([
      ...inOrder([...rowsOf("a"), ...rowsOf("b", AGE), ...rowsOf("c")]),
      { id: 3, name: "new", tenant: "a", stale_seconds: null },
    ]);
    expect(later.answer.coverage).toMatchObject({
      expected: 3,
      answered: 2,
      failed: [],
      stale: [{ tenant: "b", reason: "relation_missing", ageSeconds: AGE }],
    });
    expect(later.notices).toEqual([expect.stringMatching(/^b shown as of \d+s ago: /)]);

    const response = await fetch(`${fleet.url}/v1/query`, {
      method: "POST",
      body: JSON.stringify({ sql: "SELECT id FROM $<tenant>_items", stale: "1m" }),
    });
    // Nobody has asked this before: there is nothing to show.
    expect([response.headers.get("x-tenants-failed"), response.headers.get("x-tenants-stale")]).toEqual(["1", null]);
  });
});

test("old rows count as an answer for `partial`, and are not shown to who did not ask for them", async () => {
  await withFleet(NAMES, { ddl: DDL }, async (fleet) => {
    await fleet.ask(ROWS, { ...STALE, cacheTtlMs: 60_000 });
    await lose(fleet, "b");
    const asked = { ...STALE, partial: "fail", required: ["b"] } as const;
    expect((await fleet.ask(ROWS, asked)).rows).toEqual(inOrder([...rowsOf("a"), ...rowsOf("b", AGE), ...rowsOf("c")]));
    expect(await fleet.refusal(ROWS, { partial: "fail" })).toMatchObject({ code: "TENANT_FAILED" });
    const plain = await fleet.ask(ROWS);
    expect(plain.rows.map(({ tenant }) => tenant)).toEqual(["a", "c", "a", "c"]);
    expect(plain.rows[0]).not.toHaveProperty("stale_seconds");
    expect(plain.answer.coverage.failed).toHaveLength(1);
  });
});

test("rows that are too old are not shown", async () => {
  await withFleet(NAMES, { ddl: DDL }, async (fleet) => {
    await fleet.ask(ROWS, { staleMs: 40 });
    await lose(fleet, "b");
    await expect.poll(async () => (await fleet.ask(ROWS, { staleMs: 40 })).answer.coverage.failed.length).toBe(1);
  });
});

test("the range may move; another text, another parameter or another caller's view is another question", async () => {
  await withFleet(NAMES, { ddl: DDL }, async (fleet) => {
    const staleTenants = async (sql: string, overrides: Overrides = {}) =>
      ((await fleet.ask(sql, { ...STALE, ...overrides })).answer.coverage.stale ?? []).map(({ tenant }) => tenant);
    const range = (minutes: number) => ({
      range: { fromMs: Date.UTC(2026, 0, 1, 0, minutes), toMs: Date.UTC(2026, 0, 1, 1, minutes) },
    });
    await fleet.ask(ROWS, { ...STALE, ...range(0) });
    await lose(fleet, "b");
    expect(await staleTenants(ROWS, range(5))).toEqual(["b"]);
    expect(await staleTenants(ROWS, { tenants: ["b", "c"] })).toEqual(["b"]);
    expect(await staleTenants(`${ROWS} -- again`)).toEqual([]);
    expect(await staleTenants(ROWS, { intervalMs: 1_000 })).toEqual([]);
    expect(await staleTenants(ROWS, { principal: onlyTenants("b", "c") })).toEqual([]);
    const scoped = await fleet.ask(ROWS, { ...STALE, principal: onlyTenants("a", "c") });
    expect(scoped.rows.map(({ tenant }) => tenant)).toEqual(["a", "c", "a", "c"]);
    expect(scoped.answer.coverage).toMatchObject({ expected: 2, answered: 2, failed: [] });
  });
});

test("a SELECT around the tenants' works on old rows too, and says so", async () => {
  const total =
    "SELECT count(*)::int AS n FROM (SELECT id FROM $<tenant>_items) AS t JOIN (SELECT 1 AS one) AS o ON true";
  await withFleet(NAMES, { ddl: DDL }, async (fleet) => {
    expect((await fleet.ask(total, STALE)).rows).toEqual([{ n: 6 }]);
    await lose(fleet, "b");
    const { rows, answer, notices } = await fleet.ask(total, STALE);
    expect(rows).toEqual([{ n: 6 }]);
    expect(answer.coverage.stale).toMatchObject([{ tenant: "b" }]);
    expect(notices).toEqual([expect.stringMatching(/^b shown as of/)]);
    expect((await fleet.ask(total)).rows).toEqual([{ n: 4 }]);
  });
});

test("series get the notice and no column, and ndjson is answered in one piece", async () => {
  const series = "SELECT at AS time, id AS value FROM $<tenant>_items";
  await withFleet(NAMES, { ddl: DDL }, async (fleet) => {
    await fleet.ask(series, { ...STALE, format: "frame" });
    await lose(fleet, "b");
    const { text } = await fleet.ask(series, { ...STALE, format: "frame" });
    expect(text).not.toContain("stale_seconds");
    expect(JSON.parse(text)).toHaveLength(3);
    expect(JSON.parse(text)[0].meta).toMatchObject({
      notices: [{ text: expect.stringMatching(/^b shown as of/) }],
      custom: { coverage: { stale: [{ tenant: "b" }] } },
    });
    const body = JSON.stringify({ sql: series, format: "ndjson", stale: "1m" });
    const lines = (await (await fetch(`${fleet.url}/v1/query`, { method: "POST", body })).text()).trimEnd().split("\n");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ stale_seconds: null });
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ coverage: { answered: 2 } });
  });
});

test("old rows that do not fit beside the others' are a cut answer, also where PostgreSQL orders them", async () => {
  const ddl = `CREATE TABLE texts (t text COLLATE "C"); INSERT INTO texts SELECT 'x' || n FROM generate_series(1, 1000) n;`;
  await withFleet(["a", "b"], { ddl, config: { limits: { responseBytes: "75KiB" } } }, async (fleet) => {
    const sql = 'SELECT t, t AS u FROM $<tenant>_texts ORDER BY t COLLATE "C", u';
    const asked = { ...STALE, format: "csv" } as const;
    expect((await fleet.ask(sql, asked)).answer.coverage).toMatchObject({ answered: 2, truncated: false });
    await fleet.onTenant("b", "INSERT INTO texts SELECT 'x' || n FROM generate_series(1001, 1900) n");
    await fleet.onTenant("a", "ALTER TABLE texts RENAME TO gone");
    const later = await fleet.ask(sql, asked);
    expect(later.answer.coverage).toMatchObject({ answered: 1, stale: [{ tenant: "a" }], truncated: true });
    expect(later.notices.join()).toContain("cut");
    expect(await fleet.refusal(sql, { ...asked, partial: "fail" })).toMatchObject({ code: "RESULT_TOO_LARGE" });
  });
});
