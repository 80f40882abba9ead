import type { CompiledBlock } from "../sql/compile-template.ts";
import type { ColumnPosition } from "../sql/copied-block.ts";
import type { DescribedColumn, PlannedColumn } from "./planned-block.ts";

/** Gives each column of a block its role and its name for the reader. */
export function nameColumns(
  block: CompiledBlock,
  columns: readonly DescribedColumn[],
  tenantColumn: string,
): PlannedColumn[] {
  const visible = columns.length - block.hiddenColumns;
  const users = visible - (block.addsTenant ? 1 : 0);
  const indexOf = ({ index, fromEnd }: ColumnPosition) => (fromEnd ? users - 1 - index : index);
  const tenantIndex = block.addsTenant ? users : block.ownTenant === null ? -1 : indexOf(block.ownTenant);
  return columns.map(({ name, type, kind }, index): PlannedColumn => {
    const role = index >= visible ? "hidden" : index === tenantIndex ? "tenant" : "user";
    const group = block.timeGroups.find((column) => indexOf(column) === index);
    // Another column of the tenant column's name can only come from a star.
    const shown = role === "tenant" ? tenantColumn : name === tenantColumn ? `${tenantColumn}_1` : name;
    return { name: shown, type, kind, role, timeGroupSeconds: group?.stepSeconds ?? null };
  });
}
