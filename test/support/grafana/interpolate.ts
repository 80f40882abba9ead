import { formatInterval, type PanelContext, type VariableValue } from "./panel-context.ts";

/** The expression by which dashboards find variables (scenes, Grafana 11 and later). `$<tenant>` does not match. */
const VARIABLE =
  /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\${(\w+)((?:\.[^:^{}[\]]+|\["[^"]*"\]|\['[^']*'\]|\[[^\]"']*\])*)(?::([^}]+))?}/g;

const quoteSql = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const escapeRegex = (value: string): string => value.replace(/[\\^$*+?.()|[\]{}/]/g, "\\$&");

type Formatter = (values: readonly string[], multiple: boolean) => string;

const FORMATTERS: ReadonlyMap<string, Formatter> = new Map<string, Formatter>([
  ["csv", (values) => values.join(",")],
  ["raw", (values) => values.join(",")],
  ["pipe", (values) => values.join("|")],
  ["glob", (values) => (values.length > 1 ? `{${values.join(",")}}` : values.join(""))],
  ["json", (values, multiple) => JSON.stringify(multiple ? values : values[0])],
  [
    "regex",
    (values) => (values.length > 1 ? `(${values.map(escapeRegex).join("|")})` : values.map(escapeRegex).join("")),
  ],
  ["sqlstring", (values) => values.map(quoteSql).join(",")],
]);

/** `value` in one of Grafana's formats. Throws on a format that no dashboard of ours uses. */
export function formatVariable(value: VariableValue, format: string): string {
  if (typeof value === "object" && "allValue" in value) return value.allValue;
  const formatter = FORMATTERS.get(format);
  if (formatter === undefined) throw new Error(`unknown variable format "${format}"`);
  return typeof value === "string" ? formatter([value], false) : formatter(value, true);
}

/** Epoch milliseconds in the formats of `${__from:…}`: none, `date`, `date:iso`, `date:seconds`, `date:YYYY-MM-DD`. */
export function formatInstant(epochMs: number, format: string): string {
  if (format === "") return String(epochMs);
  const iso = new Date(epochMs).toISOString();
  if (format === "date" || format === "date:iso") return iso;
  if (format === "date:seconds") return String(Math.floor(epochMs / 1000));
  if (format === "date:YYYY-MM-DD") return iso.slice(0, 10);
  throw new Error(`unknown time format "${format}"`);
}

function builtIn(name: string, format: string, context: PanelContext): string | undefined {
  const { fromMs, toMs } = context.range;
  switch (name) {
    case "__interval":
      return formatInterval(context.intervalMs);
    case "__interval_ms":
      return String(context.intervalMs);
    case "__from":
      return formatInstant(fromMs, format);
    case "__to":
      return formatInstant(toMs, format);
    case "__range":
      return `${Math.round((toMs - fromMs) / 1000)}s`;
    case "__range_s":
      return String(Math.round((toMs - fromMs) / 1000));
    case "__range_ms":
      return String(toMs - fromMs);
    default:
      return undefined;
  }
}

/** Replaces the variables that Grafana knows; whatever else looks like one stays, as Grafana leaves it. */
export function interpolate(text: string, context: PanelContext, defaultFormat = "glob"): string {
  return text.replace(VARIABLE, (...found: readonly (string | undefined)[]) => {
    const [match, plain, bracketed, bracketedFormat, braced, fieldPath, bracedFormat] = found;
    const name = plain ?? bracketed ?? braced ?? "";
    const format = bracketedFormat ?? bracedFormat;
    const builtInText = builtIn(name, format ?? "", context);
    if (builtInText !== undefined) return builtInText;
    const value = context.variables.get(name);
    if (value === undefined) return match ?? "";
    // `${v.text}` and the like would need a variable's label, which none of ours has apart from its value.
    if (fieldPath !== undefined && fieldPath !== "") throw new Error(`field path in ${match}`);
    return formatVariable(value, format ?? defaultFormat);
  });
}
