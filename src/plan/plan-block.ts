import { AppError } from "../errors.ts";
import { quoteIdentifier, quoteQualified } from "../postgres/quote.ts";
import type { CompiledBlock } from "../sql/compile-template.ts";
import type { Arm, CatalogRelation, CatalogTenant, TenantFailure } from "../types.ts";
import { paddedRelations } from "./pad-relations.ts";
import type {
  Describe,
  DescribedColumn,
  Description,
  PlannedBlock,
  PlannedColumn,
  Shape,
  ShapeMember,
} from "./planned-block.ts";
import { relationName, resolveRelation, writtenName } from "./resolve-relation.ts";

/**
 * Decides which tenants a copied block runs for, with which columns, and writes their arms. A tenant that lacks a relation or a column that
 * the block names is left out and named. Types are decided once for the fleet, as PostgreSQL's UNION decides. Throws QUERY_FAILED when no
 * tenant could answer, with PostgreSQL's own message and the place in the user's text; TEMPLATE_DRIFT where types cannot meet.
 */
export async function planBlock(
  block: CompiledBlock,
  expected: readonly CatalogTenant[],
  options: { readonly describe: Describe; readonly tenantColumn: string },
): Promise<PlannedBlock> {
  const { describe, tenantColumn } = options;
  const { members, leftOut } = resolveMembers(block, expected);
  if (members.length === 0) {
    if (expected.length > 0) throw noneHasRelation(block, expected, leftOut);
    return { block, columns: [], arms: [], expected, leftOut, shapes: [] };
  }
  const shapes = groupShapes(members);
  if (shapes.length > 1 && block.hasWholeRow) {
    throw new AppError(
      "TEMPLATE_DRIFT",
      "the query refers to whole rows, but the tenants' tables have different columns",
      { position: block.position, hint: "name the columns that you need" },
    );
  }
  const described = await Promise.all(
    shapes.map(async (shape) => ({ shape, description: await describe(rawArm(block, shape)) })),
  );
  const answering = described.filter(({ description }) => description.ok).map(({ shape }) => shape);
  if (answering.length === 0) throw refused(block, described);
  const refusedTenants = described.flatMap(({ shape, description }) =>
    description.ok ? [] : shapeFailures(shape, description),
  );

  // Stars must mean the same columns for all tenants; a tenant without one of them gives a typed null.
  const pad =
    answering.length > 1 && block.hasStar
      ? paddedRelations(answering)
      : (member: ShapeMember) => member.relations.map(tableText);
  const armOf = (member: ShapeMember): string => block.arm.fill(member.tenant.name, pad(member));
  const { columns, wrap } = await fleetColumns(block, answering, armOf, describe);
  const arms = answering.flatMap((shape) =>
    shape.members.map((member): Arm => ({ tenant: member.tenant.name, sql: wrap(shape, armOf(member)) })),
  );
  return {
    block,
    columns: nameColumns(block, columns, tenantColumn),
    arms: arms.sort((a, b) => (a.tenant < b.tenant ? -1 : 1)),
    expected,
    leftOut: [...leftOut, ...refusedTenants],
    shapes: answering,
  };
}

function tableText(relation: CatalogRelation): string {
  return quoteQualified(relation.schema, relation.name);
}

function rawArm(block: CompiledBlock, shape: Shape): string {
  const [member] = shape.members;
  return member === undefined ? "" : block.arm.fill(member.tenant.name, member.relations.map(tableText));
}

function resolveMembers(
  block: CompiledBlock,
  expected: readonly CatalogTenant[],
): { members: ShapeMember[]; leftOut: TenantFailure[] } {
  const members: ShapeMember[] = [];
  const leftOut: TenantFailure[] = [];
  for (const tenant of expected) {
    const relations: CatalogRelation[] = [];
    for (const use of block.relations) {
      const relation = resolveRelation(use, tenant);
      if (relation !== undefined) relations.push(relation);
      else if (tenant.relations.size === 0)
        leftOut.push({
          tenant: tenant.name,
          reason: "not_onboarded",
          detail: "the federation database has no table of this tenant",
        });
      else
        leftOut.push({
          tenant: tenant.name,
          reason: "relation_missing",
          detail: `it has no relation ${writtenName(use)}`,
        });
      if (relation === undefined) break;
    }
    if (relations.length === block.relations.length) members.push({ tenant, relations });
  }
  return { members, leftOut };
}

/** Tenants by the columns of their relations: name, type and order. */
function groupShapes(members: readonly ShapeMember[]): Shape[] {
  const shapes = new Map<string, ShapeMember[]>();
  for (const member of members) {
    const key = JSON.stringify(member.relations.map(({ columns }) => columns.map(({ name, type }) => [name, type])));
    const shape = shapes.get(key);
    if (shape === undefined) shapes.set(key, [member]);
    else shape.push(member);
  }
  return [...shapes.values()].map((group) => ({ members: group })).sort((a, b) => b.members.length - a.members.length);
}

type Refusal = Extract<Description, { ok: false }>;

function shapeFailures(shape: Shape, refusal: Refusal): TenantFailure[] {
  return shape.members.map(({ tenant }) => ({ tenant: tenant.name, reason: refusal.reason, detail: refusal.message }));
}

