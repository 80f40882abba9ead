import { describe, expect, test } from "vitest";
import { configSchema } from "../../src/config/schema.ts";
import type { Observation } from "../../src/observation.ts";
import type { Database } from "../../src/postgres/database.ts";
import { createCatalogStore } from "../../src/tenants/catalog-store.ts";
import { withSql, withTenants } from "../support/postgres.ts";

function configOf(tenants: object = {}, guard: object = {}) {
  return configSchema.parse({ federation: { url: "postgres://unused" }, tenants, guard });
}

const TENANT_A = `CREATE SERVER a_fdw_target FOREIGN DATA WRAPPER postgres_fdw;
  CREATE FOREIGN TABLE a_e (id int) SERVER a_fdw_target OPTIONS (table_name 'e')`;

async function withFederation(ddl: string, work: (database: Database) => Promise<void>): Promise<void> {
  await withTenants([], { ddl: "" }, (fleet) =>
    withSql(fleet.federationUrl, async (database) => {
      await database.query(ddl);
      await work(database);
    }),
  );
}

describe("catalog store", () => {
  test("keeps the version until the content changes, and says when it was last read", async () => {
    await withFederation(TENANT_A, async (database) => {
      const observations: Observation[] = [];
      let clock = 1_000;
      const store = createCatalogStore({
        database,
        config: configOf({}, { allowRelations: ["a_e", "nope"] }),
        observe: (observation) => observations.push(observation),
        now: () => clock,
      });
      expect(store.current()).toBeNull();
      const [first, shared] = await Promise.all([store.refresh(), store.refresh()]);
      expect(shared).toBe(first);
      clock = 2_000;
      const again = await store.refresh();
      expect(again.version).toBe(first.version);
      expect(again.tenants).toBe(first.tenants);
      expect([first.loadedAtMs, again.loadedAtMs]).toEqual([1_000, 2_000]);
      expect(observations.map((observation) => observation.kind)).toEqual([
        "catalog.notice",
        "advice",
        "catalog.loaded",
        "catalog.loaded",
      ]);

      await database.query("ALTER FOREIGN TABLE a_e ADD COLUMN name text");
      const second = await store.refresh();
      expect(second.version).not.toBe(first.version);
      expect(second.loadedAtMs).toBe(2_000);
      expect(store.current()).toBe(second);
      expect(first.tenants.get("a")?.relations.get("e")?.columns).toHaveLength(1);
      await database.query("ALTER FOREIGN TABLE a_e DROP COLUMN name");
      expect((await store.refresh()).version).toBe(first.version);
      const loads = observations.filter((observation) => observation.kind === "catalog.loaded");
      expect(loads.map(({ changed }) => changed)).toEqual([true, false, true, true]);
      await store.close();
      await expect(store.refresh()).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
      expect(store.current()).not.toBeNull();
    });
  });

  test("keeps the previous catalog when the federation database fails", async () => {
    await withFederation(TENANT_A, async (database) => {
      const observations: Observation[] = [];
      let broken = true;
      const fragile: Database = {
        ...database,
        transaction: (work) => (broken ? Promise.reject(new Error("gone")) : database.transaction(work)),
      };
      const store = createCatalogStore({
        database: fragile,
        config: configOf(),
        observe: (observation) => observations.push(observation),
      });
      await expect(store.refresh()).rejects.toMatchObject({
        code: "FEDERATION_UNAVAILABLE",
        message: expect.not.stringContaining("gone"),
      });
      expect(store.current()).toBeNull();
      broken = false;
      const catalog = await store.refresh();
      broken = true;
      await expect(store.refresh()).rejects.toMatchObject({ code: "FEDERATION_UNAVAILABLE" });
      expect(store.current()).toBe(catalog);
      expect(observations.map((observation) => observation.kind)).toEqual([
        "catalog.failed",
        "catalog.loaded",
        "catalog.failed",
      ]);
      await store.close();
    });
  });

  test("reads again by itself, soon after a failure, and no more once closed", async () => {
    await withFederation(TENANT_A, async (database) => {
      let reads = 0;
      const counted: Database = {
        ...database,
        transaction: (work) => {
          reads += 1;
          return reads === 1 ? Promise.reject(new Error("not yet")) : database.transaction(work);
        },
      };
      const store = createCatalogStore({
        database: counted,
        config: configOf({ refresh: "20ms" }),
        observe: () => undefined,
      });
      store.start();
      await expect.poll(() => store.current()?.tenants.size, { timeout: 5_000 }).toBe(1);
      await expect.poll(() => reads, { timeout: 5_000 }).toBeGreaterThan(3);
      await store.close();
      const readsAtClose = reads;
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(reads).toBe(readsAtClose);
    });
  });

  test("loads 300 servers with 900 foreign tables in a moment", async () => {
    const ddl = Array.from({ length: 300 }, (_, index) => {
      const table = (
        name: string,
      ) => `CREATE FOREIGN TABLE t${index}_${name} (id int, name text, amount numeric, at timestamptz, data jsonb)
        SERVER t${index}_fdw_target OPTIONS (table_name '${name}');`;
      return `CREATE SERVER t${index}_fdw_target FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'dummy.invalid');
        ${table("entities")}${table("orders")}${table("jobs")}`;
    });
    await withFederation(ddl.join("\n"), async (database) => {
      const seconds: number[] = [];
      const store = createCatalogStore({
        database,
        config: configOf(),
        observe: (observation) => {
          if (observation.kind === "catalog.loaded") seconds.push(observation.seconds);
        },
      });
      const catalog = await store.refresh();
      expect(catalog.tenants.size).toBe(300);
      const relations = [...catalog.tenants.values()].flatMap((tenant) => [...tenant.relations.values()]);
      expect(relations).toHaveLength(900);
      // All relations share one list of columns.
      expect(new Set(relations.map((relation) => relation.columns)).size).toBe(1);
      // 0.2 s when written (PostgreSQL 15 and 18, two busy cores); a query for each tenant would take far more than this bound.
      expect(seconds[0]).toBeLessThan(2);
      await store.close();
    });
  });
});
