import { describe, expect, test } from "vitest";
import { configSchema } from "../../src/config/schema.ts";
import type { Database } from "../../src/postgres/database.ts";
import { buildCatalog, localPlaces } from "../../src/tenants/build-catalog.ts";
import { readFederation } from "../../src/tenants/read-federation.ts";
import type { CatalogTenant } from "../../src/types.ts";
import { withSql, withTenants } from "../support/postgres.ts";

async function discover(database: Database, settings: { readonly tenants?: object; readonly guard?: object } = {}) {
  const config = configSchema.parse({ federation: { url: "postgres://unused" }, ...settings });
  return buildCatalog(await readFederation(database, localPlaces(config.guard)), config);
}

/** Relation → where it is, for one tenant. */
function placesOf(tenant: CatalogTenant | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...(tenant?.relations ?? [])].map(([name, relation]) => [name, `${relation.schema}.${relation.name}`]),
  );
}

async function withFederation(ddl: string, work: (database: Database) => Promise<void>): Promise<void> {
  await withTenants([], { ddl: "" }, (fleet) =>
    withSql(fleet.federationUrl, async (database) => {
      await database.query(ddl);
      await work(database);
    }),
  );
}

const server = (tenant: string) => `CREATE SERVER ${tenant}_fdw_target FOREIGN DATA WRAPPER postgres_fdw;`;

