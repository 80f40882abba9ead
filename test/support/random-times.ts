import fc from "fast-check";

/**
 * Random templates over one relation `x` with the columns `a` and `b` (a timestamp to some tenants, a timestamptz to others), `d` (a date, or a
 * timestamp) and `id`, in which times meet times in every way. What depends on the present is coarse or far from all data, so that two runs agree.
 */

/** Tables of three tenants, alike but for the types of times. */
export const TIME_TABLES: Readonly<Record<string, string>> = {
  t0: "CREATE TABLE x (id int, a timestamp, b timestamptz, c timestamptz, d date)",
  t1: "CREATE TABLE x (id int, a timestamptz, b timestamptz, c timestamptz, d date)",
  t2: "CREATE TABLE x (id int, a timestamp, b timestamp, c timestamptz, d timestamp)",
};

const EDGES = ["0", "1767225600", "1767254400.5", "-86400", "-1", "4294967296", "8589934592", "951782400.123456"];
const STEPS = ["", " + interval '1 microsecond'", " - interval '1 microsecond'", " + interval '30 minutes'"];

/** A value of a time column as SQL. The session that inserts it is in UTC. */
const instant = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...EDGES), fc.constantFrom(...STEPS))
      .map(([edge, step]) => `to_timestamp(0) + interval '1 second' * ${edge}${step}`),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...STEPS).map((step) => `date_trunc('year', now())${step}`),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "NULL",
      "'infinity'",
      "'-infinity'",
      "'0044-03-15 12:00:00.000001+00 BC'",
      "'0001-01-01 00:00+00'",
      "'0001-12-31 23:59:59.999999+00 BC'",
      "'9999-12-31 23:59:59.999999+00'",
      "'2026-03-29 01:30:00+00'",
    ),
  },
);

/** Rows of one tenant as an INSERT. */
export const randomTimes: fc.Arbitrary<string> = fc
  .array(fc.tuple(instant, instant, instant, instant), { maxLength: 8 })
  .map((rows) =>
    rows
      .map(
        ([a, b, c, d], id) =>
          `INSERT INTO x SELECT ${id}, (${a})::timestamptz, (${b})::timestamptz, (${c})::timestamptz, (${d})::timestamptz;`,
      )
      .join(""),
  );

const column = fc.constantFrom("a", "b", "c", "d");
const stamp = fc.constantFrom("a", "b", "c");
const unit = fc.constantFrom(
  "microseconds",
  "milliseconds",
  "second",
  "minute",
  "hour",
  "day",
  "week",
  "month",
  "year",
);
const operator = fc.constantFrom("=", "<>", "<", "<=", ">", ">=");

const CONSTANTS: readonly string[] = [
  "timestamptz '2026-01-01 10:00:00.5+02'",
  "timestamptz '2026-01-01'",
  "timestamp '2026-01-01 08:00:00.5'",
  "timestamp '2026-01-01 08:00:00.5+07'",
  "'1970-01-01 00:00:00.000001'::timestamp",
  "date '2026-01-01'",
  "'1970-01-01'::date",
  "timestamptz 'infinity'",
  "timestamp '-infinity'",
  "date 'infinity'",
  "timestamptz '0044-03-15 12:00:00.000001 BC'",
  "date '0044-03-15 BC'",
  "timestamptz '2026-03-29 03:30 Europe/Berlin'",
  "timestamp 'epoch'",
  "timestamp '294276-12-31 23:59:59'",
  "timestamptz '2026-01-01 24:00'",
  "date '5000000-01-01'",
  "date_trunc('year', now())",
  "date_trunc('year', now())::timestamp",
  "date_trunc('year', now())::date",
  "date_trunc('year', localtimestamp)",
  "date_trunc('year', current_timestamp) - interval '1 microsecond'",
  "to_timestamp(1767254400.5)",
  "to_timestamp(0) AT TIME ZONE 'UTC'",
  "make_timestamptz(2026, 1, 1, 8, 0, 0.5)",
  "current_date + 300",
  "date 'tomorrow' + 300",
  "'2026-01-01 08:00:00.5'",
  "NULL::timestamptz",
  "timestamp '2026-01-01' + interval '8 hours 500 ms'",
];
const shown = fc.constantFrom(...CONSTANTS);
const constant = fc.constantFrom(...CONSTANTS, "now() + interval '300 days'", "localtimestamp - interval '300 days'");

const seconds = fc.constantFrom(
  ...EDGES,
  "1767254400.4999995",
  "1767225600000",
  "1767254400500.0015",
  "5301676800",
  "-2",
  "1767254400.5000005",
  "-0.000001",
  "0.0000001",
  "-0.0000001",
  "1e9",
  "-62135596800",
  "-62135596801",
  "253402300799.999999",
  "253402300800",
  "8000000000",
  "8000000001",
  "extract(epoch FROM date_trunc('year', now()))",
  "extract(epoch FROM date_trunc('year', now())) - 300",
  "extract(epoch FROM timestamp '2026-01-01')::bigint",
  "date_part('epoch', date_trunc('year', now()))",
  "1767254400.5::float8",
  "'Infinity'::numeric",
);

