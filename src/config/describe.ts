import { stringify } from "yaml";
import { maskSecret } from "./mask.ts";
import { isMap } from "./raw.ts";
import type { Config } from "./schema.ts";
import { type SettingNode, type SettingValue, settingTree } from "./settings.ts";
import { formatDuration, formatSize } from "./units.ts";

/** Settings as a file would write them, every default included: units on durations and sizes, secrets masked. */
export function effectiveSettings(config: Config): unknown {
  return describe(config, settingTree());
}

/** `effectiveSettings` as YAML. */
export function describeConfig(config: Config): string {
  return stringify(effectiveSettings(config), { lineWidth: 0 });
}

function describe(value: unknown, node: SettingNode): unknown {
  if (node.kind === "value") return describeValue(value, node);
  if (node.kind === "list") return Array.isArray(value) ? value.map((item) => describe(item, node.each)) : value;
  if (!isMap(value)) return value;
  const names = node.kind === "group" ? [...node.members.keys()] : Object.keys(value);
  const entries = names.flatMap((name) => {
    const member = node.kind === "group" ? node.members.get(name) : node.each;
    const item = value[name];
    return item === undefined || member === undefined ? [] : [[name, describe(item, member)] as const];
  });
  return Object.fromEntries(entries);
}

function describeValue(value: unknown, node: SettingValue): unknown {
  if (node.secret) return typeof value === "string" ? maskSecret(value) : maskSecret("");
  if (typeof value !== "number") return value;
  if (node.unit === "duration") return formatDuration(value);
  return node.unit === "size" ? formatSize(value) : value;
}
