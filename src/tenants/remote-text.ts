import { quoteQualified } from "../postgres/quote.ts";

/** The domain for columns whose type only a tenant has: enums, composites, extensions that are not here. */
export const REMOTE_TEXT = { schema: "tenantry", name: "remote_text" } as const;

/** How the catalogs spell the domain; as SQL it means the same. */
export const REMOTE_TEXT_TYPE = `${REMOTE_TEXT.schema}.${REMOTE_TEXT.name}`;

/**
 * The statement that makes the domain. A foreign column of a tenant's enum could simply be `text`, but then
 * postgres_fdw sends conditions that the tenant refuses (measured on 15 and 18): `IN ('a', 'b')` becomes
 * `= ANY ('{a,b}'::text[])`, "operator does not exist: mood = text"; LIKE and lower() fail alike, ORDER BY and max
 * follow the enum's order, and `= 'nosuch'` is an error. It sends nothing about a type that is not built in: with
 * a domain everything works with text's meaning, on the federation database.
 */
export const CREATE_REMOTE_TEXT = `CREATE DOMAIN ${quoteQualified(REMOTE_TEXT.schema, REMOTE_TEXT.name)} AS pg_catalog.text`;