describe("discovery", () => {
  test("finds tenants and relations in a federation database made by hand", async () => {
    await withFederation(
      `${server("tenant_a")} ${server("tenant_b")} ${server("idle")} CREATE SERVER billing FOREIGN DATA WRAPPER postgres_fdw;
       CREATE FOREIGN TABLE tenant_a_entities (id int, gone int, amount numeric(12,2), code char(3), tags varchar(5)[])
         SERVER tenant_a_fdw_target OPTIONS (schema_name 'public', table_name 'entities');
       ALTER FOREIGN TABLE tenant_a_entities DROP COLUMN gone;
       CREATE FOREIGN TABLE tenant_b_entities (id int) SERVER tenant_b_fdw_target;
       CREATE FOREIGN TABLE invoices (id int) SERVER billing`,
      async (database) => {
        const { catalog, notices } = await discover(database, {
          tenants: { registry: [{ name: "tenant_c", url: "postgres://u:p@h/d", labels: { plan: "pro" } }] },
        });
        expect(
          [...catalog.tenants.values()].map(({ name, state, servers, labels }) => [name, state, servers, labels]),
        ).toEqual([
          ["idle", "missing", ["idle_fdw_target"], {}],
          ["tenant_a", "ready", ["tenant_a_fdw_target"], {}],
          ["tenant_b", "ready", ["tenant_b_fdw_target"], {}],
          ["tenant_c", "missing", [], { plan: "pro" }],
        ]);
        expect(placesOf(catalog.tenants.get("tenant_a"))).toEqual({ entities: "public.tenant_a_entities" });
        expect(placesOf(catalog.tenants.get("tenant_b"))).toEqual({ entities: "public.tenant_b_entities" });
        expect(catalog.tenants.get("tenant_a")?.relations.get("entities")?.columns).toEqual([
          { name: "id", type: "integer", position: 1 },
          { name: "amount", type: "numeric", position: 2 },
          { name: "code", type: "bpchar", position: 3 },
          { name: "tags", type: "character varying[]", position: 4 },
        ]);
        expect(notices).toEqual([]);
      },
    );
  });

  test("a local name that follows the layout goes before the option table_name", async () => {
    await withFederation(
      `${server("t")}
       CREATE FOREIGN TABLE t_entities_archive (id int) SERVER t_fdw_target OPTIONS (schema_name 'archive', table_name 'entities');
       CREATE FOREIGN TABLE t_entities (id int) SERVER t_fdw_target OPTIONS (table_name 'entities');
       CREATE FOREIGN TABLE t_people (id int) SERVER t_fdw_target OPTIONS (table_name 'users');
       CREATE FOREIGN TABLE spare (id int) SERVER t_fdw_target OPTIONS (table_name 'entities');
       CREATE FOREIGN TABLE bare (id int) SERVER t_fdw_target`,
      async (database) => {
        const { catalog, notices } = await discover(database);
        expect(placesOf(catalog.tenants.get("t"))).toEqual({
          bare: "public.bare",
          entities: "public.t_entities",
          entities_archive: "public.t_entities_archive",
          people: "public.t_people",
          users: "public.t_people",
        });
        expect(notices).toEqual([
          { tenant: "t", text: "foreign table public.spare is not used: another relation is called entities already" },
        ]);
      },
    );
  });

  test("views belong to the one tenant that they read, through any number of views", async () => {
    await withFederation(
      `${server("a")} ${server("b")} ${server("a_b")} CREATE SERVER billing FOREIGN DATA WRAPPER postgres_fdw;
       CREATE TABLE lookup (id int); CREATE FOREIGN TABLE invoices (id int) SERVER billing;
       CREATE FOREIGN TABLE raw_a (id int) SERVER a_fdw_target OPTIONS (table_name 'e');
       CREATE FOREIGN TABLE raw_b (id int) SERVER b_fdw_target OPTIONS (table_name 'e');
       CREATE FOREIGN TABLE raw_ab (id int) SERVER a_b_fdw_target OPTIONS (table_name 'e');
       CREATE VIEW inner_a AS SELECT id FROM raw_a JOIN lookup USING (id);
       CREATE VIEW a_deep AS SELECT id, 1.5::numeric(5,2) AS n FROM inner_a;
       CREATE MATERIALIZED VIEW a_kept AS SELECT id FROM inner_a WITH NO DATA;
       CREATE VIEW inner_mixed AS SELECT id FROM raw_a UNION ALL SELECT id FROM raw_b;
       CREATE VIEW a_mixed AS SELECT id FROM inner_mixed; CREATE VIEW all_e AS SELECT id FROM inner_mixed;
       CREATE VIEW a_stolen AS SELECT id FROM raw_b; CREATE VIEW a_billed AS SELECT raw_a.id FROM raw_a, invoices;
       CREATE VIEW a_local AS SELECT id FROM lookup; CREATE VIEW a_b_c AS SELECT id FROM raw_ab;
       CREATE TABLE parted (id int) PARTITION BY LIST (id); CREATE VIEW a_parted AS SELECT id FROM parted;
       CREATE FOREIGN TABLE part_b PARTITION OF parted FOR VALUES IN (1) SERVER b_fdw_target OPTIONS (table_name 'p')`,
      async (database) => {
        const { catalog, notices } = await discover(database);
        expect(placesOf(catalog.tenants.get("a"))).toEqual({
          deep: "public.a_deep",
          e: "public.raw_a",
          kept: "public.a_kept",
        });
        expect(placesOf(catalog.tenants.get("b"))).toEqual({ e: "public.raw_b", p: "public.part_b" });
        expect(placesOf(catalog.tenants.get("a_b"))).toEqual({ c: "public.a_b_c", e: "public.raw_ab" });
        expect(notices.map(({ tenant, text }) => `${tenant}: ${text}`).sort()).toEqual([
          "a: view public.a_billed is not used: it reads a, a server of no tenant",
          "a: view public.a_mixed is not used: it reads a, b",
          "a: view public.a_parted has this tenant's name but reads b: not used",
          "a: view public.a_stolen has this tenant's name but reads b: not used",
        ]);
      },
    );
  });

  test("layout schema: a view of the tenant's schema goes before the foreign table behind it", async () => {
    await withFederation(
      `${server('"Acme-1"').replace('"Acme-1"_fdw_target', '"Acme-1_fdw_target"')} CREATE SCHEMA ft; CREATE SCHEMA "Acme-1";
       CREATE FOREIGN TABLE ft.orders (id int, secret text) SERVER "Acme-1_fdw_target" OPTIONS (table_name 'orders');
       CREATE FOREIGN TABLE "Acme-1"."Jobs $1" (id int) SERVER "Acme-1_fdw_target" OPTIONS (table_name 'Jobs $1');
       CREATE VIEW "Acme-1".orders AS SELECT id FROM ft.orders`,
      async (database) => {
        const { catalog } = await discover(database, { tenants: { layout: "schema" } });
        expect(placesOf(catalog.tenants.get("Acme-1"))).toEqual({
          "Jobs $1": "Acme-1.Jobs $1",
          orders: "Acme-1.orders",
        });
      },
    );
  });

  test("local relations never reach a tenant", async () => {
    await withFederation(
      `${server("a")} CREATE SCHEMA ops; CREATE TABLE ops.owners (id int, tenant varchar(9)); CREATE TABLE plans (id int);
       CREATE FOREIGN TABLE a_e (id int) SERVER a_fdw_target; CREATE VIEW around AS SELECT * FROM a_e`,
      async (database) => {
        const { catalog, notices } = await discover(database, {
          guard: { allowRelations: ["ops.owners", "plans", "a_e", "public.around", "nope", "pg_catalog.pg_class"] },
        });
        expect([...catalog.localRelations.keys()]).toEqual(["ops.owners", "public.plans"]);
        expect(catalog.localRelations.get("ops.owners")).toMatchObject({
          schema: "ops",
          name: "owners",
          columns: [
            { name: "id", type: "integer", position: 1 },
            { name: "tenant", type: "character varying", position: 2 },
          ],
        });
        expect(notices).toEqual([
          { tenant: "a", text: "guard.allowRelations names public.a_e, which reads this tenant's tables: refused" },
          { tenant: "a", text: "guard.allowRelations names public.around, which reads this tenant's tables: refused" },
          { tenant: null, text: "guard.allowRelations names public.nope, which does not exist" },
          {
            tenant: null,
            text: "guard.allowRelations names pg_catalog.pg_class, which is PostgreSQL's own: refused",
          },
        ]);
      },
    );
  });

  test("names conflicts between the registry and the servers", async () => {
    await withFederation(
      `CREATE SERVER tenant_a_fdw_target FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'h', port '5432', dbname 'old');
       CREATE SERVER tenant_b_fdw_target FOREIGN DATA WRAPPER postgres_fdw`,
      async (database) => {
        const { notices } = await discover(database, {
          tenants: {
            registry: [
              { name: "tenant_a", url: "postgres://u:p@h/new" },
              { name: "Tenant_B", url: "postgres://u:p@h/b" },
              { name: "tenant_a", url: "postgres://u:p@h/other" },
            ],
          },
        });
        expect(notices).toEqual([
          {
            tenant: "Tenant_B",
            text: "the registry writes Tenant_B, the federation database has a server of tenant_b: two tenants to Tenantry",
          },
          { tenant: "tenant_a", text: "the registry names this tenant twice; the first entry counts" },
          {
            tenant: "tenant_a",
            text: "server tenant_a_fdw_target does not point where the registry's url does; see the plan for it",
          },
        ]);
      },
    );
  });
});
