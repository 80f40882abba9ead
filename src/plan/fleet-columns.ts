import { AppError } from "../errors.ts";
import { quoteIdentifier } from "../postgres/quote.ts";
import type { CompiledBlock } from "../sql/compile-template.ts";
import type { Describe, DescribedColumn, Shape, ShapeMember } from "./planned-block.ts";

export interface FleetColumns {
  readonly columns: readonly DescribedColumn[];
  /** The arm of a shape, with its columns cast where the fleet's types are others. */
  readonly wrap: (shape: Shape, arm: string) => string;
}

/**
 * The columns of a block, typed once for the fleet, as PostgreSQL's UNION would type them over one arm of each shape. Throws TEMPLATE_DRIFT
 * with the columns whose types cannot meet.
 */
export async function fleetColumns(
  block: CompiledBlock,
  shapes: readonly Shape[],
  armOf: (member: ShapeMember) => string,
  describe: Describe,
): Promise<FleetColumns> {
  const samples = shapes.flatMap((shape) =>
    shape.members[0] === undefined ? [] : [{ shape, arm: armOf(shape.members[0]) }],
  );
  const described = await Promise.all(
    samples.map(async ({ shape, arm }) => ({ shape, columns: await describeOrThrow(block, arm, describe) })),
  );
  const [first] = described;
  const types = new Set(described.map(({ columns }) => columns.map(({ type }) => type).join(",")));
  if (first === undefined || types.size === 1) return { columns: first?.columns ?? [], wrap: (_, arm) => arm };

  const union = await describe(samples.map(({ arm }) => `(${arm})`).join(" UNION ALL "));
  if (!union.ok) throw typesCannotMeet(block, described);
  const columnsOf = new Map(described.map(({ shape, columns }) => [shape, columns]));
  return { columns: union.columns, wrap: (shape, arm) => castColumns(arm, columnsOf.get(shape) ?? [], union.columns) };
}

function castColumns(arm: string, own: readonly DescribedColumn[], fleet: readonly DescribedColumn[]): string {
  if (own.every(({ type }, index) => type === fleet[index]?.type)) return arm;
  const names = own.map((_, index) => quoteIdentifier(`c${index}`));
  const casts = fleet.map(
    ({ name, type }, index) => `CAST(s.${names[index] ?? ""} AS ${type}) AS ${quoteIdentifier(name)}`,
  );
  return `SELECT ${casts.join(", ")} FROM (${arm}) AS s(${names.join(", ")})`;
}

async function describeOrThrow(
  block: CompiledBlock,
  arm: string,
  describe: Describe,
): Promise<readonly DescribedColumn[]> {
  const description = await describe(arm);
  if (description.ok) return description.columns;
  throw new AppError("QUERY_FAILED", description.message, { position: block.position });
}

interface DescribedShape {
  readonly shape: Shape;
  readonly columns: readonly DescribedColumn[];
}

function typesCannotMeet(block: CompiledBlock, described: readonly DescribedShape[]): AppError {
  const [first, ...rest] = described;
  const conflicts = (first?.columns ?? []).flatMap(({ name, type }, index) => {
    const other = rest.find(({ columns }) => columns[index]?.type !== type);
    if (other === undefined || first === undefined) return [];
    return [`${name} is ${type} in ${nameOf(first.shape)} and ${other.columns[index]?.type} in ${nameOf(other.shape)}`];
  });
  return new AppError("TEMPLATE_DRIFT", `the tenants' types cannot meet: ${conflicts.join("; ")}`, {
    position: block.position,
    hint: "cast the column to one type, as in column::text",
  });
}

function nameOf({ members }: Shape): string {
  return members[0]?.tenant.name ?? "";
}
