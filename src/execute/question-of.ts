import { createHash } from "node:crypto";

const LITERAL = /"(?:[^"]|"")*"|'(?:[^']|'')*'|\b\d{9,}\b/g;
const TIME = /^'\d{4}-\d\d-\d\d/;
const MINUTE_MS = 60_000;

/**
 * A key of an arm's text that is the same for the same panel a little later: its times count by how many minutes they are away, to a factor of two,
 * and numbers as large as epochs not at all. A longer range, another value, table or column is another question.
 */
export function questionOf(sql: string, nowMs: number = Date.now()): string {
  const question = sql.replaceAll(LITERAL, (literal) => {
    if (/^\d/.test(literal)) return "epoch";
    const ms = TIME.test(literal) ? Date.parse(literal.slice(1, -1)) : Number.NaN;
    if (Number.isNaN(ms)) return literal;
    return `time ${Math.floor(Math.log2(Math.max(1, Math.abs(nowMs - ms) / MINUTE_MS)))}`;
  });
  return createHash("sha256").update(question).digest("base64");
}
