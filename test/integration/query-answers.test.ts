import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ParamDeclarationValue } from "../../src/types.ts";
import { type FleetApp, type Overrides, onlyTenants, openFleet, withFleet } from "../support/app.ts";

// What surrounds the rows: formats, parameters, the cache, and the limits.

const DDL = `CREATE TABLE points (id int, at timestamptz, kind text, v float8);
  INSERT INTO points VALUES (1, '2026-01-01 00:00Z', 'x', 1), (2, '2026-01-01 00:01Z', 'y', 2.5), (3, '2026-01-01 00:03Z', 'x', NULL);
  CREATE TABLE many AS SELECT n FROM generate_series(1, 50) AS n;`;

let fleet: FleetApp & { readonly close: () => Promise<void> };

beforeAll(async () => {
  fleet = await openFleet(["a", "b"], { ddl: DDL, config: { limits: { rows: 60, sqlBytes: "4KiB" } } });
});

afterAll(async () => {
  await fleet?.close();
});

describe("formats", () => {
  const series = "SELECT at AS time, kind, v FROM $<tenant>_points";
  const T0 = Date.UTC(2026, 0, 1);

  test("csv", async () => {
    const { text, answer } = await fleet.ask("SELECT id, kind FROM $<tenant>_points WHERE id < 3 ORDER BY id, tenant", {
      format: "csv",
    });
    expect(text.replaceAll("\r\n", "\n").trim()).toBe("id,kind,tenant\n1,x,a\n1,x,b\n2,y,a\n2,y,b");
    expect(answer.contentType).toMatch(/^text\/csv/);
  });

  test("ndjson ends with the coverage", async () => {
    const { text } = await fleet.ask("SELECT count(*) FROM $<tenant>_points ORDER BY tenant", { format: "ndjson" });
    expect(
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { count: 3, tenant: "a" },
      { count: 3, tenant: "b" },
      { coverage: expect.objectContaining({ expected: 2, answered: 2, failed: [] }) },
    ]);
  });

  test("frame has a series for each set of labels, in the order of their first rows", async () => {
    const frames = JSON.parse((await fleet.ask(series, { format: "frame" })).text);
    expect(frames.map((frame: { fields: { labels?: object }[] }) => frame.fields[1]?.labels)).toEqual([
      { kind: "x", tenant: "a" },
      { kind: "x", tenant: "b" },
      { kind: "y", tenant: "a" },
      { kind: "y", tenant: "b" },
    ]);
    expect(frames[0].fields.map((field: { values: unknown }) => field.values)).toEqual([
      [T0, T0 + 180_000],
      [1, null],
    ]);
  });

  test("timeserie", async () => {
    const answer = JSON.parse((await fleet.ask(series, { format: "timeserie" })).text);
    expect(answer).toHaveLength(4);
    expect(answer[0]).toMatchObject({
      tags: { kind: "x", tenant: "a" },
      datapoints: [
        [1, T0],
        [null, T0 + 180_000],
      ],
    });
  });

  test("table", async () => {
    const [answer] = JSON.parse((await fleet.ask(series, { format: "table" })).text);
    expect(answer.columns.map(({ text, type }: { text: string; type: string }) => [text, type])).toEqual([
      ["time", "time"],
      ["kind", "string"],
      ["v", "number"],
      ["tenant", "string"],
    ]);
    expect(answer.rows[0]).toEqual([T0, "x", 1, "a"]);
  });

  test("a tenant that is left out is named in the frame's notices", async () => {
    await fleet.onTenant("a", "CREATE TABLE only_a (n int)");
    await fleet.onboard();
    await fleet.app.refreshCatalog();
    const [frame] = JSON.parse((await fleet.ask("SELECT n FROM $<tenant>_only_a", { format: "frame" })).text);
    expect(frame.meta.custom.coverage).toMatchObject({ expected: 2, answered: 1, failed: [{ tenant: "b" }] });
    expect(frame.meta.notices[0].text).toContain("b left out");
  });
});

