import type { Describe, DescribedColumn } from "./planned-block.ts";

/** Types of text convert into each other both ways, so that PostgreSQL's UNION takes whichever comes first, and `name` cuts at 63 bytes. */
const TEXTS = new Set(["text", "character varying", "bpchar", "name"]);

/** The columns in which several lists of columns meet; or the places, from 0, of those whose types cannot. */
export type CommonTypes =
  | { readonly ok: true; readonly columns: readonly DescribedColumn[] }
  | { readonly ok: false; readonly conflicts: readonly number[] };

/**
 * The types that PostgreSQL's UNION gives columns of these types, whatever their order: different types of text meet as `text`. The first
 * list names the columns; all have the same number of them.
 */
export async function commonTypes(
  lists: readonly (readonly DescribedColumn[])[],
  describe: Describe,
): Promise<CommonTypes> {
  const [first = []] = lists;
  const types = first.map((_, index) => [...new Set(lists.map((columns) => columns[index]?.type ?? "unknown"))].sort());
  const differing = types.flatMap((own, index) => (own.length > 1 ? [index] : []));
  if (differing.length === 0) return { ok: true, columns: first };
  const merged = await describe(`SELECT ${differing.map((index) => meeting(types[index] ?? [])).join(", ")}`);
  if (!merged.ok) return { ok: false, conflicts: await conflictsAmong(differing, types, describe) };
  const columns = first.map((column, index) => {
    const met = merged.columns[differing.indexOf(index)];
    return met === undefined ? column : { ...column, type: met.type, kind: met.kind };
  });
  return { ok: true, columns };
}

/** An expression whose type PostgreSQL resolves by the rules of UNION. */
function meeting(types: readonly string[]): string {
  const asText = types.every((type) => TEXTS.has(type));
  return `COALESCE(${(asText ? ["text"] : types).map((type) => `CAST(NULL AS ${type})`).join(", ")})`;
}

/** Asked column by column, since PostgreSQL names the first only. */
async function conflictsAmong(
  differing: readonly number[],
  types: readonly (readonly string[])[],
  describe: Describe,
): Promise<readonly number[]> {
  const conflicts: number[] = [];
  for (const index of differing) {
    const met = await describe(`SELECT ${meeting(types[index] ?? [])}`);
    if (!met.ok) conflicts.push(index);
  }
  return conflicts;
}
