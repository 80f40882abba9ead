import { afterAll, describe, expect, it } from "vitest";
import { outerSql, sortSql } from "../../../src/plan/outer-sql.ts";
import { paddedRelations } from "../../../src/plan/pad-relations.ts";
import { planBlock } from "../../../src/plan/plan-block.ts";
import type { Describe, DescribedColumn, PlannedBlock } from "../../../src/plan/planned-block.ts";
import { createParser } from "../../../src/sql/parser.ts";
import type { Catalog, CatalogTenant } from "../../../src/types.ts";
import { compileSample } from "../sql/compile-sample.ts";
import { sampleTenant } from "../sql/sample-catalog.ts";

const parser = createParser({ observe: () => {} });
afterAll(() => parser.close());

function catalogOf(tenants: readonly CatalogTenant[]): Catalog {
  return {
    version: "1",
    loadedAtMs: 0,
    tenants: new Map(tenants.map((tenant) => [tenant.name, tenant])),
    localRelations: new Map(),
  };
}

/** Says of every statement what `answers` says of the tenants that it reads. */
function describeAs(columnsFor: (sql: string) => readonly string[]): Describe {
  return async (sql) => ({ ok: true, columns: columnsFor(sql).map(toColumn) });
}

function toColumn(text: string): DescribedColumn {
  const [name = "", ...type] = text.split(" ");
  return { name, type: type.join(" "), kind: "text" };
}

async function plan(
  sql: string,
  tenants: readonly CatalogTenant[],
  describeStatement: Describe,
): Promise<PlannedBlock> {
  const compiled = await compileSample(sql, catalogOf(tenants), parser);
  const [block] = compiled.blocks;
  if (block === undefined) throw new Error("no copied block");
  return planBlock(block, tenants, {
    describe: describeStatement,
    tenantColumn: "tenant",
    fleet: tenants,
    visible: tenants,
  });
}

const OLD = sampleTenant("old", {}, { orders: "id bigint, amount integer" });
const NEW = sampleTenant("new", {}, { orders: "id bigint, amount numeric, note text" });
const NONE = sampleTenant("none", {}, { jobs: "id bigint" });
const EMPTY = sampleTenant("empty", {}, {});

