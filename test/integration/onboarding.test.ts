import { describe, expect, test } from "vitest";
import { configSchema } from "../../src/config/schema.ts";
import { createDatabase, type Database } from "../../src/postgres/database.ts";
import { quoteIdentifier, quoteLiteral, quoteQualified } from "../../src/postgres/quote.ts";
import { applyOnboarding } from "../../src/tenants/apply-onboarding.ts";
import { dropTenant } from "../../src/tenants/drop-tenant.ts";
import { type OnboardingPlan, planOnboarding } from "../../src/tenants/plan-onboarding.ts";
import { type TestFleet, type TestTenant, withSql, withTenants } from "../support/postgres.ts";

const connect = (url: string): Database =>
  createDatabase({ url, applicationName: "tenantry-test", maxConnections: 2, connectTimeoutMs: 5_000 });

/** The url with a password, which a server of `TEST_DATABASE_URL` that trusts everyone may do without. */
function withPassword(text: string): string {
  const url = new URL(text);
  if (url.password === "") url.password = "unused-password";
  return url.href;
}

function entry(tenant: TestTenant, more: object = {}) {
  return { name: tenant.name, url: withPassword(tenant.url), ...more };
}

function configOf(fleet: TestFleet, tenants: object, federation: object = {}) {
  return configSchema.parse({ federation: { url: fleet.federationUrl, ...federation }, tenants });
}

type TestConfig = ReturnType<typeof configOf>;

async function onboard(database: Database, config: TestConfig) {
  const plan = await planOnboarding({ database, config, connect });
  return { plan, result: await applyOnboarding(plan, { database }) };
}

function kindsOf(plan: OnboardingPlan): readonly string[] {
  return [...plan.preparation, ...plan.tenants.flatMap((tenant) => tenant.steps)].map((step) => step.kind);
}

function printed(plan: OnboardingPlan): readonly string[] {
  return [...plan.preparation, ...plan.tenants.flatMap((tenant) => tenant.steps)].map((step) => step.printable);
}

const ENTITIES = `CREATE TABLE entities (id int PRIMARY KEY, name varchar(20), amount numeric(14,4), code char(3),
    flags bit(3), doubled int GENERATED ALWAYS AS (id * 2) STORED, seen timestamptz(3));
  INSERT INTO entities (id, name, amount, code, flags, seen) VALUES (1, 'one', 1.2345, 'ab', B'101', '2026-01-01T00:00:00Z');
  CREATE VIEW entity_names AS SELECT name FROM entities;
  CREATE MATERIALIZED VIEW entity_count AS SELECT count(*) AS n FROM entities;
  CREATE TABLE events (id int, at date) PARTITION BY RANGE (at);
  CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  INSERT INTO events VALUES (7, '2026-02-03');`;

