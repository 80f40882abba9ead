import type { Buffer } from "node:buffer";
import type { Position } from "./errors.ts";

/** The values that travel between folders. A stage takes some of these and makes others; none of them changes once made. */

/** A closed interval of time, epoch milliseconds. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

export type Labels = Readonly<Record<string, string>>;

/** Who asks: the name of a token, and the tenants that it may see. */
export interface Principal {
  readonly name: string;
  /** True when the caller may see the tenant. */
  readonly mayRead: (tenant: TenantIdentity) => boolean;
}

export interface TenantIdentity {
  readonly name: string;
  readonly labels: Labels;
}

/** A column of a foreign table. `type` is PostgreSQL's own spelling without a type modifier, `position` counts from 1. */
export interface CatalogColumn {
  readonly name: string;
  readonly type: string;
  readonly position: number;
}

/** A foreign table, or a view over foreign tables, in the federation database. */
export interface CatalogRelation {
  readonly schema: string;
  readonly name: string;
  /** Its name as SQL text. */
  readonly quoted: string;
  readonly columns: readonly CatalogColumn[];
  /** What a view, or a table with partitions, reads in its place, through any number of others; empty for a table. */
  readonly reads: readonly RelationName[];
}

export interface RelationName {
  readonly schema: string;
  readonly name: string;
}

/** `ready`: at least one relation is there. `missing`: the registry names it, the federation database has nothing of it. */
export type TenantState = "ready" | "missing";

export interface CatalogTenant extends TenantIdentity {
  readonly state: TenantState;
  /** Foreign servers behind the tenant's relations, sorted. */
  readonly servers: readonly string[];
  /** By the name the tenants know: `entities`. */
  readonly relations: ReadonlyMap<string, CatalogRelation>;
}

/** What Tenantry knows of the fleet: immutable, replaced as a whole on refresh. */
export interface Catalog {
  /** Changes exactly when the content does. */
  readonly version: string;
  /** When the content was last read, epoch milliseconds. */
  readonly loadedAtMs: number;
  /** Sorted by name. */
  readonly tenants: ReadonlyMap<string, CatalogTenant>;
  /** Columns of `guard.allowRelations`, by `schema.name`. */
  readonly localRelations: ReadonlyMap<string, CatalogRelation>;
}

export const FORMATS = ["rows", "frame", "timeserie", "table", "csv", "ndjson"] as const;
export type Format = (typeof FORMATS)[number];

/** How many of the expected tenants must answer: `allow` any, `fail` all, or a share in percent (0 to 100). */
export type PartialPolicy = "allow" | "fail" | { readonly percent: number };

export type ParamValue = string | number | boolean | null;

/** One question, already validated: what a protocol makes of a request. */
export interface QueryRequest {
  readonly sql: string;
  /** Name of the named query that the SQL comes from, or null for SQL in the request. */
  readonly queryName: string | null;
  readonly range: TimeRange;
  readonly intervalMs: number;
  /** Tenants that the request names; null means all that the caller may see. */
  readonly tenants: readonly string[] | null;
  readonly format: Format;
  readonly partial: PartialPolicy;
  /** For tenants that fail: their last good rows, if they are no older than this; 0 for none. */
  readonly staleMs: number;
  /** Tenants without which the answer is none, whatever `partial` allows. */
  readonly required: readonly string[];
  /** Values of `$param(name)`, typed and checked. */
  readonly params: ReadonlyMap<string, ParamDeclarationValue>;
  readonly cacheTtlMs: number;
  readonly deadlineMs: number;
  /** Scheduled queries (the exporter's) have a lane group of their own. */
  readonly priority: "interactive" | "scheduled";
  /** The same for all queries of one HTTP request that may have several. */
  readonly together?: symbol;
}

export const PARAM_TYPES = ["text", "integer", "number", "boolean", "timestamp"] as const;
export type ParamType = (typeof PARAM_TYPES)[number];

export interface ParamDeclarationValue {
  readonly type: ParamType;
  readonly value: ParamValue;
}

/** Why a tenant is not in an answer. Reasons come from SQLSTATEs and our own timers, never from message texts. */
export type FailureReason =
  | "unreachable" // 08xxx: refused, unknown host, wrong password, database gone
  | "timeout" // our deadline, or 57014 raised on the tenant
  | "relation_missing" // the catalog, or 42P01
  | "column_missing" // the catalog, or 42703
  | "query_failed" // any other error raised on the tenant
  | "not_onboarded"; // registry tenant without foreign tables

export interface TenantFailure {
  readonly tenant: string;
  readonly reason: FailureReason;
  /** A sentence for people, free of hosts, logins and remote SQL. */
  readonly detail: string;
  /** True when it says nothing of the tenant: the request's own time ran out, or nobody could ask it. Another request may get its answer. */
  readonly inconclusive?: true;
}

/** A tenant that is down (`open`: it is asked nothing) or on trial (`half-open`: it was found reachable, or is being asked). */
export interface TenantDoubt {
  readonly tenant: string;
  readonly state: "open" | "half-open";
  readonly reason: FailureReason;
  /** When it failed first, epoch milliseconds. */
  readonly sinceMs: number;
}

/** A tenant that failed, and whose last good rows stand for it. */
export interface StaleTenant extends TenantFailure {
  readonly ageSeconds: number;
}

/** Tenants expected (from the catalog, never from who answered), answered, stale, and failed; and whether their rows are all there. */
export interface Coverage {
  readonly expected: number;
  readonly answered: number;
  readonly failed: readonly TenantFailure[];
  /** Absent when there are none. */
  readonly stale?: readonly StaleTenant[];
  /** True when a limit cut rows off: the tenants answered, but not all of what they said is here. */
  readonly truncated: boolean;
}

