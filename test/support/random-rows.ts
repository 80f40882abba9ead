import fc from "fast-check";

/** A tenant's rows of `l`, as SQL literals, and of `r`. */
export interface RandomRows {
  readonly l: readonly (readonly string[])[];
  readonly r: readonly (readonly string[])[];
}

const number = fc.integer({ min: -20, max: 20 }).map((quarters) => String(quarters / 4));
const lRow = fc.tuple(
  fc.nat(4).map(String),
  fc.constantFrom("NULL", "'a'", "'b'", "'Ä'", "'a b'", "'😀'", "'o''x'", "''", "'é'"),
  fc.oneof(
    { weight: 3, arbitrary: number },
    { weight: 1, arbitrary: fc.constantFrom("NULL", "'NaN'", "'Infinity'", "'-Infinity'") },
  ),
  fc.oneof(
    { weight: 3, arbitrary: number },
    { weight: 1, arbitrary: fc.constantFrom("NULL", "'NaN'", "1.2500", "0.10") },
  ),
  fc.constantFrom(
    "NULL",
    "'2026-01-01 00:00Z'",
    "'2026-01-01 12:34:56.789012+05:30'",
    "'1960-02-29 23:59:59.999-08'",
    "'infinity'",
    "'2026-03-29 02:30 Europe/Berlin'",
  ),
  fc.constantFrom("NULL", "true", "false"),
);

/** Data of one tenant; a quarter of the tenants are empty. */
export const randomRows: fc.Arbitrary<RandomRows> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ l: [], r: [] }) },
  {
    weight: 3,
    arbitrary: fc.record({
      l: fc.array(lRow, { maxLength: 6 }),
      r: fc.array(fc.tuple(fc.nat(4).map(String), fc.nat(4).map(String)), { maxLength: 4 }),
    }),
  },
);
