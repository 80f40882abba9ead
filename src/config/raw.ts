/** Settings before they are checked: what YAML gives, with overrides laid over it. */
export type RawPath = readonly (string | number)[];

/** True for a plain map, as YAML and JSON make them. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a path, or undefined. */
export function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)];
    else value = isMap(value) && Object.hasOwn(value, part) ? value[String(part)] : undefined;
  }
  return value;
}

/** A copy of `root` with `value` at `path`; what is missing or of another kind on the way there becomes a map or a list. */
export function withValueAt(root: unknown, path: RawPath, value: unknown): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  if (typeof part === "number") {
    const list: unknown[] = Array.isArray(root) ? [...root] : [];
    list[part] = withValueAt(list[part], rest, value);
    return list;
  }
  const map = isMap(root) ? root : {};
  return { ...map, [part]: withValueAt(valueAt(map, [part]), rest, value) };
}
