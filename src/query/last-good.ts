import { createBoundedStore } from "../cache/bounded-store.ts";
import { cacheKey } from "../cache/cache-key.ts";
import { expectedTenants, type PlannedBlock } from "../plan/planned-block.ts";
import { CELL_BYTES } from "../postgres/read-rows.ts";
import type { GatheredRows, QueryRequest, StaleTenant, TenantFailure } from "../types.ts";
import { sortedParams } from "./answer-key.ts";
import type { SelectedTenants } from "./tenant-selection.ts";

type TextRow = GatheredRows["rows"][number];

/** What the blocks of a query gave, with the last good rows of tenants that failed. */
export interface Patched {
  /** Rows of each block. */
  readonly rows: readonly (readonly TextRow[])[];
  /** Tenants that failed and are not among them. */
  readonly failures: readonly TenantFailure[];
  /** Tenants that failed and are. */
  readonly stale: readonly StaleTenant[];
}

/** The rows that tenants gave last, for requests that would rather have old ones than none. */
export interface LastGood {
  /**
   * Remembers the rows of tenants that answered, and gives those of tenants that failed: never older than `staleMs`, and never so many that the answer
   * has more than `maxRows`. A tenant's rows are from one moment in all blocks.
   */
  patch(
    answer: {
      readonly blocks: readonly PlannedBlock[];
      readonly gathered: readonly GatheredRows[];
      readonly failures: readonly TenantFailure[];
    },
    question: { readonly request: QueryRequest; readonly selected: SelectedTenants; readonly maxRows: number },
  ): Patched;
  close(): void;
}

/** Nothing is remembered for requests that do not ask for it. */
export function createLastGood({ maxBytes, now }: { readonly maxBytes: number; readonly now: () => number }): LastGood {
  const store = createBoundedStore<readonly (readonly TextRow[])[]>({ maxBytes });
  return {
    patch({ blocks, gathered, failures }, { request, selected, maxRows }) {
      const tenantColumns = blocks.map(({ columns }) => columns.findIndex(({ role }) => role === "tenant"));
      const rows = gathered.map((block) => block.rows);
      if (request.staleMs === 0 || tenantColumns.includes(-1)) return { rows, failures, stale: [] };
      const question = questionKey(request, selected, blocks);
      const failed = new Map(failures.map((failure) => [failure.tenant, failure]));
      const byTenant = rows.map((block, index) => groupByTenant(block, tenantColumns[index] ?? -1));
      const keyOf = (tenant: string): string => `${question} ${tenant}`;

      if (!gathered.some(({ truncated }) => truncated))
        for (const name of expectedTenants(blocks)) {
          if (failed.has(name)) continue;
          const value = byTenant.map((tenants) => tenants.get(name) ?? []);
          store.set(keyOf(name), { value, bytes: bytesOf(value), storedAtMs: now() }, request.staleMs);
        }

      const patched = rows.map((block) => [...block]);
      const stale: StaleTenant[] = [];
      for (const [tenant, failure] of failed) {
        const last = store.get(keyOf(tenant));
        const ageMs = now() - (last?.storedAtMs ?? 0);
        const fits = patched.every((block, index) => block.length + (last?.value[index]?.length ?? 0) <= maxRows);
        if (last === undefined || ageMs > request.staleMs || !fits) continue;
        for (const [index, block] of patched.entries()) {
          const others = byTenant[index]?.has(tenant)
            ? block.filter((row) => row[tenantColumns[index] ?? -1] !== tenant)
            : block;
          patched[index] = [...others, ...(last.value[index] ?? [])];
        }
        stale.push({ ...failure, ageSeconds: Math.round(ageMs / 1_000) });
      }
      const asOld = new Set(stale.map(({ tenant }) => tenant));
      return { rows: patched, failures: failures.filter(({ tenant }) => !asOld.has(tenant)), stale };
    },
    close: store.close,
  };
}

/**
 * What the rows of a tenant depend on, but for the moment: the range moves with every refresh, and old rows are of an old one. Types and the meaning of
 * names depend on all that the caller may see.
 */
function questionKey(
  { sql, queryName, range, intervalMs, params }: QueryRequest,
  { visibleKey }: SelectedTenants,
  blocks: readonly PlannedBlock[],
): string {
  const columns = blocks.map((block) => block.columns.map(({ name, type }) => [name, type]));
  const parts = [
    sql,
    queryName ?? "",
    String(range.toMs - range.fromMs),
    String(intervalMs),
    sortedParams(params),
    visibleKey,
    JSON.stringify(columns),
  ];
  return cacheKey({ parts, tenants: [] });
}

function groupByTenant(rows: readonly TextRow[], tenantColumn: number): ReadonlyMap<string, readonly TextRow[]> {
  const groups = new Map<string, TextRow[]>();
  for (const row of rows) {
    const tenant = row[tenantColumn] ?? "";
    const group = groups.get(tenant);
    if (group === undefined) groups.set(tenant, [row]);
    else group.push(row);
  }
  return groups;
}

/** What a row costs beside its texts and their places, roughly. */
const ROW_BYTES = 64;

function bytesOf(blocks: readonly (readonly TextRow[])[]): number {
  let bytes = 0;
  for (const rows of blocks)
    for (const row of rows) {
      bytes += ROW_BYTES + CELL_BYTES * row.length;
      for (const text of row) bytes += 2 * (text?.length ?? 0);
    }
  return bytes;
}