export interface Notice {
  readonly severity: "info" | "warning" | "error";
  readonly text: string;
}

/** What a column's wire text means; decides its JSON. See "Values" in docs/formats.md. */
export type ValueKind =
  | "number" // int2, int4, int8, oid, numeric, float4, float8: all digits kept
  | "time" // timestamp, timestamptz, date: epoch milliseconds
  | "epoch" // numeric epoch in a column called time: seconds, milliseconds or nanoseconds by magnitude
  | "boolean"
  | "json"
  | "array"
  | "text";

export interface TableColumn {
  readonly name: string;
  readonly kind: ValueKind;
  /** PostgreSQL's name of the type, e.g. `timestamp with time zone`, `integer[]`. */
  readonly type: string;
}

/** A merged answer, column by column, in PostgreSQL's text form (null is null). All columns have `rowCount` values. */
export interface Table {
  readonly columns: readonly TableColumn[];
  readonly values: readonly (readonly (string | null)[])[];
  readonly rowCount: number;
  /** Index of the column that holds the tenant's name, or -1. */
  readonly tenantColumn: number;
  /** Index of the time column, or -1. */
  readonly timeColumn: number;
}

/** A table in one output format. `elements` are the byte extents of the array's members, for formats that are JSON arrays of frames. */
export interface EncodedTable {
  readonly contentType: string;
  readonly body: Buffer;
  readonly elements: readonly { readonly start: number; readonly end: number }[];
}

export type CacheStatus = "hit" | "miss" | "coalesced" | "partial-hit";

export const STAGES = ["template", "sql", "plan", "cache", "execute", "merge", "frames"] as const;
export type Stage = (typeof STAGES)[number];

/** The answer to one `QueryRequest`: everything an HTTP response needs. */
export interface Answer extends EncodedTable {
  readonly coverage: Coverage;
  readonly notices: readonly Notice[];
  readonly cache: CacheStatus;
  readonly ageSeconds: number;
  /** Milliseconds that each stage of this request took. */
  readonly timings: ReadonlyMap<Stage, number>;
}

/** An answer whose rows leave while others are still being read: ndjson, each tenant's rows once all of them are there. */
export interface StreamedAnswer {
  readonly contentType: string;
  /** Tenants that the answer should have. Which of them it has is known at its end, and is its last line. */
  readonly expected: number;
  /** The body, to be read once; a chunk is valid until the next one is asked for. Rejects with an `AppError` when the rest cannot be had. */
  readonly chunks: AsyncGenerator<Buffer, void, undefined>;
  /** Null until `chunks` has ended. */
  coverage(): Coverage | null;
  /** Milliseconds of the stages before the first row. */
  readonly timings: ReadonlyMap<Stage, number>;
  /** To be called when nobody reads any more: stops what still runs and gives the space back. */
  close(): Promise<void>;
}

/** One tenant's copy of a block: a complete SELECT without a final semicolon. All arms of a fleet part give the same columns. */
export interface Arm {
  readonly tenant: string;
  readonly sql: string;
}

export interface ResultColumn {
  readonly name: string;
  /** OID of the type in the federation database. */
  readonly typeOid: number;
}

/** Rows as the wire has them: PostgreSQL's text form, null for NULL. */
export interface TextRows {
  readonly columns: readonly ResultColumn[];
  readonly rows: readonly (readonly (string | null)[])[];
  /** True when a row or byte limit ended the reading early. */
  readonly truncated: boolean;
}

/** What the arms of one fleet part gave: rows in no particular order, and the tenants that are not in them. */
export interface GatheredRows extends TextRows {
  readonly failures: readonly TenantFailure[];
}

/** How a template would run. Nothing was run to make it. */
export interface Explanation {
  /** The template with its macros expanded; `$<tenant>` stands as written. */
  readonly expandedSql: string;
  readonly blocks: readonly ExplainedBlock[];
  /** The statement that runs once over the gathered rows; null when the answer is the arms' rows themselves. */
  readonly outerSql: string | null;
  /** What the tenants do for that statement, so that fewer rows travel: sentences for people. */
  readonly moved: readonly string[];
  readonly expected: number;
  readonly leftOut: readonly TenantFailure[];
  readonly notices: readonly Notice[];
}

/** A copied block: what each lane would run for it. */
export interface ExplainedBlock {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly lanes: readonly { readonly lane: number; readonly tenants: readonly string[]; readonly sql: string }[];
  /** One for each shape of arm. */
  readonly verdicts: readonly ExplainedVerdict[];
}

/** What one shape of arm makes the federation database do. */
export interface ExplainedVerdict {
  readonly tenants: readonly string[];
  /** `pushed`, or the reasons as a text: `filter-local: random(), aggregate-local`. */
  readonly verdict: string;
  /** True when such arms of a lane are read at the same time. */
  readonly asynchronous: boolean;
  readonly reasons: readonly {
    readonly code: string;
    /** What postgres_fdw does not send, where the plan tells. */
    readonly culprit: string | null;
    readonly position: Position | undefined;
  }[];
}

/** Answers queries; `src/query/` makes one, protocols and the exporter use it. Errors are `AppError`s. */
export interface QueryService {
  run(request: QueryRequest, principal: Principal, signal: AbortSignal): Promise<Answer>;
  /** Like `run`, for the format `ndjson`; streamed when the answer is the tenants' rows as they come. */
  stream(request: QueryRequest, principal: Principal, signal: AbortSignal): Promise<Answer | StreamedAnswer>;
  explain(request: QueryRequest, principal: Principal, signal: AbortSignal): Promise<Explanation>;
}
