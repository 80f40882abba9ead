import type { Notice } from "../types.ts";
import { typeKey } from "./read-onboarded.ts";
import type { RemoteColumn, RemoteRelation, RemoteType } from "./read-tenant.ts";
import { REMOTE_TEXT_TYPE } from "./remote-text.ts";

/** A column of a foreign table as it should be. The type is as `format_type` writes it, without a type modifier. */
export interface ForeignColumn {
  readonly name: string;
  readonly type: string;
}

/** The columns of one foreign table, and what differs from the tenant's. */
export interface ForeignColumns {
  readonly columns: readonly ForeignColumn[];
  readonly notices: readonly Notice[];
}

/**
 * Decides the local columns of a tenant's relation. Type modifiers are left out: a local numeric(12,2) over a remote
 * numeric(14,4) gives other sums here than there. Collations stay at the default, generated columns become plain ones,
 * and columns that the login may not read are left out with a notice.
 */
export function foreignColumns(relation: RemoteRelation, types: ReadonlyMap<string, string>): ForeignColumns {
  const notices: Notice[] = [];
  const columns: ForeignColumn[] = [];
  for (const column of relation.columns) {
    if (!column.readable) {
      const text = `${relation.name}.${column.name} is left out: the login may not read it`;
      notices.push({ severity: "warning", text });
      continue;
    }
    const type = localType(column.type, types);
    if (type === null) notices.push(notHere(relation, column));
    columns.push({ name: column.name, type: type ?? REMOTE_TEXT_TYPE });
  }
  return { columns, notices };
}

function localType(type: RemoteType, types: ReadonlyMap<string, string>): string | null {
  if (type.origin.kind === "own") return null;
  const extension = type.origin.kind === "extension" ? type.origin.extension : null;
  const spelling = types.get(typeKey(extension, type.name));
  return spelling === undefined ? null : `${spelling}${type.isArray ? "[]" : ""}`;
}

function notHere(relation: RemoteRelation, column: RemoteColumn): Notice {
  return {
    severity: "info",
    text:
      `${relation.name}.${column.name} is text here: the federation database has no type ${column.type.text}. ` +
      "Conditions on it run here, not on the tenant; a view on the tenant with the column cast to text lets them run there",
  };
}