describe("planBlock", () => {
  it("leaves out tenants without the relation, and says why", async () => {
    const planned = await plan(
      "SELECT id FROM $<tenant>_orders",
      [EMPTY, NONE, OLD],
      describeAs(() => ["id bigint", "tenant text"]),
    );
    expect(planned.arms).toEqual([
      { tenant: "old", sql: `SELECT id, 'old'::text AS tenant FROM "fleet"."old_orders" AS "$<tenant>_orders"` },
    ]);
    expect(planned.leftOut).toEqual([
      { tenant: "empty", reason: "not_onboarded", detail: "the federation database has no table of this tenant" },
      { tenant: "none", reason: "relation_missing", detail: "it has no relation $<tenant>_orders" },
    ]);
  });

  it("leaves out tenants whose columns PostgreSQL misses", async () => {
    const planned = await plan("SELECT o.note FROM $<tenant>_orders o", [OLD, NEW], async (sql) =>
      sql.includes("old_orders")
        ? {
            ok: false,
            reason: "column_missing",
            message: 'column "note" does not exist',
            character: 8,
          }
        : { ok: true, columns: ["note text", "tenant text"].map(toColumn) },
    );
    expect(planned.arms.map(({ tenant }) => tenant)).toEqual(["new"]);
    expect(planned.leftOut).toEqual([
      { tenant: "old", reason: "column_missing", detail: 'column "note" does not exist' },
    ]);
  });

  it("asks a few tenants all over a shape before it takes a refusal for the shape's", async () => {
    const fleet = Array.from({ length: 100 }, (_, index) =>
      sampleTenant(`t${index}`, {}, { orders: "id bigint, amount integer" }),
    );
    const isGone = (sql: string) => Number(/t(\d+)_orders/.exec(sql)?.[1]) < 50;
    const asked: string[] = [];
    const describeWith =
      (refuses: (sql: string) => boolean): Describe =>
      async (sql) => {
        asked.push(sql);
        return refuses(sql)
          ? { ok: false, reason: "relation_missing", message: "it is not there", character: null }
          : { ok: true, columns: ["id bigint", "tenant text"].map(toColumn) };
      };
    const planned = await plan("SELECT id FROM $<tenant>_orders", fleet, describeWith(isGone));
    expect(planned.leftOut.map(({ tenant }) => tenant)).toEqual(["t0", "t13", "t26", "t39"]);
    expect(planned.arms).toHaveLength(96);
    expect(isGone(planned.shapes[0]?.members[0]?.tenant.name.concat("_orders") ?? "")).toBe(false);
    asked.length = 0;
    const all = plan(
      "SELECT id FROM $<tenant>_orders",
      fleet,
      describeWith(() => true),
    );
    await expect(all).rejects.toMatchObject({ code: "QUERY_FAILED", message: "it is not there" });
    expect(asked).toHaveLength(8);
  });

  it("leaves out tenants that lack a column which a bare name means for the fleet, whatever PostgreSQL finds", async () => {
    const planned = await plan(
      "SELECT id FROM $<tenant>_orders WHERE EXISTS (SELECT 1 FROM $<tenant>_orders WHERE note = 'x')",
      [OLD, NEW],
      describeAs(() => ["id bigint", "tenant text"]),
    );
    expect(planned.arms.map(({ tenant }) => tenant)).toEqual(["new"]);
    expect(planned.leftOut).toEqual([
      { tenant: "old", reason: "column_missing", detail: 'column "note" does not exist in $<tenant>_orders' },
    ]);
  });

  it("types a block for the fleet when one tenant is asked for", async () => {
    const compiled = await compileSample("SELECT amount FROM $<tenant>_orders", catalogOf([OLD, NEW]), parser);
    const [block] = compiled.blocks;
    if (block === undefined) throw new Error("no copied block");
    const described = describeAs((sql) => {
      if (sql.includes("COALESCE")) return ["c numeric"];
      return [sql.includes("old_orders") ? "amount integer" : "amount numeric", "tenant text"];
    });
    const planned = await planBlock(block, [OLD], {
      describe: described,
      tenantColumn: "tenant",
      fleet: [NEW, OLD],
      visible: [NEW, OLD],
    });
    expect(planned.columns.map(({ type }) => type)).toEqual(["numeric", "text"]);
    expect(planned.arms.map(({ tenant }) => tenant)).toEqual(["old"]);
    expect(planned.arms[0]?.sql).toContain('CAST(s."c0" AS numeric)');
    expect(planned.shapes.map(({ members }) => members.map(({ tenant }) => tenant.name))).toEqual([["old"]]);
  });

  it("refuses with the place in the user's text when no tenant can answer", async () => {
    const nope: Describe = async (sql) => ({
      ok: false,
      reason: "column_missing",
      message: 'column "nope" does not exist',
      character: sql.indexOf("nope") + 1,
    });
    await expect(plan("SELECT id,\n  nope FROM $<tenant>_orders", [OLD, NEW], nope)).rejects.toMatchObject({
      code: "QUERY_FAILED",
      message: 'column "nope" does not exist',
      position: { line: 2, column: 3 },
    });
    await expect(plan("SELECT id FROM $<tenant>_invoices", [OLD, NONE], nope)).rejects.toMatchObject({
      code: "QUERY_FAILED",
      message: "no tenant has a relation $<tenant>_invoices",
      hint: "known relations: jobs, orders",
      position: { line: 1, column: 16 },
    });
  });

  it("gives a star the columns of all tenants, with typed nulls, and casts to the fleet's types", async () => {
    const planned = await plan(
      "SELECT * FROM $<tenant>_orders",
      [NEW, OLD],
      describeAs((sql) => {
        if (sql.includes("COALESCE")) return ["c numeric"];
        return [
          "id bigint",
          sql.includes("new_orders") ? "amount numeric" : "amount integer",
          "note text",
          "tenant text",
        ];
      }),
    );
    expect(planned.arms).toEqual([
      {
        tenant: "new",
        sql: `SELECT *, 'new'::text AS tenant FROM (SELECT "id", "amount", "note" FROM "fleet"."new_orders") AS "$<tenant>_orders"`,
      },
      {
        tenant: "old",
        sql: `SELECT CAST(s."c0" AS bigint) AS "id", CAST(s."c1" AS numeric) AS "amount", CAST(s."c2" AS text) AS "note", CAST(s."c3" AS text) AS "tenant" FROM (SELECT *, 'old'::text AS tenant FROM (SELECT "id", "amount", CAST(NULL AS text) AS "note" FROM "fleet"."old_orders") AS "$<tenant>_orders") AS s("c0", "c1", "c2", "c3")`,
      },
    ]);
  });

  it("names the types that cannot meet", async () => {
    const types: Describe = async (sql) =>
      sql.includes("COALESCE")
        ? {
            ok: false,
            reason: "query_failed",
            message: "COALESCE types cannot be matched",
            character: null,
          }
        : {
            ok: true,
            columns: [sql.includes("old_orders") ? "amount integer" : "amount text", "tenant text"].map(toColumn),
          };
    await expect(plan("SELECT amount FROM $<tenant>_orders", [OLD, NEW], types)).rejects.toMatchObject({
      code: "TEMPLATE_DRIFT",
      message: "the tenants' types cannot meet: amount is integer in old and text in new",
    });
  });

  it("refuses whole rows of drifted tenants", async () => {
    await expect(
      plan(
        "SELECT row_to_json(o) FROM $<tenant>_orders o",
        [OLD, NEW],
        describeAs(() => []),
      ),
    ).rejects.toMatchObject({ code: "TEMPLATE_DRIFT" });
  });

  it("calls a star's own tenant column tenant_1", async () => {
    const members = sampleTenant("old", {}, { members: "id bigint, tenant text" });
    const planned = await plan(
      "SELECT * FROM $<tenant>_members ORDER BY id",
      [members],
      describeAs(() => ["id bigint", "tenant text", "tenant text", "__tnt_s_0__ bigint"]),
    );
    expect(planned.columns.map(({ name, role }) => `${name} ${role}`)).toEqual([
      "id user",
      "tenant_1 user",
      "tenant tenant",
      "__tnt_s_0__ hidden",
    ]);
  });

  it("gives nothing where no tenant is asked", async () => {
    const planned = await plan(
      "SELECT id FROM $<tenant>_orders",
      [],
      describeAs(() => []),
    );
    expect(planned).toMatchObject({ columns: [], arms: [], leftOut: [] });
  });
});

