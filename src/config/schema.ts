import { z } from "zod";
import { SHARE } from "../input/partial-policy.ts";
import { PARAM_TYPES } from "../types.ts";
import { duration, optionalDuration, size } from "./units.ts";

/**
 * Every setting, its default and its sentence, in one place. After parsing, durations are milliseconds and sizes bytes.
 * Objects are strict: an unknown key is an error, since a misspelt limit is a limit that is not there.
 */

const identifier = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "letters, digits and _ only, not starting with a digit");

/** A setting that may come from `file:` and that no output shows. The marks `secret`, `verbatim` and `unit` are read by `settings.ts`. */
const secret = () => z.string().min(1).meta({ secret: true });

const partial = z
  .union([
    z.enum(["allow", "fail"]),
    z
      .string()
      .regex(SHARE, 'write allow, fail, or a share such as "95%"')
      .meta({ examples: ["95%"] }),
  ])
  .describe("How many of the expected tenants must answer: `allow` any, `fail` all, or a share such as `95%`.");

const server = z.strictObject({
  host: z
    .string()
    .default("127.0.0.1")
    .describe("Address to listen on. Without `auth.tokens` only loopback addresses are allowed."),
  port: z.int().min(0).max(65_535).default(8080).describe("Port to listen on; 0 takes a free one."),
  shutdownGrace: duration("20s").describe("How long running requests may go on after SIGTERM or SIGINT."),
});

const federation = z.strictObject({
  url: secret().describe(
    "Connection string of the federation database; runs user SQL, so it should be a role of least privilege.",
  ),
  adminUrl: secret()
    .optional()
    .describe("Connection string that reads catalogs and onboards tenants; `url` where that role may do it."),
  lanes: z
    .union([z.literal("auto"), z.int().min(1).max(512)])
    .default("auto")
    .describe(
      "Sessions that share one query's tenants. `auto` measures the way to the tenants: eight where it is short, up to one for each tenant where it is long, as far as `connectionBudget` goes.",
    ),
  laneGroups: z
    .int()
    .min(1)
    .max(16)
    .default(2)
    .describe("Queries that may run at once on a tenant; where queries are exported, they have one group more."),
  connectionBudget: z
    .int()
    .min(2)
    .max(10_000)
    .default(400)
    .describe("Sessions that Tenantry may hold on the federation database."),
  remoteOptions: z
    .enum(["on", "off"])
    .default("on")
    .describe(
      "Whether onboarding sets read-only and timeouts as a startup parameter of the tenants' connections; `off` behind PgBouncer.",
    ),
  connectTimeout: duration("5s").describe("How long connecting to the federation database may take."),
});

const registryTenant = z.strictObject({
  name: z.string().min(1).max(63).describe("The tenant's name, as `$<tenant>` writes it."),
  url: secret().describe("Connection string of the tenant's database, as the federation database reaches it."),
  labels: z.record(z.string().min(1), z.string()).default({}).describe("Labels for selectors, e.g. `plan: pro`."),
  schema: z.string().default("public").describe("Schema of the tenant's database that holds its relations."),
  relations: z.array(z.string().min(1)).default(["*"]).describe("Relations to onboard; `*` stands for any characters."),
});

const tenants = z.strictObject({
  layout: z
    .enum(["prefix", "schema"])
    .default("prefix")
    .describe("How foreign tables are named: `tenant_a_entities` or `tenant_a.entities`."),
  schema: z.string().default("public").describe("Schema of the federation database for the layout `prefix`."),
  tenantColumn: identifier.default("tenant").describe("Name of the output column that holds the tenant's name."),
  discover: z
    .strictObject({
      servers: z
        .string()
        .default("^(?<tenant>.+)_fdw_target$")
        .refine((text) => isPatternWithTenant(text), "must be a regular expression with a group (?<tenant>…)")
        .describe("Foreign servers that are tenants; the group `tenant` is the tenant's name."),
    })
    .prefault({}),
  registry: z
    .array(registryTenant)
    .default([])
    .describe("Tenants that should be there, for onboarding and for coverage."),
  refresh: duration("30s").describe("How often the catalog is read again."),
});

function isPatternWithTenant(text: string): boolean {
  try {
    new RegExp(text, "u");
    return text.includes("(?<tenant>");
  } catch {
    return false;
  }
}

const paramDeclaration = z.strictObject({
  type: z.enum(PARAM_TYPES).describe("Type of the literal that `$param(name)` becomes."),
  default: z
    .union([z.string(), z.number(), z.boolean()])
    .optional()
    .describe("Value when the request has none; without it the parameter is required."),
  values: z
    .array(z.union([z.string(), z.number(), z.boolean()]))
    .min(1)
    .optional()
    .describe("The only values allowed."),
});

