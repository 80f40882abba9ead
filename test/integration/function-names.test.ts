import { expect, test } from "vitest";
import { createFunctionNames } from "../../src/postgres/function-names.ts";
import { ALLOWED_FUNCTIONS } from "../../src/sql/allowed-functions.ts";
import { withDatabase, withSql } from "../support/postgres.ts";

test("how long results hold, by name, the worst of all that have it", () =>
  withDatabase((url) =>
    withSql(url, async (database) => {
      await database.query(`CREATE FUNCTION public.upper(int) RETURNS text VOLATILE LANGUAGE sql AS $$ SELECT 'x' $$;
        CREATE FUNCTION public.trim_scale(text) RETURNS text STABLE LANGUAGE sql AS $$ SELECT 'x' $$;
        CREATE FUNCTION public.noisy(bool, bool) RETURNS bool VOLATILE LANGUAGE sql AS $$ SELECT true $$;
        CREATE OPERATOR public.<<| (LEFTARG = bool, RIGHTARG = bool, FUNCTION = public.noisy)`);
      const volatilities = await createFunctionNames(database).volatilities();
      const of = (...names: readonly string[]) => names.map((name) => volatilities.get(name));
      expect(of("lower", "make_interval", "*", "||")).toEqual(["immutable", "immutable", "immutable", "stable"]);
      expect(of("now", "date_trunc", "to_timestamp", "concat", "-", "<", "trim_scale")).toEqual(
        Array(7).fill("stable"),
      );
      // Volatile ones, aggregates, windows, sets, and what somebody has given the name of something volatile.
      expect(
        of("random", "clock_timestamp", "gen_random_uuid", "uuidv4", "max", "rank", "unnest", "upper", "<<|"),
      ).toEqual(Array(9).fill(undefined));
    }),
  ));

test("of the functions that may be called, those that change from row to row are known by name", () =>
  withDatabase((url) =>
    withSql(url, async (database) => {
      const volatilities = await createFunctionNames(database).volatilities();
      const rows = await database.query(
        "SELECT DISTINCT proname::text AS name FROM pg_catalog.pg_proc WHERE provolatile = 'v' AND pronamespace = 'pg_catalog'::regnamespace",
      );
      const volatile = rows.map(({ name }) => String(name)).filter((name) => ALLOWED_FUNCTIONS.has(name));
      expect(volatile).toContain("random");
      expect(volatile.filter((name) => volatilities.has(name))).toEqual([]);
    }),
  ));
