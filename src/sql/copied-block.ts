import type { Position } from "../errors.ts";
import { RESERVED_PREFIX } from "../template/reserved.ts";
import type { Selector, SelectorItem } from "../template/selector.ts";
import type { SelectStmt } from "./ast.ts";
import type { ColumnLookup } from "./column-scope.ts";
import type { Moved } from "./move-into-arms.ts";
import type { SortKey } from "./sort-keys.ts";
import type { TimeGroupColumn } from "./time-group-columns.ts";

/** A relation that a copied block reads, with stand-ins where the tenant's name belongs. */
export interface RelationUse {
  readonly schema: string | null;
  readonly name: string;
  readonly position: Position | undefined;
}

/** How a column of rows without a type is gathered: as its `place` in the tenant's order, from 1, or as `text`. */
export type RecordForm = "place" | "text";

/** A column of a SELECT: counted from the first, or from the last where a star stands before it. */
export interface ColumnPosition {
  readonly index: number;
  readonly fromEnd: boolean;
}

/**
 * A copied block as one tree for all tenants: relation `i` is called `relationSlot(i)` and literal `i` `literalSlot(i)`.
 * Its columns are the user's, then the tenant's name if `addsTenant`, then `hiddenColumns` for sorting.
 */
export interface CopiedBlock {
  readonly select: SelectStmt;
  readonly relations: readonly RelationUse[];
  /** Columns that a relation must have, though PostgreSQL might find another of their name where it lacks them. */
  readonly requiredColumns: readonly { readonly relation: number; readonly column: string }[];
  /** Texts with stand-ins, to be quoted as literals. */
  readonly literals: readonly string[];
  readonly selector: number;
  /** What the SELECT around it lets through of the selector's tenants. */
  readonly narrowing: readonly SelectorItem[];
  /** True when the tenant's name is a column that we added, behind the user's. */
  readonly addsTenant: boolean;
  /** Where the user's own columns have the tenant's name; null when they do not. */
  readonly ownTenant: ColumnPosition | null;
  readonly hiddenColumns: number;
  readonly sortKeys: readonly SortKey[];
  readonly timeGroups: readonly TimeGroupColumn[];
  /** Columns of rows without a type, by name, that are gathered in another form. */
  readonly recordColumns: ReadonlyMap<string, RecordForm>;
  readonly hasStar: boolean;
  /** True when the block refers to a whole row of a `$<tenant>` relation. */
  readonly hasWholeRow: boolean;
  /** True when it has a NATURAL JOIN, whose columns depend on the schema. */
  readonly hasNaturalJoin: boolean;
  /** Its LIMIT or OFFSET for people, such as `LIMIT 10`; null without one. */
  readonly limit: string | null;
  readonly position: Position | undefined;
}

export interface CopyContext extends ColumnLookup {
  readonly tenantColumn: string;
  readonly selectors: readonly Selector[];
  /** Whether arms get the form that postgres_fdw sends best; see `shapeArm`. */
  readonly shapesArms: boolean;
  readonly moved: Pick<Moved, "narrowing" | "arms">;
  readonly positionOf: (byteOffset: number | undefined) => Position | undefined;
}

export const SLOT = new RegExp(
  `(?<relation>${RESERVED_PREFIX}r_(?<relationIndex>\\d+)__)|(?<literal>'${RESERVED_PREFIX}l_(?<literalIndex>\\d+)__')`,
  "g",
);

export function relationSlot(index: number): string {
  return `${RESERVED_PREFIX}r_${index}__`;
}

export function literalSlot(index: number): string {
  return `${RESERVED_PREFIX}l_${index}__`;
}
