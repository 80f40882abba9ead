/** What a generated template is made of. `$<tenant>` stands in copied blocks only, where its meaning is a plain replacement. */
export interface RandomTemplate {
  /** SELECTs that are copied for each tenant, with the outputs c0, c1, …; their rows have the tenant's name as a last column. */
  readonly blocks: readonly CopiedBlock[];
  /** The whole text, given how each block is read: the block itself for the product, rows that were gathered for the oracle. */
  readonly write: (blocks: readonly string[]) => string;
  readonly columns: readonly RandomColumn[];
  /**
   * A condition of the WHERE on the tenant of the first block, as `t.tenant`: a tenant that it drops may be asked in vain or not at all.
   * Null where there is none.
   */
  readonly narrows: string | null;
  /** True when the order of the rows is part of the answer. */
  readonly ordered: boolean;
}

export interface CopiedBlock {
  readonly sql: string;
  readonly kinds: readonly Kind[];
}

export const KINDS = ["number", "time", "text", "boolean"] as const;
export type Kind = (typeof KINDS)[number];
export type RandomColumn = { readonly name: string; readonly kind: Kind };

/** The columns c0, c1, … of those kinds, and the tenant's where the answer has it. */
export function columnsOf(kinds: readonly Kind[], options: { readonly tenant: boolean }): readonly RandomColumn[] {
  const named = kinds.map((kind, index) => ({ name: `c${index}`, kind }));
  return options.tenant ? [...named, { name: "tenant", kind: "text" as const }] : named;
}

/** The template as a user writes it. */
export function sqlOf({ blocks, write }: RandomTemplate): string {
  return write(blocks.map(({ sql }) => sql));
}