const time = fc.oneof(
  { weight: 3, arbitrary: column },
  { weight: 1, arbitrary: fc.tuple(unit, column).map(([size, name]) => `date_trunc('${size}', ${name})`) },
  { weight: 1, arbitrary: unit.map((size) => `date_trunc('${size}', c, 'UTC')`) },
);
const epoch = fc
  .tuple(
    fc.constantFrom(
      "extract(epoch FROM @)",
      "extract(epoch FROM @) * 1000",
      "3 * extract(epoch FROM @)",
      "date_part('epoch', @)",
    ),
    column,
  )
  .map(([call, name]) => call.replace("@", name));

const condition = fc.oneof(
  fc.tuple(time, operator, constant).map(([left, op, right]) => `${left} ${op} ${right}`),
  fc.tuple(constant, operator, time).map(([left, op, right]) => `${left} ${op} ${right}`),
  fc
    .tuple(time, fc.constantFrom("BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC"), constant, constant)
    .map(([value, op, low, high]) => `${value} ${op} ${low} AND ${high}`),
  fc
    .tuple(constant, fc.constantFrom("BETWEEN", "NOT BETWEEN"), column, column)
    .map(([value, op, low, high]) => `${value} ${op} ${low} AND ${high}`),
  fc
    .tuple(time, fc.constantFrom("IN", "NOT IN"), fc.array(constant, { minLength: 1, maxLength: 3 }))
    .map(([value, op, items]) => `${value} ${op} (${items.join(", ")})`),
  fc
    .tuple(time, fc.constantFrom("IS DISTINCT FROM", "IS NOT DISTINCT FROM"), constant)
    .map(([value, op, other]) => `${value} ${op} ${other}`),
  fc.tuple(epoch, operator, seconds).map(([left, op, right]) => `${left} ${op} ${right}`),
  fc.tuple(seconds, operator, epoch).map(([left, op, right]) => `${left} ${op} ${right}`),
  fc
    .tuple(epoch, fc.constantFrom("BETWEEN", "NOT BETWEEN"), seconds, seconds)
    .map(([value, op, low, high]) => `${value} ${op} ${low} AND ${high}`),
  fc
    .tuple(stamp, fc.constantFrom("timestamptz '2026-01-01'", "timestamp '2026-01-01'", "date_trunc('year', now())"))
    .map(([name, other]) => `${name} - ${other} > interval '1 hour'`),
  column.map((name) => `$__unixEpochFilter(extract(epoch FROM ${name}))`),
  column.map((name) => `$__timeFilter(${name})`),
);

const filter = fc
  .tuple(condition, condition, fc.constantFrom("@", "NOT (@)", "@ AND #", "@ OR #", "(@) IS NOT TRUE"))
  .map(([one, two, shape]) => shape.replace("@", one).replace("#", two));

/** Outputs as text, which shows every microsecond, and the name that an output has by itself. */
const output = fc.oneof(
  time.map((value) => `${value}::text`),
  condition.map((one) => `(${one})::text`),
  fc.tuple(column, shown).map(([name, other]) => `coalesce(${name}::text, (${other})::text)`),
  fc.constantFrom("date_trunc('year', now())::text", "extract(epoch FROM date_trunc('year', now()))::text"),
);

const rows = fc
  .tuple(fc.array(output, { minLength: 1, maxLength: 3 }), filter)
  .map(
    ([outputs, where]) =>
      `SELECT id, ${outputs.map((one, index) => `${one} AS c${index}`).join(", ")} FROM $<tenant>_x WHERE ${where}`,
  );

const named = fc
  .tuple(time, filter)
  .map(([value, where]) => `SELECT ${value}::text, id FROM $<tenant>_x WHERE ${where}`);

const groups = fc
  .tuple(time, filter, stamp, operator, constant)
  .map(
    ([key, where, name, op, other]) =>
      `SELECT ${key}::text AS c0, count(*) AS c1 FROM $<tenant>_x WHERE ${where} GROUP BY ${key} HAVING max(${name}) ${op} ${other}`,
  );

const timeGroups = fc
  .tuple(column, fc.constantFrom("1h", "1d", "5m"), filter)
  .map(
    ([name, step, where]) =>
      `SELECT $__timeGroupAlias(${name}, '${step}'), count(*) FROM $<tenant>_x WHERE ${where} GROUP BY 1`,
  );

const outside = fc
  .tuple(filter, filter, fc.boolean())
  .map(([inner, outer, asWith]) =>
    asWith
      ? `WITH w AS (SELECT * FROM $<tenant>_x WHERE ${inner}) SELECT id, c::text AS c0, tenant FROM w WHERE ${outer}`
      : `SELECT tenant, count(*) FROM (SELECT id, a, b, c, d FROM $<tenant>_x WHERE ${inner}) s WHERE ${outer} GROUP BY tenant`,
  );

const inside = fc
  .tuple(filter, filter)
  .map(
    ([inner, outer]) =>
      `SELECT count(*) FROM $<tenant>_x JOIN LATERAL (SELECT a AS p FROM $<tenant>_x y WHERE ${inner.replaceAll(/\b([abcd])\b(?![ '(])/g, "y.$1")}) s ON true WHERE ${outer}`,
  );

export const randomTimeTemplate: fc.Arbitrary<string> = fc.oneof(rows, named, groups, timeGroups, outside, inside);
