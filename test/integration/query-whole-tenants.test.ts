import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FleetApp, onlyTenants } from "../support/app.ts";
import { openLanguageFleet } from "../support/language-fleet.ts";

// A tenant is in an answer whole, or it is named as missing; and what a query means never depends on who is asked.

let fleet: FleetApp & { readonly close: () => Promise<void> };

beforeAll(async () => {
  fleet = await openLanguageFleet();
});

afterAll(async () => {
  await fleet?.close();
});

const rowsOf = async (sql: string) => (await fleet.ask(sql)).rows;

describe("a selector that takes no tenant", () => {
  test("gives no rows to a SELECT around it, which still runs", async () => {
    expect(await rowsOf("SELECT count(*) AS n FROM (SELECT id FROM $<tenant:plan=none>_items) t")).toEqual([{ n: 0 }]);
  });

  test("does not take the other side of a UNION with it", async () => {
    const { rows, answer } = await fleet.ask(
      "SELECT count(*) AS n FROM $<tenant:plan=free>_items UNION ALL SELECT count(*) FROM $<tenant:plan=none>_items",
    );
    expect(rows).toEqual([{ n: 2, tenant: "globex" }]);
    expect(answer.coverage).toMatchObject({ expected: 1, answered: 1 });
  });

  test("does not tell a caller the columns of tenants that it may not see", async () => {
    const refusal = await fleet.refusal("SELECT n FROM (SELECT n FROM $<tenant:plan=pro>_only_acme) t", {
      principal: onlyTenants("globex"),
    });
    expect(refusal.code).toBe("QUERY_FAILED");
    expect(JSON.stringify(refusal)).not.toContain("acme_");
  });
});

describe("the tenant column", () => {
  test("is the one that the query gives, not one of a tenant's own data", async () => {
    expect(await rowsOf("SELECT *, $<tenant> FROM $<tenant:acme>_with_tenant")).toEqual([
      { tenant_1: "inner", n: 1, tenant: "acme" },
    ]);
    expect(await rowsOf("SELECT tenant FROM (SELECT *, $<tenant> FROM $<tenant:acme>_with_tenant) t")).toEqual([
      { tenant: "acme" },
    ]);
    const between = "SELECT a.*, $<tenant>, b.* FROM $<tenant>_items a JOIN $<tenant>_notes b ON b.item = a.id";
    expect((await fleet.refusal(between)).code).toBe("TEMPLATE_UNSUPPORTED");
  });

  test("is decided for a UNION by its first side, also when the sides have different selectors", async () => {
    const sql =
      "SELECT tenant, n FROM $<tenant:plan=pro>_one UNION ALL SELECT 'x', n FROM $<tenant:plan=free>_one ORDER BY 1";
    expect(await rowsOf(sql)).toEqual([
      { tenant: "acme", n: 7 },
      { tenant: "in-itech", n: 7 },
      { tenant: "x", n: 7 },
    ]);
  });

  test("means the same for one tenant as for all", async () => {
    const sql = "SELECT tenant, n FROM $<tenant>_with_tenant";
    const codes = await Promise.all(
      [null, ["globex"], ["acme"]].map(async (tenants) => (await fleet.refusal(sql, { tenants })).code),
    );
    expect(codes).toEqual(["TEMPLATE_TENANT_COLUMN", "TEMPLATE_TENANT_COLUMN", "TEMPLATE_TENANT_COLUMN"]);
  });
});

describe("tenants that cannot answer all of a query", () => {
  test("are absent from all of it", async () => {
    const sql = `SELECT a.tenant, a.n, b.n AS m FROM (SELECT count(*) AS n FROM $<tenant>_items) a
      FULL JOIN (SELECT count(*) AS n FROM $<tenant>_only_acme) b USING (tenant)`;
    const { rows, notices, answer } = await fleet.ask(sql);
    expect(rows).toEqual([{ tenant: "acme", n: 3, m: 1 }]);
    expect(notices.join()).toContain("globex, in-itech left out");
    expect(answer.coverage).toMatchObject({ expected: 3, answered: 1 });
  });

  test("are absent when they fail while running, too", async () => {
    const sql = `SELECT sum(n) AS n FROM (
      SELECT count(*) AS n FROM $<tenant>_items UNION ALL SELECT 1 / (count(*) - 1) FROM $<tenant:region!=none>_notes) t`;
    const { rows, answer } = await fleet.ask(sql);
    // globex has one note and two items: it fails in the second SELECT, and its items do not count either.
    expect(answer.coverage.failed.map(({ tenant }) => tenant)).toEqual(["globex"]);
    expect(rows).toEqual([{ n: 3 + 0 + 0 + -1 }]);
  });
});

describe("joins of fleets", () => {
  const nodes = "(SELECT id FROM $<tenant>_nodes)";

  test.each([
    `SELECT count(*) FROM (SELECT id FROM ${nodes} q) a JOIN (SELECT id FROM ${nodes} r) b USING (id)`,
    `SELECT count(*) FROM ${nodes} a, LATERAL (SELECT * FROM ${nodes} b WHERE b.id = a.id) c`,
    `SELECT count(*) FROM ${nodes} a(tenant, t) JOIN ${nodes} b(tenant, t) USING (tenant)`,
    `WITH x AS (SELECT id FROM ${nodes} q) SELECT count(*) FROM x a JOIN x b USING (id)`,
  ])("are found behind a wrapper: %s", async (sql) => {
    expect((await fleet.refusal(sql)).code).toBe("TEMPLATE_JOIN");
  });

  test("with what was made of the fleet need no tenant", async () => {
    const sql = `SELECT a.tenant FROM (SELECT count(*) AS n FROM $<tenant>_items) a,
      (SELECT avg(n) AS mean FROM (SELECT count(*) AS n FROM $<tenant>_items) i) b WHERE a.n > b.mean ORDER BY 1`;
    expect(await rowsOf(sql)).toEqual([{ tenant: "acme" }, { tenant: "globex" }]);
  });
});

describe("schemas that differ", () => {
  test("are refused under NATURAL JOIN, whose columns they would decide", async () => {
    const refusal = await fleet.refusal("SELECT count(*) FROM $<tenant>_drifted NATURAL JOIN $<tenant>_items");
    expect([refusal.code, refusal.message]).toEqual([
      "TEMPLATE_DRIFT",
      "the query has a NATURAL JOIN, but the tenants' tables have different columns",
    ]);
  });

  test("do not make ONLY a syntax error", async () => {
    expect(await rowsOf("SELECT count(*) AS n FROM (SELECT * FROM ONLY $<tenant>_drifted) t")).toEqual([{ n: 2 + 1 }]);
  });
});

test("ORDER BY a name that two columns have is refused, as PostgreSQL refuses it", async () => {
  const refusal = await fleet.refusal("SELECT count(*) AS n, sum(id) AS n FROM $<tenant>_items ORDER BY n");
  expect([refusal.code, refusal.message]).toEqual(["QUERY_FAILED", 'ORDER BY "n" is ambiguous']);
});
