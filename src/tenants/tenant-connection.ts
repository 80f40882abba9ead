import type { Config } from "../config/schema.ts";
import { AppError } from "../errors.ts";

/** What a registry url says, in postgres_fdw's words. */
export interface TenantConnection {
  /** Options of the foreign server that the url decides: host, port, dbname, sslmode and the like. */
  readonly server: ReadonlyMap<string, string>;
  /** libpq's `options` of the url, or null. */
  readonly startupOptions: string | null;
  readonly user: string;
  readonly password: string;
}

/** What decides the options of a tenant's server. */
export interface ServerOptionsInput {
  readonly tenant: string;
  readonly connection: TenantConnection;
  readonly config: Pick<Config, "federation" | "limits">;
  /** `server_version_num` of the federation database. */
  readonly serverVersion: number;
}

// What a url's query may hold beside `options`: libpq settings that postgres_fdw takes as options of a server.
const URL_OPTIONS: ReadonlySet<string> = new Set([
  "host",
  "port",
  "hostaddr",
  "sslmode",
  "sslrootcert",
  "sslcrl",
  "sslcrldir",
  "sslsni",
  "ssl_min_protocol_version",
  "ssl_max_protocol_version",
  "channel_binding",
  "gssencmode",
  "require_auth",
  "target_session_attrs",
  "application_name",
  "connect_timeout",
  "tcp_user_timeout",
  "keepalives",
  "keepalives_idle",
  "keepalives_interval",
  "keepalives_count",
]);

/**
 * Options of a tenant's server that onboarding may remove when it does not want them; others that someone
 * set by hand (`extensions`, `fetch_size` of one table) stay.
 */
export const MANAGED_SERVER_OPTIONS: ReadonlySet<string> = new Set([
  ...URL_OPTIONS,
  "dbname",
  "options",
  "fetch_size",
  "async_capable",
  "use_remote_estimate",
  "parallel_commit",
  "parallel_abort",
]);

/** Reads a registry url. Throws ONBOARDING_REFUSED without naming the host or the login. */
export function readTenantUrl(tenant: string, text: string): TenantConnection {
  const refuse = (why: string, hint: string) =>
    new AppError("ONBOARDING_REFUSED", `tenant "${tenant}": ${why}`, { hint });
  const url = parseUrl(text);
  if (url === null) {
    throw refuse("its url cannot be read", "write postgres://user:password@host:port/database");
  }
  const password = decodeURIComponent(url.password);
  if (url.username === "" || password === "") {
    throw refuse(
      "its url has no user or no password",
      "postgres_fdw lets roles that are not superusers connect only with a password: give the url both",
    );
  }
  const user = decodeURIComponent(url.username);
  const server = new Map([
    ["host", decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1")],
    ["port", url.port === "" ? "5432" : url.port],
    ["dbname", decodeURIComponent(url.pathname.slice(1)) || user],
  ]);
  let startupOptions: string | null = null;
  for (const [key, value] of url.searchParams) {
    if (key === "options") startupOptions = value;
    // node-postgres' word for what libpq calls require: encrypted, whoever answers.
    else if (key === "sslmode" && value === "no-verify") server.set(key, "require");
    else if (URL_OPTIONS.has(key)) server.set(key, value);
    else throw refuse(`its url sets "${key}"`, `the url may set ${[...URL_OPTIONS, "options"].join(", ")}`);
  }
  if (server.get("host") === "")
    throw refuse("its url has no host", "write postgres://user:password@host:port/database");
  return { server, startupOptions, user, password };
}

/** True when a server's options lead to another host, port or database than the url; an unreadable url leads nowhere else. */
export function pointsElsewhere(urlText: string, options: Readonly<Record<string, string>>): boolean {
  const url = parseUrl(urlText);
  if (url === null || url.username === "" || url.password === "") return false;
  try {
    const { server } = readTenantUrl("", urlText);
    return ["host", "port", "dbname"].some((key) => options[key] !== undefined && options[key] !== server.get(key));
  } catch {
    return false;
  }
}

/**
 * All options of a tenant's server. What the url sets goes before our defaults, but never before the read-only
 * and timeout settings: of repeated `-c` the last one counts, and ours come last.
 */
export function serverOptions(input: ServerOptionsInput): ReadonlyMap<string, string> {
  const { tenant, connection, config, serverVersion } = input;
  const startup = [
    ...(connection.startupOptions === null ? [] : [connection.startupOptions]),
    ...(config.federation.remoteOptions === "on" ? remoteSettings(config) : []),
  ].join(" ");
  return new Map([
    // connect_timeout bounds connecting before PostgreSQL 16 and is ignored from 16 on; tcp_user_timeout and the
    // keepalives do the rest (a tenant that vanished held a session for 134 s without them, 3.2 s with them).
    ["connect_timeout", "2"],
    ["tcp_user_timeout", "3000"],
    ["keepalives_idle", "2"],
    ["keepalives_interval", "1"],
    ["keepalives_count", "2"],
    // 1,000 rows a round trip; 10,000 are faster for large scans, but the memory is per arm, and a lane reads many.
    ["fetch_size", "1000"],
    ["async_capable", "true"],
    // Estimates would cost every plan a round trip to every tenant: 100 tenants at 10 ms are 3.1 s.
    ["use_remote_estimate", "false"],
    ...(serverVersion >= 150_000 ? ([["parallel_commit", "true"]] as const) : []),
    ...(serverVersion >= 160_000 ? ([["parallel_abort", "true"]] as const) : []),
    ["application_name", `tenantry/${tenant}`],
    ...connection.server,
    ...(startup === "" ? [] : ([["options", startup]] as const)),
  ]);
}

function remoteSettings(config: Pick<Config, "limits">): readonly string[] {
  const deadlineMs = config.limits.tenantDeadline;
  return [
    // A read-only transaction on the federation database does not reach the tenants; this does.
    "-c default_transaction_read_only=on",
    // Before our own deadline, so that the tenant names itself in the error.
    `-c statement_timeout=${Math.max(1, Math.round(deadlineMs * 0.9))}`,
    "-c lock_timeout=1000",
    // A remote transaction idles while the lane's other arms run, which may take as long as the lane may.
    `-c idle_in_transaction_session_timeout=${deadlineMs + 5_000}`,
  ];
}

function parseUrl(text: string): URL | null {
  try {
    const url = new URL(text);
    decodeURIComponent(`${url.username}${url.password}${url.pathname}${url.hostname}`);
    return url.protocol === "postgres:" || url.protocol === "postgresql:" ? url : null;
  } catch {
    return null;
  }
}
