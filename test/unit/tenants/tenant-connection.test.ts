import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { configSchema } from "../../../src/config/schema.ts";
import { pointsElsewhere, readTenantUrl, serverOptions } from "../../../src/tenants/tenant-connection.ts";

function optionsOf(url: string, settings: object = {}, serverVersion = 180_000) {
  const config = configSchema.parse({
    federation: { url: "postgres://unused", ...settings },
    limits: { tenantDeadline: "4s" },
  });
  return Object.fromEntries(
    serverOptions({ tenant: "acme", connection: readTenantUrl("acme", url), config, serverVersion }),
  );
}

const REMOTE =
  "-c default_transaction_read_only=on -c statement_timeout=3600 -c lock_timeout=1000 -c idle_in_transaction_session_timeout=9000";

describe("options of a tenant's foreign server", () => {
  test("come from the url, the deadlines and the version", () => {
    expect(optionsOf("postgres://u:p@db.internal:6432/acme?sslmode=verify-full")).toEqual({
      host: "db.internal",
      port: "6432",
      dbname: "acme",
      sslmode: "verify-full",
      application_name: "tenantry/acme",
      connect_timeout: "2",
      tcp_user_timeout: "3000",
      keepalives_idle: "2",
      keepalives_interval: "1",
      keepalives_count: "2",
      fetch_size: "1000",
      async_capable: "true",
      use_remote_estimate: "false",
      parallel_commit: "true",
      parallel_abort: "true",
      options: REMOTE,
    });
    expect(optionsOf("postgres://u:p@h/d", {}, 140_000)).not.toHaveProperty("parallel_commit");
    expect(optionsOf("postgres://u:p@h/d", {}, 150_000)).toHaveProperty("parallel_commit");
    expect(optionsOf("postgres://u:p@h/d", {}, 150_000)).not.toHaveProperty("parallel_abort");
    expect(optionsOf("postgres://u:p@h/d", { remoteOptions: "off" })).not.toHaveProperty("options");
  });

  test("what the url asks for cannot undo read-only: of repeated settings the last counts", () => {
    const url = "postgres://u:p@h/d?options=-c%20default_transaction_read_only%3Doff&keepalives_idle=9";
    expect(optionsOf(url)).toMatchObject({
      options: `-c default_transaction_read_only=off ${REMOTE}`,
      keepalives_idle: "9",
    });
    expect(optionsOf(url, { remoteOptions: "off" }).options).toBe("-c default_transaction_read_only=off");
  });
});

describe("a registry url", () => {
  test("is read with its defaults and its escapes", () => {
    expect(readTenantUrl("t", "postgres://us%40er:p%3A%2F%25@[::1]/my%20db")).toEqual({
      server: new Map([
        ["host", "::1"],
        ["port", "5432"],
        ["dbname", "my db"],
      ]),
      startupOptions: null,
      user: "us@er",
      password: "p:/%",
    });
    expect(readTenantUrl("t", "postgresql://u:p@socket/d?host=/run/postgresql").server.get("host")).toBe(
      "/run/postgresql",
    );
    expect(readTenantUrl("t", "postgres://u:p@h").server.get("dbname")).toBe("u");
    expect(readTenantUrl("t", "postgres://u:p@h/d?sslmode=no-verify").server.get("sslmode")).toBe("require");
  });

  test.each([
    ["postgres://u@h/d", "its url has no user or no password"],
    ["postgres://h/d", "its url has no user or no password"],
    ["mysql://u:p@h/d", "its url cannot be read"],
    ["host=h password=hunter2", "its url cannot be read"],
    ["postgres://u:%E0%A4%A@h/d", "its url cannot be read"],
    ["postgres://u:p@h/d?host=", "its url has no host"],
    ["postgres://u:p@h/d?passfile=x", 'its url sets "passfile"'],
  ])("%s is refused", (url, message) => {
    expect(() => readTenantUrl("t", url)).toThrow(
      expect.objectContaining({ code: "ONBOARDING_REFUSED", message: `tenant "t": ${message}` }),
    );
  });

  test("keeps any user, password and database exactly", () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    console.info(`seed ${seed}`);
    const text = fc.string({ unit: "binary", minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(text, text, text, (user, password, database) => {
        const [u, p, d] = [user, password, database].map(encodeURIComponent);
        const read = readTenantUrl("t", `postgres://${u}:${p}@h/${d}`);
        expect([read.user, read.password, read.server.get("dbname")]).toEqual([user, password, database]);
      }),
      { seed },
    );
  });

  test("is compared with a server by where it leads", () => {
    const url = "postgres://u:p@h/d";
    expect(pointsElsewhere(url, { host: "h", port: "5432", dbname: "d" })).toBe(false);
    expect(pointsElsewhere(url, { host: "h" })).toBe(false);
    expect(pointsElsewhere(url, { host: "h", dbname: "other" })).toBe(true);
    expect(pointsElsewhere("nonsense", { host: "h" })).toBe(false);
  });
});
