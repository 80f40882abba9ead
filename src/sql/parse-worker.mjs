// Plain JavaScript, since Node 20 cannot start a worker from TypeScript.
// PostgreSQL's parser is WebAssembly: a text that overflows its stack leaves it broken for every later text, so it lives
// here and not in the main thread, and the owner replaces the worker after any trap.
import { parentPort } from "node:worker_threads";
import { loadModule, parseSync, scanSync } from "libpg-query";

/** @typedef {{ texts: { id: number, sql: string }[], maxTokens: number, maxDepth: number }} ParseJobs */

await loadModule();

if (parentPort === null) throw new Error("runs as a worker only");
const port = parentPort;

/**
 * True when the tree has a path longer than `limit`. Iterative, because what it guards against is a stack overflow.
 * @param {unknown} tree
 * @param {number} limit
 */
function isDeeperThan(tree, limit) {
  let level = [tree];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > limit) return true;
    /** @type {unknown[]} */
    const below = [];
    for (const node of level) {
      if (typeof node === "object" && node !== null) for (const inside of Object.values(node)) below.push(inside);
    }
    level = below;
  }
  return false;
}

/**
 * Tokens in the text. The scanner is iterative and safe; a text that it refuses goes to the parser for the better message.
 * @param {string} sql
 */
function countTokens(sql) {
  try {
    return scanSync(sql).tokens.length;
  } catch (error) {
    if (error instanceof SyntaxError) return 0;
    throw error;
  }
}

/**
 * What the owner is told of one text.
 * @param {{ id: number, sql: string }} text
 * @param {{ maxTokens: number, maxDepth: number }} limits
 */
function read({ id, sql }, { maxTokens, maxDepth }) {
  try {
    // A token has a character at least, so a short text needs no counting.
    const tokens = sql.length > maxTokens ? countTokens(sql) : 0;
    if (tokens > maxTokens) return { id, kind: "too-many-tokens", tokens };
    const tree = parseSync(sql);
    return isDeeperThan(tree, maxDepth) ? { id, kind: "too-deep" } : { id, kind: "parsed", tree: JSON.stringify(tree) };
  } catch (error) {
    const details = error instanceof Error && "sqlDetails" in error ? error.sqlDetails : undefined;
    return details === undefined ? { id, kind: "trap" } : { id, kind: "syntax", details };
  }
}

port.on("message", (/** @type {ParseJobs} */ { texts, ...limits }) => {
  for (const text of texts) port.postMessage(read(text, limits));
});
port.postMessage({ kind: "ready" });