function refused(
  block: CompiledBlock,
  described: readonly { readonly shape: Shape; readonly description: Description }[],
): AppError {
  const [first] = described;
  const member = first?.shape.members[0];
  if (first === undefined || first.description.ok || member === undefined)
    return new AppError("INTERNAL", "no shape was described");
  const { message, character } = first.description;
  const position =
    character === null
      ? undefined
      : block.arm.positionOf(character, member.tenant.name, member.relations.map(tableText));
  return new AppError("QUERY_FAILED", message, { position: position ?? block.position });
}

function noneHasRelation(
  block: CompiledBlock,
  expected: readonly CatalogTenant[],
  leftOut: readonly TenantFailure[],
): AppError {
  const missing =
    block.relations.find((use) => !expected.some((tenant) => resolveRelation(use, tenant) !== undefined)) ??
    block.relations[0];
  const known = new Set(expected.flatMap((tenant) => [...tenant.relations.keys()]));
  if (missing === undefined || known.size === 0) {
    return new AppError("QUERY_FAILED", leftOut[0]?.detail ?? "no tenant can answer", {
      position: block.position,
      hint: "onboard the tenants, or check tenants.discover",
    });
  }
  const name = relationName(missing);
  return new AppError("QUERY_FAILED", `no tenant has a relation ${writtenName(missing)}`, {
    position: missing.position,
    hint: `${name === null ? "relations" : "known relations"}: ${[...known].sort().slice(0, 12).join(", ")}`,
  });
}

interface FleetColumns {
  readonly columns: readonly DescribedColumn[];
  /** The arm of a shape, with its columns cast where the fleet's types are others. */
  readonly wrap: (shape: Shape, arm: string) => string;
}

async function fleetColumns(
  block: CompiledBlock,
  shapes: readonly Shape[],
  armOf: (member: ShapeMember) => string,
  describe: Describe,
): Promise<FleetColumns> {
  const samples = shapes.flatMap((shape) =>
    shape.members[0] === undefined ? [] : [{ shape, arm: armOf(shape.members[0]) }],
  );
  const described = await Promise.all(
    samples.map(async ({ shape, arm }) => ({ shape, arm, columns: await describeOrThrow(block, arm, describe) })),
  );
  const [first] = described;
  const types = new Set(described.map(({ columns }) => columns.map(({ type }) => type).join(",")));
  if (first === undefined || types.size === 1) return { columns: first?.columns ?? [], wrap: (_, arm) => arm };

  const union = await describe(samples.map(({ arm }) => `(${arm})`).join(" UNION ALL "));
  if (!union.ok) throw typesCannotMeet(block, described);
  const columnsOf = new Map(described.map(({ shape, columns }) => [shape, columns]));
  return {
    columns: union.columns,
    wrap: (shape, arm) => {
      const own = columnsOf.get(shape) ?? [];
      if (own.every(({ type }, index) => type === union.columns[index]?.type)) return arm;
      const names = own.map((_, index) => quoteIdentifier(`c${index}`));
      const casts = union.columns.map(
        ({ name, type }, index) => `CAST(s.${names[index] ?? ""} AS ${type}) AS ${quoteIdentifier(name)}`,
      );
      return `SELECT ${casts.join(", ")} FROM (${arm}) AS s(${names.join(", ")})`;
    },
  };
}

async function describeOrThrow(
  block: CompiledBlock,
  arm: string,
  describe: Describe,
): Promise<readonly DescribedColumn[]> {
  const description = await describe(arm);
  if (!description.ok) throw new AppError("QUERY_FAILED", description.message, { position: block.position });
  return description.columns;
}

function typesCannotMeet(
  block: CompiledBlock,
  described: readonly { readonly shape: Shape; readonly columns: readonly DescribedColumn[] }[],
): AppError {
  const [first, ...rest] = described;
  const conflicts = (first?.columns ?? []).flatMap((column, index) => {
    const other = rest.find(({ columns }) => columns[index]?.type !== column.type);
    if (other === undefined || first === undefined) return [];
    return [
      `${column.name} is ${column.type} in ${first.shape.members[0]?.tenant.name} and ${other.columns[index]?.type} in ${other.shape.members[0]?.tenant.name}`,
    ];
  });
  return new AppError("TEMPLATE_DRIFT", `the tenants' types cannot meet: ${conflicts.join("; ")}`, {
    position: block.position,
    hint: "cast the column to one type, as in column::text",
  });
}

/** Gives each column its role and its name for the reader. */
function nameColumns(block: CompiledBlock, columns: readonly DescribedColumn[], tenantColumn: string): PlannedColumn[] {
  const visible = columns.length - block.hiddenColumns;
  const users = visible - (block.addsTenant ? 1 : 0);
  const tenantIndex = block.addsTenant ? users : columns.findIndex(({ name }) => name === tenantColumn);
  return columns.map(({ name, type, kind }, index): PlannedColumn => {
    const group = block.timeGroups.find(
      (column) => (column.fromEnd ? users - 1 - column.index : column.index) === index,
    );
    const role = index >= visible ? "hidden" : index === tenantIndex ? "tenant" : "user";
    // Another column of the tenant column's name can only come from a star.
    const shown = role === "tenant" ? tenantColumn : name === tenantColumn ? `${tenantColumn}_1` : name;
    return { name: shown, type, kind, role, timeGroupSeconds: group?.stepSeconds ?? null };
  });
}
