import type { FleetApp } from "./app.ts";
import { openFleet } from "./app.ts";

const COMMON = `
  CREATE TABLE items (id int, kind text, amount numeric, at timestamptz);
  CREATE TABLE notes (item int, body text);
  CREATE TABLE "Odd Table" (n int);
  CREATE TABLE one AS SELECT 7 AS n;
  CREATE TABLE with_tenant (tenant text, n int);
  CREATE TABLE nodes (id int, parent int);
  INSERT INTO nodes VALUES (1, NULL), (2, 1), (3, 2);
  INSERT INTO "Odd Table" VALUES (7);`;

/** Three tenants, one of whose names needs quotes; `drifted`, `widths` and `clash` differ between them. */
const DDL = {
  acme: `${COMMON}
    INSERT INTO items VALUES (1, 'a', 1.50, '2026-01-01 00:00:10Z'), (2, 'b', 12345678901234567890.123456789, '2026-01-01 00:00:40Z'),
      (3, NULL, NULL, '2026-01-01 00:07:00Z');
    INSERT INTO notes VALUES (1, 'one'), (1, 'uno'), (2, 'two');
    INSERT INTO with_tenant VALUES ('inner', 1);
    CREATE TABLE drifted (id int, name text, extra boolean);
    INSERT INTO drifted VALUES (1, 'x', true);
    CREATE TABLE widths (v int4);
    INSERT INTO widths VALUES (1);
    CREATE TABLE clash (v int4);
    CREATE TABLE only_acme (n int);
    INSERT INTO only_acme VALUES (42);`,
  globex: `${COMMON}
    INSERT INTO items VALUES (1, 'b', 10, '2026-01-01 00:01:00Z'), (4, 'Ä', -3, '2026-01-01 00:20:00Z');
    INSERT INTO notes VALUES (4, 'vier');
    CREATE TABLE drifted (id int, name text);
    INSERT INTO drifted VALUES (2, 'y');
    CREATE TABLE widths (v int8);
    INSERT INTO widths VALUES (9007199254740993);
    CREATE TABLE clash (v text);`,
  "in-itech": `${COMMON}
    CREATE TABLE drifted (name text, id int, late date);
    INSERT INTO drifted VALUES ('z', 3, '2026-02-03');
    CREATE TABLE widths (v int4);
    CREATE TABLE clash (v int4);`,
} as const;

export const LANGUAGE_TENANTS: readonly string[] = Object.keys(DDL);

/** The fleet that the tests of the language share; `acme` and `in-itech` are `plan=pro`. */
export function openLanguageFleet(): Promise<FleetApp & { readonly close: () => Promise<void> }> {
  return openFleet(LANGUAGE_TENANTS, {
    ddl: DDL,
    labels: {
      acme: { plan: "pro", region: "eu" },
      globex: { plan: "free", region: "us" },
      "in-itech": { plan: "pro" },
    },
  });
}
