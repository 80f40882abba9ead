import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { inject } from "vitest";
import type { Login } from "./pgbouncer.ts";
import { withSql } from "./postgres.ts";

/** A login of the tenants' databases that may read everything. */
export interface BouncerReader extends Login {
  /** `url` with this login. */
  readonly as: (url: string) => string;
  readonly close: () => Promise<void>;
}

/** Makes a login on the tests' server, with the settings that docs/tenants.md prints for tenants behind PgBouncer. */
export async function createBouncerReader(): Promise<BouncerReader> {
  const page = await readFile(new URL("../../docs/tenants.md", import.meta.url), "utf8");
  const printed = page.split("## Behind PgBouncer")[1]?.match(/^```sql\n(.*?)^```$/ms)?.[1];
  if (printed === undefined) throw new Error("docs/tenants.md has no SQL for tenants behind PgBouncer");
  const [user, password] = [`reader_${randomBytes(6).toString("hex")}`, "reader-secret"];
  const create = `CREATE ROLE ${user} LOGIN PASSWORD '${password}'; GRANT pg_read_all_data TO ${user};`;
  await withSql(inject("postgresUrl"), (sql) => sql.query(create + printed.replaceAll("ROLE reader", `ROLE ${user}`)));
  return {
    user,
    password,
    as: (url) => Object.assign(new URL(url), { username: user, password }).href,
    close: async () => {
      await withSql(inject("postgresUrl"), (sql) => sql.query(`DROP ROLE ${user}`));
    },
  };
}
