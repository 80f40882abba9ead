import type { CompiledBlock } from "../sql/compile-template.ts";
import type { Arm, CatalogRelation, CatalogTenant, TenantFailure, ValueKind } from "../types.ts";

/** A column of a copied block, typed for the whole fleet. */
export interface PlannedColumn {
  readonly name: string;
  /** PostgreSQL's name of the type. */
  readonly type: string;
  readonly kind: ValueKind;
  /** `hidden` columns are there for sorting and leave before the answer. */
  readonly role: "user" | "tenant" | "hidden";
  /** Set for a `$__timeGroup`: the values are timestamps, the user asked for epoch seconds in steps of this many. */
  readonly timeGroupSeconds: number | null;
}

/** A copied block, ready to run. */
export interface PlannedBlock {
  readonly block: CompiledBlock;
  readonly columns: readonly PlannedColumn[];
  readonly arms: readonly Arm[];
  /** Tenants that the block is about, whether they can answer or not. */
  readonly expected: readonly CatalogTenant[];
  readonly leftOut: readonly TenantFailure[];
  readonly shapes: readonly Shape[];
}

/** Names of all tenants that a query's blocks are about. */
export function expectedTenants(blocks: readonly PlannedBlock[]): ReadonlySet<string> {
  return new Set(blocks.flatMap(({ expected }) => expected.map(({ name }) => name)));
}

/** Tenants whose relations of a block have the same columns: one arm stands for all of them. */
export interface Shape {
  readonly members: readonly ShapeMember[];
}

export interface ShapeMember {
  readonly tenant: CatalogTenant;
  readonly relations: readonly CatalogRelation[];
}

export interface DescribedColumn {
  readonly name: string;
  readonly type: string;
  readonly kind: ValueKind;
}

/** What PostgreSQL says of a statement that is not run: its columns, or why it refuses it. */
export type Description =
  | { readonly ok: true; readonly columns: readonly DescribedColumn[] }
  | {
      readonly ok: false;
      readonly reason: "relation_missing" | "column_missing" | "query_failed";
      readonly message: string;
      /** 1-based character in the statement. */
      readonly character: number | null;
    };

export type Describe = (sql: string) => Promise<Description>;