describe("parameters", () => {
  const params = (type: ParamDeclarationValue["type"], value: ParamDeclarationValue["value"]): Overrides => ({
    params: new Map([["p", { type, value }]]),
  });

  test.each([
    ["text", "it's; DROP TABLE x --$<tenant>", "it's; DROP TABLE x --$<tenant>"],
    ["integer", -5, -5],
    ["number", 1.25, 1.25],
    ["boolean", true, true],
    ["text", null, null],
    ["timestamp", "2026-01-01T00:00:00.000Z", Date.UTC(2026, 0, 1)],
  ] as const)("%s %j is one value of its type", async (type, value, expected) => {
    const { rows } = await fleet.ask("SELECT $param(p) AS p FROM $<tenant:a>_points LIMIT 1", params(type, value));
    expect(rows).toEqual([{ p: expected, tenant: "a" }]);
  });

  test("narrow the tenants' rows", async () => {
    const { rows } = await fleet.ask(
      "SELECT id FROM $<tenant:a>_points WHERE kind = $param(p) ORDER BY id",
      params("text", "x"),
    );
    expect(rows.map(({ id }) => id)).toEqual([1, 3]);
  });

  test("must be declared", async () => {
    expect((await fleet.refusal("SELECT $param(q) FROM $<tenant>_points")).code).toBe("MACRO_ARGUMENTS");
  });
});

describe("the cache", () => {
  const kept = { cacheTtlMs: 60_000 };

  test("serves the same bytes again, and runs once for callers at the same time", async () => {
    const sql = "SELECT random() AS r FROM $<tenant>_points";
    const [one, other] = await Promise.all([fleet.ask(sql, kept), fleet.ask(sql, kept)]);
    expect([one.answer.cache, other.answer.cache].sort()).toEqual(["coalesced", "miss"]);
    const third = await fleet.ask(sql, kept);
    expect(third.answer.cache).toBe("hit");
    expect([other.text, third.text]).toEqual([one.text, one.text]);
  });

  test.each<[string, Overrides]>([
    ["another caller's tenants", { principal: onlyTenants("a") }],
    ["other tenants", { tenants: ["b"] }],
    ["another range", { range: { fromMs: 0, toMs: 1 } }],
    ["another interval", { intervalMs: 1 }],
    ["another format", { format: "csv" }],
    ["another parameter", { params: new Map([["p", { type: "integer", value: 2 }]]) }],
    ["a parameter of another type", { params: new Map([["p", { type: "text", value: 1 }]]) }],
  ])("keeps apart: %s", async (_, other) => {
    const sql = "SELECT random() AS r FROM $<tenant>_points /* apart */";
    const first = { ...kept, params: new Map([["p", { type: "integer", value: 1 } as const]]) };
    await fleet.ask(sql, first);
    expect((await fleet.ask(sql, first)).answer.cache).toBe("hit");
    expect((await fleet.ask(sql, { ...first, ...other })).answer.cache).toBe("miss");
  });

  test("two callers who may see the same tenants share an answer", async () => {
    const sql = "SELECT random() AS r FROM $<tenant>_points /* shared */";
    await fleet.ask(sql, { ...kept, principal: onlyTenants("a") });
    expect((await fleet.ask(sql, { ...kept, principal: onlyTenants("a") })).answer.cache).toBe("hit");
    // What a name means is decided by all that a caller may see, so one who may see more has answers of its own.
    expect((await fleet.ask(sql, { ...kept, tenants: ["a"] })).answer.cache).toBe("miss");
  });

  test("an answer that lacks tenants is not served where all are asked for", async () => {
    await fleet.onTenant("a", "CREATE TABLE lonely (n int)");
    await fleet.onboard();
    await fleet.app.refreshCatalog();
    const sql = "SELECT n FROM $<tenant>_lonely";
    expect((await fleet.ask(sql, kept)).answer.coverage.answered).toBe(1);
    expect((await fleet.ask(sql, kept)).answer.cache).toBe("hit");
    expect((await fleet.refusal(sql, { ...kept, partial: "fail" })).code).toBe("TENANT_FAILED");
    expect((await fleet.refusal(sql, { ...kept, partial: { percent: 51 } })).message).toContain("51%");
    expect((await fleet.ask(sql, { ...kept, partial: { percent: 50 } })).answer.cache).toBe("hit");
  });

  test("a changed catalog makes answers anew", async () => {
    const sql = "SELECT random() AS r FROM $<tenant>_points /* catalog */";
    await fleet.ask(sql, kept);
    await fleet.onTenant("a", "CREATE TABLE newcomer (n int)");
    await fleet.onboard();
    await fleet.app.refreshCatalog();
    expect((await fleet.ask(sql, kept)).answer.cache).toBe("miss");
  });
});

