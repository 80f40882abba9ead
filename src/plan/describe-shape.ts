import type { CompiledBlock } from "../sql/compile-template.ts";
import type { TenantFailure } from "../types.ts";
import { unpaddedRelations } from "./pad-relations.ts";
import type { Describe, Description, Shape, ShapeMember } from "./planned-block.ts";

type Refusal = Extract<Description, { readonly ok: false }>;

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
  const refusals = new Map<ShapeMember, Refusal>();
  const refusedOf = ([member, { reason, message }]: readonly [ShapeMember, Refusal]): TenantFailure => ({
    tenant: member.tenant.name,
    reason,
    detail: message,
  });
  for (const member of spread(shape.members)) {
    const description = await describe(block.arm.fill(member.tenant.name, unpaddedRelations(member)));
    if (description.ok) {
      if (refusals.size === 0) return { shape, description, leftOut: [] };
      // Who was not asked may be gone, too: the one that was stands for all that follow.
      const others = shape.members.filter((other) => other !== member && !refusals.has(other));
      return { shape: { members: [member, ...others] }, description, leftOut: [...refusals].map(refusedOf) };
    }
    refusals.set(member, description);
  }
  const [first] = refusals.values();
  if (first === undefined) throw new RangeError("a shape has members");
  const leftOut = shape.members.map((member) => refusedOf([member, refusals.get(member) ?? first]));
  return { shape, description: first, leftOut };
}

/** The first member, and a few at even distances. */
function spread(members: readonly ShapeMember[]): readonly ShapeMember[] {
  const step = Math.ceil(members.length / MOST_TRIES);
  return members.filter((_, index) => index % step === 0);
}
