import type { CompiledBlock } from "../sql/compile-template.ts";
import type { TenantFailure } from "../types.ts";
import { unpaddedRelations } from "./pad-relations.ts";
import type { Describe, Description, Shape, ShapeMember } from "./planned-block.ts";

/** A shape with what PostgreSQL says of the block's arm for its tenants, before anything is padded. */
export interface DescribedShape {
  /** The tenants that can answer; all of them when none can. */
  readonly shape: Shape;
  /** What it says of the first of these. */
  readonly description: Description;
  /** Tenants that are left out, each with the reason. */
  readonly leftOut: readonly TenantFailure[];
}

/** Enough to find a tenant that is as the catalog says while a few are not; a query that is wrong is refused as often. */
const MOST_TRIES = 8;

/**
 * Describes an arm of the shape. A tenant may be refused for reasons of its own: its table was dropped since the catalog was read, or is locked. So a
 * refusal is the shape's only when tenants all over it are refused, too; else those are left out, and the first that is not stands for the others.
 */
export async function describeShape(block: CompiledBlock, shape: Shape, describe: Describe): Promise<DescribedShape> {
  const refusals = new Map<ShapeMember, TenantFailure>();
  let first: Description | null = null;
  for (const member of spread(shape.members)) {
    const description = await describe(block.arm.fill(member.tenant.name, unpaddedRelations(member)));
    if (description.ok && first === null) return { shape, description, leftOut: [] };
    if (description.ok) {
      const able = shape.members.filter((other) => !refusals.has(other));
      // The one that was described stands for all that follow.
      const members = [member, ...able.filter((other) => other !== member)];
      return { shape: { members }, description, leftOut: [...refusals.values()] };
    }
    first ??= description;
    refusals.set(member, { tenant: member.tenant.name, reason: description.reason, detail: description.message });
  }
  if (first === null || first.ok) throw new RangeError("a shape has members");
  const { reason, message } = first;
  const leftOut = shape.members.map(
    (member) => refusals.get(member) ?? { tenant: member.tenant.name, reason, detail: message },
  );
  return { shape, description: first, leftOut };
}

/** The first member, and a few at even distances. */
function spread(members: readonly ShapeMember[]): readonly ShapeMember[] {
  const step = Math.ceil(members.length / MOST_TRIES);
  return members.filter((_, index) => index % step === 0);
}

/** The same text is described once. */
export function describeOnce(describe: Describe): Describe {
  const known = new Map<string, Promise<Description>>();
  return (sql) => {
    const description = known.get(sql) ?? describe(sql);
    known.set(sql, description);
    return description;
  };
}
