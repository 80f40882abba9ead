/**
 * Settings that every session must have, as startup options: `DISCARD ALL` and `RESET ALL` then return to them.
 * Values are in text form for us to read, so everything that changes the text is pinned.
 */
export function sessionOptions(options: {
  readonly statementTimeoutMs: number;
  readonly watchClient: boolean;
}): string {
  const settings: Readonly<Record<string, string | number>> = {
    TimeZone: "UTC",
    DateStyle: "ISO",
    IntervalStyle: "postgres",
    extra_float_digits: 1,
    bytea_output: "hex",
    client_encoding: "UTF8",
    standard_conforming_strings: "on",
    search_path: "pg_catalog,public",
    default_transaction_read_only: "on",
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: 1_000,
    idle_in_transaction_session_timeout: 15_000,
    // Lanes share the work already; compiling and parallel workers cost more than such statements gain.
    jit: "off",
    max_parallel_workers_per_gather: 0,
    // Without it a statement runs on after its client is gone (measured: more than 9 s against 0.31 s).
    ...(options.watchClient ? { client_connection_check_interval: 500 } : {}),
  };
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(" ");
}

/** The connection string with our options after its own, so that ours hold: pg would let the string's replace them. */
export function withSessionOptions(
  url: string,
  options: string,
): { readonly connectionString: string; readonly options: string } {
  if (!URL.canParse(url)) return { connectionString: url, options };
  const parsed = new URL(url);
  const own = parsed.searchParams.get("options");
  if (own === null) return { connectionString: url, options };
  parsed.searchParams.set("options", `${own} ${options}`);
  return { connectionString: parsed.href, options };
}
