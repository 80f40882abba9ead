import { AppError } from "../errors.ts";
import { quoteIdentifier } from "../postgres/quote.ts";
import type { CompiledBlock } from "../sql/compile-template.ts";
import { commonTypes } from "./common-types.ts";
import type { Describe, DescribedColumn, Shape, ShapeMember } from "./planned-block.ts";

/** More tenants than this are counted, not named. */
const MAX_NAMES = 5;

export interface FleetColumns {
  readonly columns: readonly DescribedColumn[];
  /** The arm of a shape, with its columns cast where the fleet's types are others. */
  readonly wrap: (shape: Shape, arm: string) => string;
}

/**
 * The columns of a block, typed once for the fleet, as PostgreSQL's UNION would type them over one arm of each shape. Throws TEMPLATE_DRIFT
 * with the columns whose types cannot meet, and which tenants have which.
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
  const common = await commonTypes(
    described.map(({ columns }) => columns),
    describe,
  );
  if (!common.ok) throw typesCannotMeet(block, described, common.conflicts);
  const fleet = common.columns.map((column) => withoutRecords(column, block));
  const frames = new Map(described.map(({ shape, columns }) => [shape, castFrame(block, columns, fleet)]));
  return {
    columns: fleet,
    wrap: (shape, arm) => {
      const frame = frames.get(shape);
      return frame === undefined || frame === null ? arm : `${frame.before}${arm}${frame.after}`;
    },
  };
}

/** What stands around an arm to cast its columns; null where they have the fleet's types. */
function castFrame(
  block: CompiledBlock,
  own: readonly DescribedColumn[],
  fleet: readonly DescribedColumn[],
): { readonly before: string; readonly after: string } | null {
  if (own.every(({ type }, index) => type === fleet[index]?.type)) return null;
  const names = own.map((_, index) => quoteIdentifier(`c${index}`));
  const casts = fleet.map(({ name, type }, index) => {
    const column = `s.${names[index] ?? ""}`;
    const isPlace = own[index]?.type !== type && block.recordColumns.get(name) === "place";
    const value = isPlace ? `dense_rank() OVER (ORDER BY ${column})` : `CAST(${column} AS ${type})`;
    return `${value} AS ${quoteIdentifier(name)}`;
  });
  return { before: `SELECT ${casts.join(", ")} FROM (`, after: `) AS s(${names.join(", ")})` };
}

/** The column in the form in which it is gathered. */
function withoutRecords(column: DescribedColumn, { recordColumns }: CompiledBlock): DescribedColumn {
  const form = column.type.startsWith("record") ? recordColumns.get(column.name) : undefined;
  if (form === undefined) return column;
  return { ...column, ...(form === "place" ? { type: "bigint", kind: "number" } : { type: "text", kind: "text" }) };
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

function typesCannotMeet(
  block: CompiledBlock,
  described: readonly DescribedShape[],
  conflicts: readonly number[],
): AppError {
  const told = conflicts.map((index) => {
    const tenants = new Map<string, string[]>();
    for (const { shape, columns } of described) {
      const type = columns[index]?.type ?? "unknown";
      tenants.set(type, [...(tenants.get(type) ?? []), ...shape.members.map(({ tenant }) => tenant.name)]);
    }
    const types = [...tenants].map(([type, names]) => `${type} in ${listed(names)}`);
    return `${described[0]?.columns[index]?.name ?? ""} is ${types.join(" and ")}`;
  });
  return new AppError("TEMPLATE_DRIFT", `the tenants' types cannot meet: ${told.join("; ")}`, {
    position: block.position,
    hint: "cast the column to one type, as in column::text, or choose tenants that agree by a selector, as in $<tenant:plan=pro>",
  });
}

function listed(names: readonly string[]): string {
  const shown = [...names].sort().slice(0, MAX_NAMES).join(", ");
  return names.length > MAX_NAMES ? `${shown} and ${names.length - MAX_NAMES} more` : shown;
}