describe("onboarding", () => {
  test("gives the tenants' rows through foreign tables, and has nothing to do the second time", async () => {
    await withTenants(["tenant_a", "tenant_b"], { ddl: ENTITIES }, async (fleet) => {
      await withSql(fleet.federationUrl, async (database) => {
        const config = configOf(fleet, { registry: fleet.tenants.map((tenant) => entry(tenant)) });
        const seen: string[] = [];
        const plan = await planOnboarding({ database, config, connect, onTenantRead: (name) => seen.push(name) });
        expect(seen.sort()).toEqual(["tenant_a", "tenant_b"]);
        const steps: string[] = [];
        const result = await applyOnboarding(plan, { database, onStep: (step) => steps.push(step.kind) });
        expect(result).toEqual({ onboarded: ["tenant_a", "tenant_b"], failed: [] });
        expect(steps).toEqual(kindsOf(plan));
        expect(printed(plan).filter((sql) => sql.includes("tenant_a_entities"))).toEqual([
          'CREATE FOREIGN TABLE "public"."tenant_a_entities" ("id" integer, "name" character varying, "amount" numeric, ' +
            '"code" bpchar, "flags" "bit", "doubled" integer, "seen" timestamp with time zone) SERVER "tenant_a_fdw_target" ' +
            `OPTIONS ("schema_name" 'public', "table_name" 'entities')`,
        ]);
        expect(
          await database.query(
            "SELECT id, name, amount::text, code, flags::text, doubled, extract(year FROM seen)::int AS y FROM tenant_a_entities",
          ),
        ).toEqual([{ id: 1, name: "one", amount: "1.2345", code: "ab ", flags: "101", doubled: 2, y: 2026 }]);
        expect(
          await database.query(
            "SELECT e.id, n.name, c.n::int FROM tenant_b_events e, tenant_b_entity_names n, tenant_b_entity_count c",
          ),
        ).toEqual([{ id: 7, name: "one", n: 1 }]);
        expect(await database.query("SELECT to_regclass('tenant_a_events_2026') AS partition")).toEqual([
          { partition: null },
        ]);
        expect(kindsOf(await planOnboarding({ database, config, connect }))).toEqual([]);
      });
    });
  });

  test("follows a tenant whose columns and relations change", async () => {
    const ddl = "CREATE TABLE t (id int, gone int, kind int); CREATE TABLE old (id int)";
    await withTenants(["tenant_a"], { ddl }, async (fleet) => {
      await withSql(fleet.federationUrl, async (database) => {
        const config = configOf(fleet, { registry: fleet.tenants.map((tenant) => entry(tenant)) });
        await onboard(database, config);
        await database.query(
          "CREATE FOREIGN TABLE by_hand (id int) SERVER tenant_a_fdw_target OPTIONS (table_name 't')",
        );
        await withSql(fleet.tenants[0]?.url ?? "", (sql) =>
          sql.query(`ALTER TABLE t DROP COLUMN gone, ADD COLUMN fresh text, ALTER COLUMN kind TYPE numeric(5,2);
            DROP TABLE old; CREATE TABLE young (id int); INSERT INTO t VALUES (1, 2.5, 'x')`),
        );
        const { plan, result } = await onboard(database, config);
        expect(result.failed).toEqual([]);
        expect(printed(plan)).toEqual([
          'DROP FOREIGN TABLE "public"."tenant_a_old"',
          'ALTER FOREIGN TABLE "public"."tenant_a_t" DROP COLUMN "gone"',
          'ALTER FOREIGN TABLE "public"."tenant_a_t" ALTER COLUMN "kind" TYPE numeric',
          'ALTER FOREIGN TABLE "public"."tenant_a_t" ADD COLUMN "fresh" text',
          `CREATE FOREIGN TABLE "public"."tenant_a_young" ("id" integer) SERVER "tenant_a_fdw_target" OPTIONS ("schema_name" 'public', "table_name" 'young')`,
        ]);
        expect(plan.tenants[0]?.notices).toEqual([
          { severity: "info", text: "public.by_hand stays: it was not made by onboarding" },
        ]);
        expect(await database.query("SELECT id, kind::text, fresh FROM tenant_a_t")).toEqual([
          { id: 1, kind: "2.50", fresh: "x" },
        ]);
        expect(kindsOf(await planOnboarding({ database, config, connect }))).toEqual([]);
      });
    });
  });

  test("repairs a foreign table made by hand: type modifiers, options, and columns under another name", async () => {
    const ddl = "CREATE TABLE t (amount numeric(14,4), label text); INSERT INTO t VALUES (1.2345, 'x')";
    await withTenants(["tenant_a"], { ddl }, async (fleet) => {
      await withSql(fleet.federationUrl, async (database) => {
        await database.query(`CREATE SERVER tenant_a_fdw_target FOREIGN DATA WRAPPER postgres_fdw
            OPTIONS (host 'elsewhere.invalid', use_remote_estimate 'true', extensions 'postgres_fdw');
          CREATE FOREIGN TABLE tenant_a_t (amount numeric(12,2), name text OPTIONS (column_name 'label'))
            SERVER tenant_a_fdw_target OPTIONS (table_name 'T')`);
        const config = configOf(
          fleet,
          { registry: fleet.tenants.map((tenant) => entry(tenant)) },
          { remoteOptions: "off" },
        );
        const { plan } = await onboard(database, config);
        expect(kindsOf(plan)).toEqual(["alter server", "create user mapping", "alter foreign table", "alter column"]);
        expect(printed(plan)[0]).not.toContain("extensions");
        expect(printed(plan)[0]).not.toContain("default_transaction_read_only");
        expect(await database.query("SELECT amount::text, name FROM tenant_a_t")).toEqual([
          { amount: "1.2345", name: "x" },
        ]);
        const on = configOf(fleet, { registry: fleet.tenants.map((tenant) => entry(tenant)) });
        expect(printed((await onboard(database, on)).plan)).toEqual([
          `ALTER SERVER "tenant_a_fdw_target" OPTIONS (ADD "options" '-c default_transaction_read_only=on -c statement_timeout=9000 -c lock_timeout=1000 -c idle_in_transaction_session_timeout=15000')`,
        ]);
        expect(printed((await onboard(database, config)).plan)).toEqual([
          'ALTER SERVER "tenant_a_fdw_target" OPTIONS (DROP "options")',
        ]);
      });
    });
  });

  test("types that only the tenant has become text that every condition works on", async () => {
    const ddl = `CREATE TYPE mood AS ENUM ('new', 'done', 'bad'); CREATE DOMAIN email AS varchar(40) CHECK (VALUE <> '');
      CREATE TYPE pair AS (a int, b int); CREATE TYPE ages AS RANGE (subtype = float8); CREATE DOMAIN moody AS mood;
      CREATE EXTENSION citext;
      CREATE TABLE t (id int, m mood, e email, es email[], ms mood[], p pair, r ages, c citext, k moody, g regclass, n int4range, v int[]);
      INSERT INTO t VALUES (1, 'new', 'a@b', '{a@b}', '{new,bad}', '(1,2)', '[1,2)', 'Ab', 'bad', 't', '[1,2)', '{1}');
      INSERT INTO t (id, m, e) VALUES (2, 'done', 'c@d')`;
    await withTenants(["tenant_a"], { ddl }, async (fleet) => {
      await withSql(fleet.federationUrl, async (database) => {
        const config = configOf(fleet, { registry: fleet.tenants.map((tenant) => entry(tenant)) });
        const { plan, result } = await onboard(database, config);
        expect(result.failed).toEqual([]);
        expect(plan.preparation.map((step) => step.kind)).toEqual(["create schema", "create domain"]);
        expect(printed(plan).at(-1)).toContain(
          '("id" integer, "m" tenantry.remote_text, "e" character varying, "es" character varying[], "ms" tenantry.remote_text, ' +
            '"p" tenantry.remote_text, "r" tenantry.remote_text, "c" tenantry.remote_text, "k" tenantry.remote_text, ' +
            '"g" tenantry.remote_text, "n" int4range, "v" integer[])',
        );
        expect(plan.tenants[0]?.notices.map((notice) => notice.text)).toHaveLength(7);
        expect(plan.tenants[0]?.notices[0]?.text).toContain(
          "t.m is text here: the federation database has no type public.mood",
        );
        for (const condition of [
          "m = 'new'",
          "m IN ('new', 'x')",
          "m LIKE 'n%'",
          "lower(m) = 'new'",
          "m > 'n'",
          "e IN ('a@b')",
        ]) {
          expect(await database.query(`SELECT id FROM tenant_a_t WHERE ${condition}`), condition).toEqual([{ id: 1 }]);
        }
        expect(
          await database.query("SELECT m, max(k) AS k FROM tenant_a_t WHERE m <> 'nosuch' GROUP BY m ORDER BY m"),
        ).toEqual([
          { m: "done", k: null },
          { m: "new", k: "bad" },
        ]);
        expect(await database.query("SELECT ms, p, r, c, g FROM tenant_a_t WHERE id = 1")).toEqual([
          { ms: "{new,bad}", p: "(1,2)", r: "[1,2)", c: "Ab", g: "public.t" },
        ]);
        expect(kindsOf(await planOnboarding({ database, config, connect }))).toEqual([]);
        await database.query("CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext");
        expect(printed((await onboard(database, config)).plan)).toEqual([
          'ALTER FOREIGN TABLE "public"."tenant_a_t" ALTER COLUMN "c" TYPE ext.citext',
        ]);
        expect(await database.query("SELECT id FROM tenant_a_t WHERE c OPERATOR(ext.=) 'AB'::ext.citext")).toEqual([
          { id: 1 },
        ]);
      });
    });
  });

  test("nothing that a query reads can write on a tenant", async () => {
    const ddl = `CREATE TABLE writes (n int); CREATE FUNCTION write() RETURNS int LANGUAGE sql VOLATILE SECURITY DEFINER
        AS 'INSERT INTO public.writes VALUES (1) RETURNING n'; CREATE VIEW sly AS SELECT public.write() AS n`;
    await withTenants(["tenant_a"], { ddl }, async (fleet) => {
      await withSql(fleet.federationUrl, async (database) => {
        const registry = fleet.tenants.map((tenant) => entry(tenant));
        await onboard(database, configOf(fleet, { registry }));
        await expect(database.query("SELECT * FROM tenant_a_sly")).rejects.toMatchObject({ code: "25006" });
        await expect(database.query("INSERT INTO tenant_a_writes VALUES (1)")).rejects.toMatchObject({ code: "25006" });
        // The proof that the view would write: without the startup parameter it does.
        await onboard(database, configOf(fleet, { registry }, { remoteOptions: "off" }));
        expect(await database.query("SELECT n FROM tenant_a_sly")).toEqual([{ n: 1 }]);
      });
    });
  });

  test("lets a query role without rights of its own read, and nothing more", async () => {
    await withTenants(["tenant_a"], { ddl: ENTITIES }, async (fleet) => {
      const role = `query_${new URL(fleet.federationUrl).pathname.slice(1)}`;
      const queryUrl = new URL(fleet.federationUrl);
      queryUrl.username = role;
      queryUrl.password = "query-secret";
      await withSql(fleet.federationUrl, async (database) => {
        await database.query(`CREATE ROLE ${quoteIdentifier(role)} LOGIN PASSWORD ${quoteLiteral("query-secret")}`);
        try {
          const config = configOf(
            fleet,
            {
              schema: "fleet",
              registry: fleet.tenants.map((tenant) => entry(tenant, { relations: ["entit*", "nope"] })),
            },
            { url: queryUrl.href, adminUrl: fleet.federationUrl },
          );
          const { plan, result } = await onboard(database, config);
          expect(result.failed).toEqual([]);
          expect(kindsOf(plan)).toEqual([
            "create schema",
            "grant",
            "create server",
            "create user mapping",
            "create user mapping",
            ...["entities", "entity_count", "entity_names"].flatMap(() => ["create foreign table", "grant"]),
          ]);
          expect(plan.tenants[0]?.notices).toEqual([
            { severity: "warning", text: 'the schema "public" has no relation like "nope"' },
          ]);
          expect(kindsOf(await planOnboarding({ database, config, connect }))).toEqual([]);
          await withSql(queryUrl.href, async (sql) => {
            await expect(sql.query("DROP FOREIGN TABLE fleet.tenant_a_entities")).rejects.toMatchObject({
              code: "42501",
            });
            await expect(dropTenant({ database: sql, config }, "tenant_a")).rejects.toMatchObject({
              code: "ONBOARDING_REFUSED",
              message: expect.stringMatching(/^tenant "tenant_a": drop failed: must be owner of foreign table /),
              hint: expect.stringContaining("must own the tenants' servers and foreign tables"),
            });
            const rows = sql.query("SELECT id FROM fleet.tenant_a_entities");
            // A server that trusts everyone asks for no password, and postgres_fdw then refuses a plain role (2F003).
            const outcome = await rows.catch((error: unknown) => error);
            if (new URL(fleet.federationUrl).password === "") expect(outcome).toMatchObject({ code: "2F003" });
            else expect(outcome).toEqual([{ id: 1 }]);
          });
        } finally {
          await database.query(`DROP OWNED BY ${quoteIdentifier(role)} CASCADE; DROP ROLE ${quoteIdentifier(role)}`);
        }
      });
    });
  });

  test("a changed password is carried over and never printed", async () => {
    await withTenants(["tenant_a"], { ddl: "CREATE TABLE t (id int)" }, async (fleet) => {
      await withSql(fleet.federationUrl, async (database) => {
        const [tenant] = fleet.tenants.map((each) => entry(each));
        const url = tenant?.url ?? "";
        const plan = await planOnboarding({ database, config: configOf(fleet, { registry: [tenant] }), connect });
        const password = decodeURIComponent(new URL(url).password);
        const texts = `${JSON.stringify(plan)}${printed(plan).join("\n")}`;
        expect(texts).toContain("'***'");
        expect(texts).not.toContain(password);
        await applyOnboarding(plan, { database });
        const other = new URL(url);
        other.password = encodeURIComponent("it's new: $1 \\ %");
        const changed = await planOnboarding({
          database,
          config: configOf(fleet, { registry: [{ name: "tenant_a", url: other.href }] }),
          // Reading the tenant goes on with the login that works; the mapping gets the registry's.
          connect: () => connect(url),
        });
        expect(printed(changed)).toHaveLength(1);
        expect(printed(changed)[0]).toMatch(
          /^ALTER USER MAPPING FOR "\w+" SERVER "tenant_a_fdw_target" OPTIONS \(SET "password" '\*\*\*'\)$/,
        );
        expect((await applyOnboarding(changed, { database })).failed).toEqual([]);
        expect(
          await database.query(
            "SELECT option_value FROM pg_user_mappings, pg_options_to_table(umoptions) WHERE option_name = 'password'",
          ),
        ).toEqual([{ option_value: "it's new: $1 \\ %" }]);
      });
    });
  });

  test("layout schema, hostile names, and a tenant dropped again", async () => {
    const schema = 'odd "schema" $1';
    const table = `Tä"b'le $<tenant>`;
    const column = "c\"o'l%\\ $$";
    const ddl = `CREATE SCHEMA ${quoteIdentifier(schema)};
      CREATE TABLE ${quoteQualified(schema, table)} (${quoteIdentifier(column)} text, "select" int);
      INSERT INTO ${quoteQualified(schema, table)} VALUES ('x', 1)`;
    const name = "tenant \"q\" 'é'";
    await withTenants([name], { ddl }, async (fleet) => {
      await withSql(fleet.federationUrl, async (database) => {
        const registry = fleet.tenants.map((tenant) => entry(tenant, { schema }));
        const config = configOf(fleet, { layout: "schema", registry });
        const { result } = await onboard(database, config);
        expect(result).toEqual({ onboarded: [name], failed: [] });
        expect(await database.query(`SELECT * FROM ${quoteQualified(name, table)}`)).toEqual([
          { [column]: "x", select: 1 },
        ]);
        expect(kindsOf(await planOnboarding({ database, config, connect }))).toEqual([]);

        await database.query(`CREATE VIEW reader AS SELECT * FROM ${quoteQualified(name, table)}`);
        await expect(dropTenant({ database, config }, name)).rejects.toMatchObject({
          code: "ONBOARDING_REFUSED",
          hint: expect.stringContaining("view reader"),
        });
        await database.query("DROP VIEW reader");
        await withSql(fleet.federationUrl, (reader) =>
          reader.transaction(async (query) => {
            await query(`SELECT FROM ${quoteQualified(name, table)}`);
            await expect(dropTenant({ database, config }, name)).rejects.toMatchObject({
              code: "ONBOARDING_REFUSED",
              message: expect.stringContaining("lock timeout"),
              hint: expect.stringContaining("try again"),
            });
          }),
        );
        expect(await dropTenant({ database, config }, name)).toHaveLength(3);
        expect(
          await database.query("SELECT 1 FROM pg_foreign_server UNION ALL SELECT 1 FROM pg_user_mappings"),
        ).toEqual([]);
        await expect(dropTenant({ database, config }, name)).rejects.toMatchObject({ code: "TENANT_UNKNOWN" });
      });
    });
  });

  test("a tenant that cannot be onboarded does not stop the others", async () => {
    const long = "r".repeat(60);
    const ddl = {
      good: "CREATE TABLE t (id int)",
      lengthy: `CREATE TABLE ${long} (id int)`,
      taken: "CREATE TABLE t (id int)",
      a: "CREATE TABLE b_c (id int)",
      a_b: "CREATE TABLE c (id int)",
      viewed: "CREATE TABLE t (id int, n int)",
    };
    await withTenants(Object.keys(ddl), { ddl }, async (fleet) => {
      await withSql(fleet.federationUrl, async (database) => {
        await database.query("CREATE TABLE taken_t (id int)");
        const registry = [
          { name: "down", url: "postgres://u:p4ss@127.0.0.1:1/d" },
          { name: "open", url: "postgres://u@secret-host.invalid/d" },
          { name: "x".repeat(55), url: "postgres://u:p4ss@secret-host.invalid/d" },
          ...fleet.tenants.map((tenant) => entry(tenant)),
          ...fleet.tenants.slice(0, 1).map((tenant) => entry(tenant, { name: "elsewhere", schema: "nope" })),
        ];
        const { plan, result } = await onboard(database, configOf(fleet, { registry }));
        expect(result.onboarded).toEqual(["good", "viewed"]);
        expect(Object.fromEntries(result.failed.map(({ tenant, error }) => [tenant, error.message]))).toEqual({
          down: 'tenant "down": its database could not be read (ECONNREFUSED)',
          open: 'tenant "open": its url has no user or no password',
          [`${"x".repeat(55)}`]: `tenant "${"x".repeat(55)}": the name of the foreign server ${"x".repeat(55)}_fdw_target has 66 bytes; PostgreSQL keeps 63`,
          lengthy: `tenant "lengthy": the name of the foreign table lengthy_${long} has 68 bytes; PostgreSQL keeps 63`,
          taken: 'tenant "taken": public.taken_t is there already and is something else',
          a: 'tenant "a": relation "b_c" of tenant "a" and relation "c" of tenant "a_b" would both be public.a_b_c',
          a_b: 'tenant "a_b": relation "c" of tenant "a_b" and relation "b_c" of tenant "a" would both be public.a_b_c',
          elsewhere: 'tenant "elsewhere": its schema "nope" does not exist',
        });
        expect(new Set(result.failed.map(({ error }) => error.code))).toEqual(new Set(["ONBOARDING_REFUSED"]));
        expect(JSON.stringify(plan)).not.toMatch(/secret-host|p4ss|127\.0\.0\.1:1\b/);

        // A step that fails undoes its tenant, the next one goes on, and the error says which object is in the way.
        await database.query("CREATE VIEW reader AS SELECT n FROM viewed_t");
        const viewed = fleet.tenants.find((tenant) => tenant.name === "viewed");
        await withSql(viewed?.url ?? "", (sql) => sql.query("ALTER TABLE t DROP COLUMN n, ADD COLUMN m int"));
        const good = fleet.tenants.find((tenant) => tenant.name === "good");
        await withSql(good?.url ?? "", (sql) => sql.query("ALTER TABLE t ADD COLUMN m int"));
        const chosen = [viewed, good].flatMap((tenant) => (tenant === undefined ? [] : [entry(tenant)]));
        const second = (await onboard(database, configOf(fleet, { registry: chosen }))).result;
        expect(second.onboarded).toEqual(["good"]);
        expect(second.failed[0]?.error.message).toContain('tenant "viewed": drop column failed: cannot drop column n');
        expect(await database.query("SELECT count(m)::int AS n FROM good_t")).toEqual([{ n: 0 }]);
      });
    });
  });

  test("refuses when the pattern would not find the server that it would make", async () => {
    await withTenants(["tenant_a"], { ddl: "CREATE TABLE t (id int)" }, async (fleet) => {
      await withSql(fleet.federationUrl, async (database) => {
        const config = configOf(fleet, {
          discover: { servers: "^srv_(?<tenant>.+)$" },
          registry: fleet.tenants.map((tenant) => entry(tenant)),
        });
        const plan = await planOnboarding({ database, config, connect });
        expect(kindsOf(plan)).toEqual([]);
        expect(plan.tenants[0]?.refusal).toMatchObject({
          code: "ONBOARDING_REFUSED",
          message: expect.stringContaining(
            'would be called tenant_a_fdw_target, which the pattern ^srv_(?<tenant>.+)$ does not read as "tenant_a"',
          ),
        });
      });
    });
  });

  test("leaves out what the login may not read, and members of extensions", async () => {
    const ddl = `CREATE EXTENSION pg_stat_statements; CREATE TABLE open (a int, b int); CREATE TABLE shut (a int)`;
    await withTenants(["tenant_a"], { ddl }, async (fleet) => {
      const [tenant] = fleet.tenants;
      const role = `reader_${new URL(fleet.federationUrl).pathname.slice(1)}`;
      const url = new URL(tenant?.url ?? "");
      url.username = role;
      url.password = "reader-secret";
      await withSql(tenant?.url ?? "", async (owner) => {
        await owner.query(`CREATE ROLE ${role} LOGIN PASSWORD 'reader-secret'; GRANT SELECT (a) ON open TO ${role}`);
        try {
          await withSql(fleet.federationUrl, async (database) => {
            const config = configOf(fleet, { registry: [{ name: "tenant_a", url: url.href }] });
            const plan = await planOnboarding({ database, config, connect });
            expect(printed(plan).filter((sql) => sql.startsWith("CREATE FOREIGN TABLE"))).toEqual([
              expect.stringContaining('"tenant_a_open" ("a" integer) SERVER'),
            ]);
            expect(plan.tenants[0]?.notices.map((notice) => notice.text)).toEqual([
              "open.b is left out: the login may not read it",
              "shut is left out: the login may not read it",
            ]);
          });
        } finally {
          await owner.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
        }
      });
    });
  });
});
