/**
 * Changes of a query that make it cheaper and never change its rows: `fold` evaluates what reads no column once for the request, `ship-times`
 * writes conditions and groups on times so that postgres_fdw sends them, `arm-shapes` gives arms a form that stays asynchronous, and
 * `move-into-arms` moves work of the SELECT around copied blocks to the tenants. Tests leave some out and compare.
 */
export const REWRITES = ["fold", "ship-times", "arm-shapes", "move-into-arms"] as const;
export type Rewrite = (typeof REWRITES)[number];

export const ALL_REWRITES: ReadonlySet<Rewrite> = new Set(REWRITES);