describe("limits", () => {
  test("a larger answer is cut, with a notice", async () => {
    const { rows, notices } = await fleet.ask("SELECT n FROM $<tenant>_many");
    expect(rows).toHaveLength(60);
    expect(notices.join()).toContain("60 rows");
  });

  test.each([{ partial: "fail" }, { partial: { percent: 50 } }, { required: ["a"] }] as const)(
    "a larger answer is none for who counts on tenants, as whose rows are missing is not known: %j",
    async (wanted) => {
      const refusal = await fleet.refusal("SELECT n FROM $<tenant>_many", wanted);
      expect(refusal).toMatchObject({
        code: "RESULT_TOO_LARGE",
        message: expect.stringMatching(/^the answer has more than 60 rows or /),
      });
      // Also from the cache.
      expect((await fleet.ask("SELECT n FROM $<tenant>_many")).rows).toHaveLength(60);
      expect((await fleet.refusal("SELECT n FROM $<tenant>_many", wanted)).code).toBe("RESULT_TOO_LARGE");
    },
  );

  test("an outer block over cut rows would be wrong, so it is refused", async () => {
    const refusal = await fleet.refusal("SELECT string_agg(n::text, ',') FROM (SELECT n FROM $<tenant>_many) t");
    expect(refusal).toMatchObject({ code: "RESULT_TOO_LARGE", position: { line: 1, column: 46 } });
    expect(refusal.hint).toContain("inside this SELECT");
    expect((await fleet.ask("SELECT sum(n)::int AS s FROM (SELECT n FROM $<tenant>_many) t")).rows).toEqual([
      { s: 2550 },
    ]);
  });

  test("an outer block that makes too many rows is cut", async () => {
    const { rows, notices } = await fleet.ask(
      "SELECT g FROM (SELECT count(*) AS n FROM $<tenant>_points) t, generate_series(1, 100) g",
    );
    expect(rows).toHaveLength(60);
    expect(notices.join()).toContain("cut");
  });

  test("SQL of too many bytes is refused", async () => {
    expect((await fleet.refusal(`SELECT '${"x".repeat(5000)}' FROM $<tenant>_points`)).code).toBe("REQUEST_TOO_LARGE");
  });

  test("with onLimit: refuse nothing is cut", async () => {
    const config = { limits: { rows: 10, onLimit: "refuse" as const, responseBytes: "2KiB" } };
    await withFleet(["a"], { ddl: DDL, config }, async ({ ask, refusal }) => {
      expect((await refusal("SELECT n FROM $<tenant>_many")).code).toBe("RESULT_TOO_LARGE");
      expect(
        (await refusal("SELECT g FROM (SELECT 1 AS n FROM $<tenant>_points) t, generate_series(1, 9) g")).code,
      ).toBe("RESULT_TOO_LARGE");
      const long =
        "SELECT (SELECT string_agg('x', '') FROM generate_series(1, 3000)) AS x FROM $<tenant>_points LIMIT 1";
      expect((await refusal(long)).code).toBe("RESULT_TOO_LARGE");
      expect((await ask("SELECT n FROM $<tenant>_many WHERE n <= 10")).rows).toHaveLength(10);
    });
  });
});
