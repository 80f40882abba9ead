import { stringify } from "yaml";
import { envName } from "./overrides.ts";
import { type SettingNode, settingTree } from "./settings.ts";

/** The reference of all settings as Markdown: a table for each section. `docs/configuration.md` holds it. */
export function settingsReference(): string {
  const tables = sectionsOf(settingTree(), []).map(({ path, members }) => {
    const named = path.some((part) => part.startsWith("<") || part.startsWith("["));
    const rows = members.map(([name, node]) => {
      const variable = named ? [] : [`\`${envName([...path, name])}\``];
      return [`\`${name}\``, node.type, fallbackOf(node), ...variable, node.description];
    });
    const header = ["setting", "type", "default", ...(named ? [] : ["variable"]), "meaning"];
    return `### \`${path.join(".").replaceAll(".[", "[")}\`\n\n${markdownTable(header, rows)}`;
  });
  return tables.join("\n\n");
}

interface SectionOfReference {
  readonly path: readonly string[];
  readonly members: readonly (readonly [string, SettingNode])[];
}

function sectionsOf(node: SettingNode, path: readonly string[]): SectionOfReference[] {
  if (node.kind === "value") return [];
  if (node.kind !== "group") return sectionsOf(node.each, [...path, node.kind === "map" ? "<name>" : "[]"]);
  const members = [...node.members];
  const settings = members.filter(([, member]) => member.kind !== "group" && path.length > 0);
  const nested = members.flatMap(([name, member]) => sectionsOf(member, [...path, name]));
  return settings.length === 0 ? nested : [{ path, members: settings }, ...nested];
}

function fallbackOf(node: SettingNode): string {
  if (node.fallback === undefined) return node.required ? "**required**" : "none";
  if (node.fallback === "") return "empty";
  return `\`${stringify(node.fallback, { collectionStyle: "flow", flowCollectionPadding: false }).trim()}\``;
}

/** A table as the formatter of this repository would leave it: columns of one width. */
function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const escaped = [header, ...rows].map((row) => row.map((text) => text.replaceAll("|", "\\|")));
  const widths = header.map((_, column) => Math.max(3, ...escaped.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [first = [], ...others] = escaped;
  return [line(first), line(widths.map((width) => "-".repeat(width))), ...others.map(line)].join("\n");
}
