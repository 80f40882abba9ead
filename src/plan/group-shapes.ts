import type { CompiledBlock } from "../sql/compile-template.ts";
import type { RelationUse } from "../sql/copied-block.ts";
import type { CatalogColumn, CatalogRelation, CatalogTenant, TenantFailure } from "../types.ts";
import type { Shape, ShapeMember } from "./planned-block.ts";
import { relationResolver, writtenName } from "./resolve-relation.ts";

/** The tenants that have all relations of a block, and why the others are left out. */
export function resolveMembers(
  block: CompiledBlock,
  tenants: readonly CatalogTenant[],
): { readonly members: readonly ShapeMember[]; readonly leftOut: readonly TenantFailure[] } {
  const members: ShapeMember[] = [];
  const leftOut: TenantFailure[] = [];
  const resolvers = block.relations.map((use) => ({ use, resolve: relationResolver(use) }));
  for (const tenant of tenants) {
    const relations: CatalogRelation[] = [];
    let missing: RelationUse | undefined;
    for (const { use, resolve } of resolvers) {
      const relation = resolve(tenant);
      if (relation !== undefined) relations.push(relation);
      else missing ??= use;
    }
    const lacking = missing === undefined ? lackingColumn(block, relations) : undefined;
    if (lacking !== undefined) leftOut.push({ tenant: tenant.name, reason: "column_missing", detail: lacking });
    else if (missing === undefined) members.push({ tenant, relations });
    else if (tenant.relations.size > 0)
      leftOut.push({
        tenant: tenant.name,
        reason: "relation_missing",
        detail: `it has no relation ${writtenName(missing)}`,
      });
    else
      leftOut.push({
        tenant: tenant.name,
        reason: "not_onboarded",
        detail: "the federation database has no table of this tenant",
      });
  }
  return { members, leftOut };
}

/** What a tenant's relations lack of the columns that the block's names mean for the fleet. */
function lackingColumn(block: CompiledBlock, relations: readonly CatalogRelation[]): string | undefined {
  const lacking = block.requiredColumns.find(
    ({ relation, column }) => !(relations[relation]?.columns ?? []).some(({ name }) => name === column),
  );
  const use = lacking === undefined ? undefined : block.relations[lacking.relation];
  if (lacking === undefined || use === undefined) return undefined;
  return `column "${lacking.column}" does not exist in ${writtenName(use)}`;
}

/** Tenants by the columns of their relations (name, type and order), the largest group first. */
export function groupShapes(members: readonly ShapeMember[]): readonly Shape[] {
  const shapes = new Map<string, ShapeMember[]>();
  const numberOf = columnListNumbers();
  let [previous, same]: [ShapeMember | undefined, ShapeMember[] | undefined] = [undefined, undefined];
  for (const member of members) {
    // Most tenants are like the one before them.
    if (previous !== undefined && same !== undefined && haveSameLists(member, previous)) {
      same.push(member);
      continue;
    }
    const key = member.relations.map(({ columns }) => numberOf(columns)).join();
    const shape = shapes.get(key) ?? [];
    shape.push(member);
    shapes.set(key, shape);
    [previous, same] = [member, shape];
  }
  return [...shapes.values()].map((group) => ({ members: group })).sort((a, b) => b.members.length - a.members.length);
}

/** True when the relations of both have the very same lists; equal lists of their own are left to `columnListNumbers`. */
function haveSameLists({ relations }: ShapeMember, other: ShapeMember): boolean {
  return relations.every(({ columns }, index) => columns === other.relations[index]?.columns);
}

/**
 * Numbers lists of columns, equal ones alike. The relations of a catalog share their lists, so of hundreds of tenants a few lists are written
 * out and compared.
 */
function columnListNumbers(): (columns: readonly CatalogColumn[]) => number {
  const byList = new Map<readonly CatalogColumn[], number>();
  const byText = new Map<string, number>();
  return (columns) => {
    const known = byList.get(columns);
    if (known !== undefined) return known;
    const text = JSON.stringify(columns.map(({ name, type }) => [name, type]));
    const number = byText.get(text) ?? byText.size;
    byText.set(text, number);
    byList.set(columns, number);
    return number;
  };
}
