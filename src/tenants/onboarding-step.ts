import { quoteIdentifier, quoteLiteral } from "../postgres/quote.ts";

/** What a step does. */
export type StepKind =
  | "create extension"
  | "create schema"
  | "create domain"
  | "create server"
  | "alter server"
  | "create user mapping"
  | "alter user mapping"
  | "create foreign table"
  | "alter foreign table"
  | "drop foreign table"
  | "add column"
  | "alter column"
  | "drop column"
  | "grant";

/** One statement of a plan. */
export interface OnboardingStep {
  readonly kind: StepKind;
  /** The tenant that it is for; null for what all tenants share. */
  readonly tenant: string | null;
  /** The statement with `'***'` for every password. */
  readonly printable: string;
  /** The statement as it runs. A function, so that printing or serialising a plan cannot show a password. */
  readonly statement: () => string;
}

/** How a statement writes a secret: hidden or as a literal. */
type WriteSecret = (secret: string) => string;

/** Makes a step of a statement that holds no secret. */
export function plainStep(kind: StepKind, tenant: string | null, sql: string): OnboardingStep {
  return { kind, tenant, printable: sql, statement: () => sql };
}

/** Makes a step of a statement whose secrets are written by the function that it is given. */
export function secretStep(kind: StepKind, tenant: string, write: (secret: WriteSecret) => string): OnboardingStep {
  return { kind, tenant, printable: write(() => "'***'"), statement: () => write(quoteLiteral) };
}

/** `OPTIONS (name 'value', …)` for something new. */
export function newOptions(options: Iterable<readonly [string, string]>, write: WriteSecret = quoteLiteral): string {
  return `OPTIONS (${[...options].map(([key, value]) => `${quoteIdentifier(key)} ${write(value)}`).join(", ")})`;
}

/** Options as they should be and as they are. */
export interface OptionChanges {
  readonly wanted: ReadonlyMap<string, string>;
  readonly present: ReadonlyMap<string, string>;
  /** Options that are taken away when they are not wanted; others stay. */
  readonly managed?: ReadonlySet<string>;
}

/** `OPTIONS (SET …, ADD …, DROP …)` that turns the present options into the wanted ones; null when nothing differs. */
export function changedOptions(changes: OptionChanges, write: WriteSecret = quoteLiteral): string | null {
  const { wanted, present, managed } = changes;
  const items: string[] = [];
  for (const [key, value] of wanted) {
    const now = present.get(key);
    if (now !== value) items.push(`${now === undefined ? "ADD" : "SET"} ${quoteIdentifier(key)} ${write(value)}`);
  }
  for (const key of present.keys()) {
    if (managed?.has(key) === true && !wanted.has(key)) items.push(`DROP ${quoteIdentifier(key)}`);
  }
  return items.length === 0 ? null : `OPTIONS (${items.join(", ")})`;
}
