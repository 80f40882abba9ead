/**
 * Names that stand for a placeholder or a macro while the text is with PostgreSQL's parser. They all begin with one
 * prefix, which users' texts may not contain, so nothing that a user writes can be taken for one.
 */
export const RESERVED_PREFIX = "__tnt_";

/** The stand-in for `$<tenant>`; `selector` counts the template's different selectors. */
export function tenantName(selector: number): string {
  return `${RESERVED_PREFIX}${selector}__`;
}

/** The function name that stands for a macro; lower case, since the lexer folds it. */
export function macroFunction(name: string): string {
  return `${RESERVED_PREFIX}m_${name.toLowerCase()}`;
}

/** Any stand-in, as `tenantName` and `macroFunction` write them. */
export const STAND_IN = new RegExp(`${RESERVED_PREFIX}(?:\\d+__|m_[a-z_]+)`, "g");

const TENANT = new RegExp(`${RESERVED_PREFIX}(\\d+)__`, "g");
const TENANT_WITHOUT_GROUP = new RegExp(`${RESERVED_PREFIX}\\d+__`);
const TENANT_ALONE = new RegExp(`^${RESERVED_PREFIX}(\\d+)__$`);

/** Indexes of the selectors that `text` has stand-ins of. */
export function selectorsIn(text: string): number[] {
  return [...text.matchAll(TENANT)].map((match) => Number(match[1]));
}

/** True when `text` has a stand-in for `$<tenant>` anywhere. */
export function mentionsTenant(text: string): boolean {
  return text.includes(RESERVED_PREFIX) && selectorsIn(text).length > 0;
}

/** The selector's index when `text` is a stand-in and nothing else, otherwise null. */
export function loneSelector(text: string): number | null {
  const match = TENANT_ALONE.exec(text);
  return match === null ? null : Number(match[1]);
}

/** `text` with each stand-in replaced by what `replacement` gives. */
export function replaceTenant(text: string, replacement: (selector: number) => string): string {
  return text.replaceAll(TENANT, (_, selector: string) => replacement(Number(selector)));
}

/** The text between the stand-ins: `replaceTenant` for many tenants is a join of these. */
export function splitAtTenant(text: string): readonly string[] {
  return text.split(TENANT_WITHOUT_GROUP);
}
