import fc from "fast-check";

/** A tenant of a generated fleet: its tables, with the rows in them. */
export interface RandomTenant {
  readonly name: string;
  /** Columns of `l` in the order of its table; which of them a tenant has, and their types, drift. */
  readonly columns: readonly RandomColumn[];
  readonly ddl: string;
}

export interface RandomColumn {
  readonly name: string;
  readonly type: string;
}

/** Names that are only names, however they look. */
const NAMES = ["t0", "t1", 'Ü"-x'] as const;

const quarters = fc.integer({ min: -20, max: 20 }).map((count) => String(count / 4));

/** Values by column, as SQL literals that every type of the column takes. */
const VALUES: Readonly<Record<string, fc.Arbitrary<string>>> = {
  id: fc.nat(4).map(String),
  grp: fc.constantFrom("NULL", "'a'", "'b'", "'Ä'", "'a b'", "'😀'", "'o''x'", "''", "'é'"),
  v: fc.oneof(
    { weight: 3, arbitrary: quarters },
    { weight: 1, arbitrary: fc.constantFrom("NULL", "'NaN'", "'Infinity'", "'-Infinity'") },
  ),
  q: fc.oneof(
    { weight: 3, arbitrary: quarters },
    { weight: 1, arbitrary: fc.constantFrom("NULL", "'NaN'", "1.2500", "0.10", "12345678901234567890.123456789") },
  ),
  at: fc.constantFrom(
    "NULL",
    "'2026-01-01 00:00Z'",
    "'2026-01-01 00:30:00.000001Z'",
    "'2026-01-01 12:34:56.789012+05:30'",
    "'1960-02-29 23:59:59.999-08'",
    "'infinity'",
    "'-infinity'",
    "'2026-03-29 02:30 Europe/Berlin'",
    "'0044-03-15 12:00Z BC'",
  ),
  ts: fc.constantFrom(
    "NULL",
    "'2026-01-01 00:00'",
    "'2026-01-01 00:59:59.999999'",
    "'2025-12-28 23:59'",
    "'infinity'",
    "'1969-12-31 23:59:59.5'",
  ),
  day: fc.constantFrom("NULL", "'2026-01-01'", "'2025-12-31'", "'2030-06-15'", "'1950-01-01'"),
  ok: fc.constantFrom("NULL", "true", "false"),
  n: fc.constantFrom("NULL", "0", "1", "7", "-3", "9223372036854775807", "-9223372036854775808"),
  Größe: fc.constantFrom("NULL", "1", "2", "30"),
  extra: fc.constantFrom("NULL", "5", "6"),
};

/** Types that a column may have in one tenant or another: PostgreSQL's UNION brings them together. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  id: ["int", "int", "bigint", "smallint"],
  grp: ["text", "text", "varchar(20)"],
  v: ["float8"],
  q: ["numeric", "numeric", "numeric(40,12)"],
  at: ["timestamptz"],
  ts: ["timestamp"],
  day: ["date"],
  ok: ["bool"],
  n: ["bigint"],
  Größe: ["int", "bigint"],
  extra: ["int"],
};

const COLUMNS = Object.keys(TYPES);

function typesOf(drifts: boolean): fc.Arbitrary<readonly string[]> {
  return fc.tuple(
    ...COLUMNS.map((name) => fc.constantFrom(...(drifts ? (TYPES[name] ?? []) : (TYPES[name] ?? []).slice(0, 1)))),
  );
}

function tenantNamed(name: string, drifts: boolean): fc.Arbitrary<RandomTenant> {
  const order = drifts ? fc.shuffledSubarray(COLUMNS, { minLength: COLUMNS.length }) : fc.constant(COLUMNS);
  const shape = fc.record({ types: typesOf(drifts), order, lacksExtra: drifts ? fc.boolean() : fc.constant(false) });
  return shape.chain(({ types, order, lacksExtra }) => {
    const columns = order
      .map((column) => ({ name: column, type: types[COLUMNS.indexOf(column)] ?? "text" }))
      .filter((column) => !lacksExtra || column.name !== "extra");
    const row = fc.tuple(...columns.map((column) => VALUES[column.name] ?? fc.constant("NULL")));
    const pair = fc.tuple(fc.nat(4).map(String), fc.nat(4).map(String), fc.constantFrom("NULL", "'a'", "'b'", "'Ä'"));
    // A quarter of the tenants have no rows.
    const rows = fc.oneof(
      { weight: 1, arbitrary: fc.constant({ l: [], r: [] }) },
      { weight: 3, arbitrary: fc.record({ l: fc.array(row, { maxLength: 8 }), r: fc.array(pair, { maxLength: 5 }) }) },
    );
    return rows.map(({ l, r }) => ({ name, columns, ddl: ddlOf(columns, l, r) }));
  });
}

function ddlOf(
  columns: readonly RandomColumn[],
  l: readonly (readonly string[])[],
  r: readonly (readonly string[])[],
): string {
  const insert = (table: string, rows: readonly (readonly string[])[]) =>
    rows.map((row) => `INSERT INTO ${table} VALUES (${row.join(", ")});`).join("\n");
  return `SET TimeZone = 'UTC';
    CREATE TABLE l (${columns.map(({ name, type }) => `"${name}" ${type}`).join(", ")});
    CREATE TABLE r (id int, w int, note text);
    ${insert("l", l)} ${insert("r", r)}`;
}

/** Three tenants; in two of three fleets their schemas differ. */
export const randomFleet: fc.Arbitrary<readonly RandomTenant[]> = fc
  .constantFrom(false, true, true)
  .chain((drifts) => fc.tuple(...NAMES.map((name) => tenantNamed(name, drifts))));
