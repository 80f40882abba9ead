import { parse } from "yaml";
import { z } from "zod";
import { configSchema } from "./schema.ts";

interface Described {
  /** What a value looks like, for people: `whole number, 0 to 65535`. */
  readonly type: string;
  readonly description: string;
  /** Default as the file would write it; undefined where there is none. */
  readonly fallback: unknown;
  readonly required: boolean;
}

/** A setting, or a group of settings: what the schema knows, in the form that files, variables and pages need. */
export type SettingNode =
  | (Described & { readonly kind: "group"; readonly members: ReadonlyMap<string, SettingNode> })
  | (Described & { readonly kind: "map" | "list"; readonly each: SettingNode })
  | (Described & {
      readonly kind: "value";
      readonly unit: "duration" | "size" | null;
      /** Never shown, and may be `file:…`. */
      readonly secret: boolean;
      /** Not searched for `${NAME}`: SQL has its own meaning for `$`. */
      readonly verbatim: boolean;
      /** Takes text as it is, so that a variable's value needs no quotes. */
      readonly text: boolean;
    });

export type SettingValue = Extract<SettingNode, { kind: "value" }>;

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The tree of all settings. */
export function settingTree(): SettingNode {
  return toNode(z.toJSONSchema(configSchema, { io: "input" }), true);
}

/** The setting at a path of keys and list positions; undefined where the schema has none. */
export function settingAt(tree: SettingNode, path: readonly PropertyKey[]): SettingNode | undefined {
  let node: SettingNode | undefined = tree;
  for (const part of path) {
    if (node === undefined || node.kind === "value") return undefined;
    node = node.kind === "group" ? node.members.get(String(part)) : node.each;
  }
  return node;
}

/** Text from outside of the file as the setting takes it: text as it is, anything else as YAML; what is no YAML stays text. */
export function readText(text: string, node: SettingNode): unknown {
  if (node.kind === "value" && node.text) return text;
  try {
    return parse(text);
  } catch {
    return text;
  }
}

function toNode(schema: JsonSchema, required: boolean): SettingNode {
  const described = {
    type: typeOf(schema),
    description: schema.description ?? "",
    fallback: schema.default,
    required,
  };
  if (schema.properties !== undefined) {
    const names = new Set(schema.required);
    const members = Object.entries(schema.properties).map(
      ([name, member]) => [name, toNode(schemaOf(member), names.has(name))] as const,
    );
    return { ...described, kind: "group", members: new Map(members) };
  }
  if (schema.type === "object") {
    return { ...described, kind: "map", each: toNode(schemaOf(schema.additionalProperties), true) };
  }
  if (schema.type === "array") {
    const each = Array.isArray(schema.items) ? undefined : schema.items;
    return { ...described, kind: "list", each: toNode(schemaOf(each), true) };
  }
  return {
    ...described,
    kind: "value",
    unit: unitOf(schema),
    secret: schema.secret === true,
    verbatim: schema.verbatim === true,
    text: takesText(schema),
  };
}

function schemaOf(schema: z.core.JSONSchema._JSONSchema | undefined): JsonSchema {
  return typeof schema === "object" ? schema : {};
}

function unitOf(schema: JsonSchema): SettingValue["unit"] {
  return schema.unit === "duration" || schema.unit === "size" ? schema.unit : null;
}

function takesText(schema: JsonSchema): boolean {
  return schema.anyOf === undefined
    ? schema.type === "string"
    : schema.anyOf.every((option) => takesText(schemaOf(option)));
}

const WORDS: Readonly<Record<string, string>> = { string: "text", number: "number", boolean: "true or false" };

function typeOf(schema: JsonSchema): string {
  const unit = unitOf(schema);
  if (unit !== null) return unit;
  if (schema.anyOf !== undefined) return schema.anyOf.map((option) => typeOf(schemaOf(option))).join(" or ");
  if (schema.enum !== undefined) return `one of ${schema.enum.join(", ")}`;
  if (schema.examples?.[0] !== undefined) return `text such as ${schema.examples[0]}`;
  if (schema.const !== undefined) return String(schema.const);
  if (Array.isArray(schema.type)) return schema.type.map((name) => WORDS[name] ?? name).join(", ");
  switch (schema.type) {
    case "integer":
      return `whole number, ${bounds(schema)}`;
    case "array":
      return `list of ${plural(Array.isArray(schema.items) ? undefined : schema.items)}`;
    case "object":
      return schema.properties === undefined ? `map of ${plural(schema.additionalProperties)}` : "map of settings";
    default:
      return WORDS[schema.type ?? ""] ?? "value";
  }
}

function plural(schema: z.core.JSONSchema._JSONSchema | undefined): string {
  const type = typeOf(schemaOf(schema));
  return type === "map of settings" ? "maps" : type === "text" ? "texts" : type;
}

function bounds(schema: JsonSchema): string {
  // Where the schema sets no maximum, zod writes the largest safe integer: not worth a reader's time.
  const open = schema.maximum === undefined || schema.maximum === Number.MAX_SAFE_INTEGER;
  return open ? `at least ${schema.minimum}` : `${schema.minimum} to ${schema.maximum}`;
}
