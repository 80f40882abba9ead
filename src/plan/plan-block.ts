import { AppError } from "../errors.ts";
import type { CompiledBlock } from "../sql/compile-template.ts";
import type { Arm, CatalogTenant } from "../types.ts";
import { type DescribedShape, describeShape } from "./describe-shape.ts";
import { fleetColumns } from "./fleet-columns.ts";
import { groupShapes, resolveMembers } from "./group-shapes.ts";
import { nameColumns } from "./name-columns.ts";
import { paddedRelations, unpaddedRelations } from "./pad-relations.ts";
import type { Describe, PlannedBlock, Shape, ShapeMember } from "./planned-block.ts";
import { relationName, resolveRelation, writtenName } from "./resolve-relation.ts";

export interface PlanOptions {
  readonly describe: Describe;
  readonly tenantColumn: string;
  /**
   * The tenants of the block's selector that the caller may see, whether this request asks for them or not: they decide columns and types,
   * so that an answer about one tenant has the columns of an answer about all.
   */
  readonly fleet: readonly CatalogTenant[];
  /** Every tenant that the caller may see: they type a block that none of the fleet can answer. */
  readonly visible: readonly CatalogTenant[];
}

/**
 * Decides which of the expected tenants a copied block runs for, with which columns, and writes their arms. A tenant that lacks a relation or
 * a column that the block names is left out and named. Types are decided once for the fleet. Throws QUERY_FAILED when no tenant that the caller
 * may see could answer, with PostgreSQL's own message and the place in the user's text; TEMPLATE_DRIFT where schemas or types cannot meet.
 */
export async function planBlock(
  block: CompiledBlock,
  expected: readonly CatalogTenant[],
  { describe, tenantColumn, fleet, visible }: PlanOptions,
): Promise<PlannedBlock> {
  const resolved = resolveMembers(block, fleet);
  // A selector that takes no tenant still has columns: a SELECT around the block runs over no rows of them.
  const typing = resolved.members.length > 0 ? resolved.members : resolveMembers(block, visible).members;
  const asked = new Set(expected.map(({ name }) => name));
  const leftOut = resolved.leftOut.filter(({ tenant }) => asked.has(tenant));
  if (typing.length === 0) {
    if (visible.length > 0) throw noneCanAnswer(block, visible);
    return { block, columns: [], arms: [], expected, leftOut, shapes: [] };
  }
  const shapes = groupShapes(typing);
  refuseDrift(block, shapes);
  const described = await Promise.all(shapes.map((shape) => describeShape(block, shape, describe)));
  const answering = described.filter(({ description }) => description.ok).map(({ shape }) => shape);
  if (answering.length === 0) throw refused(block, described);

  // Stars must mean the same columns for all tenants; a tenant without one of them gives a typed null.
  const relationsOf = answering.length > 1 && block.hasStar ? paddedRelations(answering) : unpaddedRelations;
  const armOf = (member: ShapeMember): string => block.arm.fill(member.tenant.name, relationsOf(member));
  const { columns, wrap } = await fleetColumns(block, answering, armOf, describe);
  const arms = answering.flatMap((shape) =>
    askedIn(shape, asked).map((member): Arm => ({ tenant: member.tenant.name, sql: wrap(shape, armOf(member)) })),
  );
  return {
    block,
    columns: nameColumns(block, columns, tenantColumn),
    arms: arms.sort((a, b) => (a.tenant < b.tenant ? -1 : 1)),
    expected,
    leftOut: [...leftOut, ...described.flatMap((shape) => shape.leftOut).filter(({ tenant }) => asked.has(tenant))],
    shapes: askedOf(answering, asked),
  };
}

function askedIn({ members }: Shape, asked: ReadonlySet<string>): readonly ShapeMember[] {
  return members.filter(({ tenant }) => asked.has(tenant.name));
}

/** The shapes with those of their tenants that are asked; shapes without any are left out. */
function askedOf(shapes: readonly Shape[], asked: ReadonlySet<string>): readonly Shape[] {
  return shapes.map((shape) => ({ members: askedIn(shape, asked) })).filter(({ members }) => members.length > 0);
}

function refuseDrift(block: CompiledBlock, shapes: readonly Shape[]): void {
  if (shapes.length < 2) return;
  const refuse = (what: string, hint: string) =>
    new AppError("TEMPLATE_DRIFT", `${what}, but the tenants' tables have different columns`, {
      position: block.position,
      hint,
    });
  if (block.hasWholeRow) throw refuse("the query refers to whole rows", "name the columns that you need");
  if (block.hasNaturalJoin)
    throw refuse("the query has a NATURAL JOIN", "write JOIN … USING with the columns that you mean");
}

function refused(block: CompiledBlock, [first]: readonly DescribedShape[]): AppError {
  const member = first?.shape.members[0];
  if (first === undefined || first.description.ok || member === undefined)
    return new AppError("INTERNAL", "no shape was described");
  const { message, character } = first.description;
  const position =
    character === null ? undefined : block.arm.positionOf(character, member.tenant.name, unpaddedRelations(member));
  return new AppError("QUERY_FAILED", message, { position: position ?? block.position });
}

function noneCanAnswer(block: CompiledBlock, visible: readonly CatalogTenant[]): AppError {
  const known = new Set(visible.flatMap((tenant) => [...tenant.relations.keys()]));
  const missing = block.relations.find((use) => !visible.some((tenant) => resolveRelation(use, tenant) !== undefined));
  if (known.size === 0) {
    return new AppError("QUERY_FAILED", "the federation database has no table of any tenant", {
      position: block.position,
      hint: "onboard the tenants, or check tenants.discover",
    });
  }
  const [lacking] = resolveMembers(block, visible).leftOut.filter(({ reason }) => reason === "column_missing");
  if (missing === undefined && lacking !== undefined)
    return new AppError("QUERY_FAILED", `${lacking.detail} of ${lacking.tenant}`, { position: block.position });
  if (missing === undefined) {
    return new AppError("QUERY_FAILED", `no tenant has all of ${block.relations.map(writtenName).join(", ")}`, {
      position: block.position,
    });
  }
  return new AppError("QUERY_FAILED", `no tenant has a relation ${writtenName(missing)}`, {
    position: missing.position,
    hint: `${relationName(missing) === null ? "relations" : "known relations"}: ${[...known].sort().slice(0, 12).join(", ")}`,
  });
}