const exported = z.strictObject({
  name: z
    .string()
    .regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, "must be a Prometheus metric name")
    .describe("Name of the Prometheus metric."),
  type: z.enum(["gauge", "counter"]).default("gauge").describe("Type of the Prometheus metric."),
  value: z.string().default("value").describe("Output column that is the sample's value."),
  labels: z.array(identifier).default(["tenant"]).describe("Output columns that become labels."),
  help: z.string().default("").describe("Help text of the metric; the query's description when empty."),
  maxSeries: z
    .int()
    .min(1)
    .max(100_000)
    .default(10_000)
    .describe("Samples beyond this are dropped, with a metric that says so."),
});

const query = z.strictObject({
  description: z.string().default("").describe("A sentence for the people who pick the query from a list."),
  sql: z.string().min(1).meta({ verbatim: true }).describe("The template."),
  params: z.record(identifier, paramDeclaration).default({}).describe("Parameters for `$param(name)`."),
  range: duration("1h").describe("Time range when the request has none: the last this much."),
  interval: duration("1m").describe("Interval when the request has none."),
  cacheTtl: optionalDuration().describe("How long an answer may be served again; `cache.ttl` when absent."),
  deadline: optionalDuration().describe("Deadline of this query; `limits.deadline` when absent."),
  partial: partial.default("allow"),
  require: z
    .array(z.string().min(1))
    .default([])
    .describe("Tenants without which there is no answer, whatever `partial` allows."),
  stale: optionalDuration().describe(
    "Tenants that fail are shown by their last good rows, if they are no older than this; never when absent.",
  ),
  export: exported.optional().describe("Makes the query a metric on `/metrics`."),
});

const limits = z.strictObject({
  deadline: duration("30s").describe("Time that a whole request may take."),
  tenantDeadline: duration("10s").describe("Time that a lane may take; tenants that pass it are left out and named."),
  rows: z.int().min(1).default(100_000).describe("Rows of one answer."),
  responseBytes: size("64MiB").describe("Bytes of one answer, of which a row may have 16MiB."),
  streamBytes: size("1GiB").describe(
    "Bytes of one streamed answer (`ndjson`). What a client has not taken yet waits on disk, in the folder for temporary files.",
  ),
  spoolBytes: size("4GiB").describe(
    "Bytes that all streamed answers together may have on disk; one caller's, half of what the others leave. An answer gives its part back at its end.",
  ),
  onLimit: z
    .enum(["cut", "refuse"])
    .default("cut")
    .describe(
      "What happens to a larger answer: cut with a notice, or refused. Requests that count on tenants (`partial=fail`, a share, `require`) are always refused.",
    ),
  sqlBytes: size("64KiB").describe("Bytes of one template."),
  concurrency: z.int().min(1).default(32).describe("Requests that may run at once."),
  queue: z.int().min(0).default(128).describe("Requests that may wait for their turn; further ones get 503 at once."),
});

const guard = z.strictObject({
  allowFunctions: z
    .array(z.string().min(1))
    .default([])
    .describe("Functions allowed beside the built-in list, `name` or `schema.name`."),
  allowRelations: z
    .array(z.string().min(1))
    .default([])
    .describe("Relations of the federation database that templates may name, `name` or `schema.name`."),
  pushdown: z
    .enum(["warn", "strict"])
    .default("warn")
    .describe("Whether arms that drag rows over the network are named or refused."),
});

const token = z.strictObject({
  name: z.string().min(1).describe("Who this is, for logs and limits."),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "must be the SHA-256 of the token, 64 hexadecimal digits in lower case")
    .meta({ secret: true })
    .describe("SHA-256 of the token."),
  tenants: z
    .string()
    .min(1)
    .default("*")
    .describe("Selector of the tenants that it may see, as in `$<tenant:…>`; `*` for all."),
});

const auth = z.strictObject({
  tokens: z.array(token).default([]).describe("Bearer tokens. Without any, only loopback is served."),
  open: z.array(z.string().startsWith("/")).default(["/healthz", "/readyz"]).describe("Routes that need no token."),
});

/** The whole of `tenantry.yaml`. */
export const configSchema = z.strictObject({
  server: server.prefault({}),
  federation,
  tenants: tenants.prefault({}),
  queries: z.record(identifier, query).default({}),
  cache: z
    .strictObject({
      ttl: duration("10s").describe(
        "How long an answer may be served again; 0s turns the cache off, single flight stays.",
      ),
      maxBytes: size("256MiB").describe("Bytes of answers kept; the least recently used leave first."),
      staleBytes: size("64MiB").describe(
        "Bytes of rows kept for tenants that may fail, for requests that ask for `stale`.",
      ),
    })
    .prefault({}),
  limits: limits.prefault({}),
  guard: guard.prefault({}),
  auth: auth.prefault({}),
});

/** Settings as read: trusted, complete, durations in milliseconds, sizes in bytes. */
export type Config = z.output<typeof configSchema>;
export type NamedQuery = Config["queries"][string];
export type RegistryTenant = Config["tenants"]["registry"][number];
