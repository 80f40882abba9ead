import { readdir, readFile } from "node:fs/promises";
import { DANGEROUS_FUNCTIONS, REFUSED_QUERIES, REFUSED_STATEMENTS } from "../unit/sql/guard-cases.ts";
import { KIND_EXAMPLES } from "../unit/sql/kind-examples.ts";

/** Whole numbers from 0 to below `bound`, the same ones for the same seed. */
export type Random = (bound: number) => number;

/** Mulberry32: 32 bits of state are plenty for texts. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}

/** Templates of the documentation, of the golden files and of the guard's tests. */
export async function readCorpus(): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const file of await readdir("docs")) {
    if (!file.endsWith(".md")) continue;
    const markdown = await readFile(`docs/${file}`, "utf8");
    for (const block of markdown.matchAll(/```sql[^\n]*\n(.*?)```/gs)) texts.push(block[1] ?? "");
  }
  for (const file of await readdir("test/golden/sql")) {
    if (file.endsWith(".sql"))
      texts.push(...(await readFile(`test/golden/sql/${file}`, "utf8")).split(/^-- case: .*$/m));
  }
  texts.push(...REFUSED_QUERIES.map(([sql]) => sql), ...REFUSED_STATEMENTS.map(([sql]) => sql));
  texts.push(...Object.values(KIND_EXAMPLES).map((sql) => sql.replace(/\bFROM t\b/, "FROM $<tenant>_orders t")));
  return texts.map((text) => text.trim()).filter((text) => text !== "");
}

/** Pieces that matter to some stage: placeholders, macros, stand-ins, other tenants' tables, catalogs, ends of literals. */
const PIECES: readonly string[] = [
  ..."SELECT|FROM|WHERE|UNION ALL|EXCEPT|JOIN|LEFT JOIN|CROSS JOIN|LATERAL|USING (id)|ON true|GROUP BY|ORDER BY|LIMIT 1|OFFSET 1|WITH c AS (".split(
    "|",
  ),
  ..."WITH RECURSIVE|AS x|AS|(|)|,|;|.|*|::text|::regclass|'|\"|$$|E'\\'|U&\"\\0061\"|/*|*/|--|\n|\0|é|𝔘|\ud800|1|1e999|NULL|true".split(
    "|",
  ),
  ..."$<tenant>|$<tenant>_orders|$<tenant:a-b>_entities|$<tenant:plan=pro>.orders|$<tenant:~\"a.*\">_jobs|'$<tenant>'|$<|$<tenant:|$<other>".split(
    "|",
  ),
  ..."$__timeFilter(placed_at)|$__timeGroup(placed_at, 5m)|$__timeGroup(placed_at, '1m', NULL)|$__interval|$__from|$param(kind)|$param(top)|$1".split(
    "|",
  ),
  ...'__tnt_0__|__tnt_r_0__|fleet.a-b_orders|"fleet"."a-b_orders"|"o\'hara_orders"|public.plans|plans|pg_class|pg_catalog.pg_proc'.split(
    "|",
  ),
  ..."o.status|(o).status|o.row_of|tenant|c.tenant|count(*)|sum(amount) OVER ()|now()|FOR UPDATE|INTO x|INSERT INTO|COPY|TABLE plans|VALUES (1)".split(
    "|",
  ),
  ...DANGEROUS_FUNCTIONS.slice(0, 12).map((name) => `${name}('x')`),
];

const TOKEN = /\$<[^>]*>|\$?\w+|'[^']*'|"[^"]*"|\s+|[^\w\s]/gu;

/** A few tokens of `text` taken out, doubled, exchanged, or replaced by pieces or by another text's. */
export function mutate(text: string, other: string, random: Random): string {
  const tokens = text.match(TOKEN) ?? [];
  const others = other.match(TOKEN) ?? [];
  for (let count = 1 + random(3); count > 0; count -= 1) {
    const at = random(tokens.length + 1);
    const piece = PIECES[random(PIECES.length)] ?? "";
    const change = random(6);
    if (change === 0) tokens.splice(at, 1 + random(3));
    else if (change === 1) tokens.splice(at, 0, ` ${piece} `);
    else if (change === 2) tokens.splice(at, 1, ` ${piece} `);
    else if (change === 3) tokens.splice(at, 0, ...tokens.slice(at, at + 1 + random(6)));
    else if (change === 4) tokens.splice(at, 1, others[random(others.length + 1)] ?? "");
    else {
      const start = random(others.length + 1);
      tokens.splice(at, random(4), ...others.slice(start, start + 1 + random(8)));
    }
  }
  return tokens.join("");
}

/** A whole template put where a query, a table or a value of another may stand, so that the outcome is SQL more often than not. */
export function nest(text: string, other: string, random: Random): string {
  const inner = other.replace(/;\s*$/, "");
  const shapes: readonly (() => string)[] = [
    () => `SELECT * FROM (${inner}) s`,
    () => `WITH w AS (${inner}) SELECT * FROM w`,
    () => `WITH w AS (${inner}) ${text}`,
    () => `${text} UNION ALL ${inner}`,
    () => `SELECT count(*), (${inner}) FROM $<tenant>_orders o`,
    () => `SELECT * FROM (${text}) a JOIN (${inner}) b USING (tenant)`,
    () => `SELECT 1 FROM $<tenant>_orders o WHERE EXISTS (${inner})`,
    () => `SELECT * FROM $<tenant>_orders o, LATERAL (${inner}) l`,
  ];
  return shapes[random(shapes.length)]?.() ?? text;
}

/** Bytes of chance, as characters of which many are of SQL. */
export function noise(random: Random): string {
  const alphabet = "abcSELTFROM$<>tenan_:'\"()[]{},.;*/-+=~@#%&|\\ \n\t0123456789éß𝔘\0\ud800";
  const units = [...alphabet];
  return Array.from({ length: random(200) }, () =>
    random(8) === 0 ? String.fromCharCode(random(0x10000)) : (units[random(units.length)] ?? ""),
  ).join("");
}

/** Texts made to be dear: deep or long, up to a megabyte. */
export function huge(random: Random): string {
  const depth = [50, 200, 800, 5_000, 100_000][random(5)] ?? 50;
  const [open = "(", close = ")"] = [
    ["(", ")"],
    ["(SELECT ", ")"],
    ["ARRAY[", "]"],
    ["NOT ", ""],
    ["1+", ""],
    ["CASE WHEN true THEN ", " END"],
    ["/*", "*/"],
    ["'$<tenant>',", ""],
    ["$__timeGroup(", ",'1m')"],
    ["(SELECT 1 FROM ", ") x"],
    ["lower(", ")"],
    ['$<tenant:~"(a|b){1,9}">.x,', ""],
  ][random(12)] ?? ["(", ")"];
  const text = `SELECT ${open.repeat(depth)}1${close.repeat(depth)} FROM $<tenant>_orders`;
  return text.slice(0, 1_000_000);
}
