import { tmpdir } from "node:os";
import type { Config } from "../config/schema.ts";
import type { Rewrite } from "../sql/rewrites.ts";

/** What the stages of a query take from the settings. */
export interface QuerySettings {
  readonly tenantColumn: string;
  readonly allowFunctions: ReadonlySet<string>;
  readonly maxRows: number;
  readonly maxBytes: number;
  /** Bytes of a streamed answer. */
  readonly streamBytes: number;
  /** Bytes that all streamed answers may have on disk. */
  readonly spoolBytes: number;
  /** Where the rows of a streamed answer wait. */
  readonly spoolFolder: string;
  readonly onLimit: "cut" | "refuse";
  readonly sqlBytes: number;
  readonly pushdown: "warn" | "strict";
  readonly rewrites: ReadonlySet<Rewrite>;
}

/** The settings of the queries, and which rewrites they may have. */
export function querySettings(config: Config, rewrites: ReadonlySet<Rewrite>): QuerySettings {
  const { limits, guard, tenants } = config;
  return {
    tenantColumn: tenants.tenantColumn,
    allowFunctions: new Set(guard.allowFunctions),
    maxRows: limits.rows,
    maxBytes: limits.responseBytes,
    streamBytes: limits.streamBytes,
    spoolBytes: limits.spoolBytes,
    spoolFolder: tmpdir(),
    onLimit: limits.onLimit,
    sqlBytes: limits.sqlBytes,
    pushdown: guard.pushdown,
    rewrites,
  };
}
