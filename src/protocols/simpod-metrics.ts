import type { Config, NamedQuery } from "../config/schema.ts";
import type { Principal } from "../types.ts";
import { viewFleet } from "./fleet-view.ts";
import type { ProtocolServices } from "./rest.ts";

interface Choice {
  readonly label?: string;
  readonly value: string;
}

interface PayloadField {
  readonly name: string;
  readonly label: string;
  readonly type: "input" | "select" | "multi-select" | "textarea";
  readonly placeholder?: string;
  readonly options?: readonly Choice[];
}

const FORMATS: readonly Choice[] = [
  { label: "Frames", value: "frame" },
  { label: "Time series", value: "timeserie" },
  { label: "Table", value: "table" },
];
const PARTIAL: readonly Choice[] = [
  { label: "Any tenant may be missing", value: "allow" },
  { label: "All tenants must answer", value: "fail" },
  { label: "90 % must answer", value: "90%" },
];

// The tenants carry no options: the plugin then asks for them once, not once for each query.
const SHARED_FIELDS: readonly PayloadField[] = [
  { name: "tenants", label: "Tenants", type: "multi-select", placeholder: "all" },
  { name: "format", label: "Format", type: "select", options: FORMATS },
  { name: "partial", label: "Missing tenants", type: "select", options: PARTIAL },
];

/** What the query editor offers: `sql` with a text area, and each named query with its parameters as fields. */
export function listMetrics(config: Config) {
  return [
    { label: "SQL", value: "sql", payloads: [{ name: "sql", label: "SQL", type: "textarea" }, ...SHARED_FIELDS] },
    ...Object.entries(config.queries).map(([name, query]) => ({
      label: query.description === "" ? name : `${name}: ${query.description}`,
      value: name,
      payloads: [...paramFields(query), ...SHARED_FIELDS],
    })),
  ];
}

function paramFields({ params }: NamedQuery): readonly PayloadField[] {
  return Object.entries(params).map(([name, { type, default: fallback, values }]) => {
    const choices = values ?? (type === "boolean" ? [true, false] : undefined);
    return {
      name,
      label: name,
      type: choices === undefined ? ("input" as const) : ("select" as const),
      placeholder: fallback === undefined ? type : String(fallback),
      ...(choices === undefined ? {} : { options: choices.map((value) => ({ value: String(value) })) }),
    };
  });
}

/** The choices of one field of a metric; an empty list for a field that is free text or not there. */
export function listFieldOptions(
  { metric, name }: { metric: string | null | undefined; name: string },
  { config, catalog }: ProtocolServices,
  principal: Principal,
): readonly Choice[] {
  if (name === "tenants")
    return viewFleet(catalog(), principal).tenants.map((tenant) => ({ label: tenant.name, value: tenant.name }));
  const offered = listMetrics(config).find(({ value }) => value === metric);
  const field: PayloadField | undefined = offered?.payloads.find(
    (payload): payload is PayloadField => payload.name === name,
  );
  return field?.options ?? [];
}
