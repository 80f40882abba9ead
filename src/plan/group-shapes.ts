import type { CompiledBlock } from "../sql/compile-template.ts";
import type { CatalogRelation, CatalogTenant, TenantFailure } from "../types.ts";
import type { Shape, ShapeMember } from "./planned-block.ts";
import { resolveRelation, writtenName } from "./resolve-relation.ts";

/** The tenants that have all relations of a block, and why the others are left out. */
export function resolveMembers(
  block: CompiledBlock,
  tenants: readonly CatalogTenant[],
): { readonly members: readonly ShapeMember[]; readonly leftOut: readonly TenantFailure[] } {
  const members: ShapeMember[] = [];
  const leftOut: TenantFailure[] = [];
  for (const tenant of tenants) {
    const found = block.relations.map((use) => ({ use, relation: resolveRelation(use, tenant) }));
    const missing = found.find(({ relation }) => relation === undefined);
    const relations = found.flatMap(({ relation }): CatalogRelation[] => (relation === undefined ? [] : [relation]));
    const lacking = missing === undefined ? lackingColumn(block, relations) : undefined;
    if (lacking !== undefined) leftOut.push({ tenant: tenant.name, reason: "column_missing", detail: lacking });
    else if (missing === undefined) members.push({ tenant, relations });
    else if (tenant.relations.size > 0)
      leftOut.push({
        tenant: tenant.name,
        reason: "relation_missing",
        detail: `it has no relation ${writtenName(missing.use)}`,
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
  for (const member of members) {
    const key = JSON.stringify(member.relations.map(({ columns }) => columns.map(({ name, type }) => [name, type])));
    const shape = shapes.get(key);
    if (shape === undefined) shapes.set(key, [member]);
    else shape.push(member);
  }
  return [...shapes.values()].map((group) => ({ members: group })).sort((a, b) => b.members.length - a.members.length);
}