describe("paddedRelations", () => {
  it("orders the columns of all by smallest position, then name", () => {
    const member = (name: string, columns: string) => {
      const tenant = sampleTenant(name, {}, { t: columns });
      return { tenant, relations: [...tenant.relations.values()] };
    };
    const [a, b] = [member("a", `x int, z int`), member(`b"c`, "y text, x int, z int")];
    const pad = paddedRelations([{ members: [a] }, { members: [b] }]);
    expect(pad(a)).toEqual([`(SELECT "x", CAST(NULL AS text) AS "y", "z" FROM "fleet"."a_t")`]);
    expect(pad(b)).toEqual([`(SELECT "x", "y", "z" FROM "fleet"."b""c_t")`]);
  });
});

describe("outerSql and sortSql", () => {
  it("reads each part from text arrays, numbered through, with names and types quoted", async () => {
    const sql =
      "SELECT a.id, b.n FROM (SELECT id FROM $<tenant>_orders) a JOIN (SELECT count(*) AS n FROM $<tenant>_orders) b USING (tenant)";
    const compiled = await compileSample(sql, catalogOf([OLD]), parser);
    const columns = [
      ['i"$1 bigint', "tenant text"],
      ["n numeric(10,2)", "tenant text"],
    ];
    const blocks = await Promise.all(
      compiled.blocks.map((block, index) =>
        planBlock(block, [OLD], {
          describe: describeAs(() => columns[index] ?? []),
          tenantColumn: "tenant",
          fleet: [OLD],
          visible: [OLD],
        }),
      ),
    );
    expect(outerSql(compiled.outerSql ?? "", blocks)).toBe(
      `SELECT a.id, b.n FROM ( SELECT * FROM (SELECT CAST(u.c0 AS bigint) AS "i""$1", u.c1 AS "tenant" FROM unnest($1::text[], $2::text[]) AS u(c0, c1)) AS __tnt_p_0__ ) AS a JOIN ( SELECT * FROM (SELECT CAST(u.c0 AS numeric(10,2)) AS "n", u.c1 AS "tenant" FROM unnest($3::text[], $4::text[]) AS u(c0, c1)) AS __tnt_p_1__ ) AS b USING (tenant)`,
    );
  });

  it("refuses whole rows, whose text cannot be read back", async () => {
    const compiled = await compileSample(
      "SELECT count(*) FROM (SELECT o FROM $<tenant>_orders o) t",
      catalogOf([OLD]),
      parser,
    );
    const [block] = compiled.blocks;
    if (block === undefined) throw new Error("no copied block");
    const planned = await planBlock(block, [OLD], {
      describe: describeAs(() => ["o record", "tenant text"]),
      tenantColumn: "tenant",
      fleet: [OLD],
      visible: [OLD],
    });
    expect(() => outerSql(compiled.outerSql ?? "", [planned])).toThrow(
      expect.objectContaining({ code: "TEMPLATE_UNSUPPORTED" }),
    );
  });

  it("sorts by types, collations and operators, hidden columns and the ones behind a star", async () => {
    const planned = await plan(
      `SELECT *, amount + 1 AS more FROM $<tenant>_orders ORDER BY note COLLATE "de-x", amount + 1 DESC NULLS LAST, id USING >`,
      [NEW],
      describeAs(() => [
        "id bigint",
        "amount numeric",
        "note text",
        "more numeric",
        "tenant text",
        "h0 text",
        "h1 bigint",
      ]),
    );
    expect(sortSql(planned)).toBe(
      `SELECT u.c0, u.c1, u.c2, u.c3, u.c4, u.c5, u.c6 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) AS u(c0, c1, c2, c3, c4, c5, c6) ORDER BY u.c5 COLLATE "de-x" ASC NULLS LAST, CAST(u.c3 AS numeric) DESC NULLS LAST, CAST(u.c6 AS bigint) USING OPERATOR(pg_catalog.>) NULLS FIRST, u.c4 COLLATE "C"`,
    );
  });
});
