import { Worker } from "node:worker_threads";
import type { ParseResult } from "libpg-query";
import { z } from "zod";
import { AppError } from "../errors.ts";
import type { Observe } from "../observation.ts";
import { createTimeMark, liftTimes } from "./lift-times.ts";
import { createParseMemory } from "./parse-memory.ts";

/** PostgreSQL's own parser, in a worker that is replaced when a text breaks it. */
export interface Parser {
  /**
   * The tree of `sql`, the caller's own; that of a text that was parsed lately, whatever its times, is remembered. Rejects with `SqlSyntaxError` for what PostgreSQL's parser refuses, with QUERY_FORBIDDEN for
   * texts of too many tokens or too deep a nesting.
   */
  parse(sql: string): Promise<ParseResult>;
  close(): Promise<void>;
}

/** A text that PostgreSQL's parser refuses; `offset` is in UTF-16 units of the text given. */
export class SqlSyntaxError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = "SqlSyntaxError";
    this.offset = offset;
  }
}

// 6,000 terms never broke the parser in 600 rounds on the default stack, 8,000 did from the seventh round on.
const MAX_TOKENS = 4_000;
// Structured clone and our own walks recurse; 300 operators in a chain make a path of about this length.
const MAX_DEPTH = 900;
// A panel's query parses in under a millisecond; one that takes this long is stuck or hostile.
const PARSE_TIMEOUT_MS = 2_000;

// About 8 MB at two bytes a character; the trees of a dashboard's queries have a few kB each.
const MEMORY_CHARACTERS = 4_000_000;

const tree = z.custom<ParseResult>((value) => typeof value === "object" && value !== null);

const reply = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready") }),
  // As JSON, which crosses threads and becomes a tree in less time than the clone of a tree.
  z.object({ kind: z.literal("parsed"), id: z.number(), tree: z.string() }),
  z.object({
    kind: z.literal("syntax"),
    id: z.number(),
    details: z.object({ message: z.string(), cursorPosition: z.number() }),
  }),
  z.object({ kind: z.literal("too-many-tokens"), id: z.number(), tokens: z.number() }),
  z.object({ kind: z.literal("too-deep"), id: z.number() }),
  z.object({ kind: z.literal("trap"), id: z.number() }),
]);

interface Job {
  readonly sql: string;
  /** Takes the tree as JSON. */
  readonly resolve: (tree: string) => void;
  readonly reject: (error: Error) => void;
  /** Runs from when the worker can take texts: loading it takes long on a busy machine, and is not the text's fault. */
  timer: NodeJS.Timeout | undefined;
}

/** Starts the worker at the first text. `close()` ends it; texts that wait, or come later, are rejected. */
export function createParser({ observe }: { readonly observe: Observe }): Parser {
  let worker: Worker | null = null;
  let ready: Worker | null = null;
  let closed = false;
  let nextId = 0;
  const mark = createTimeMark();
  const memory = createParseMemory({ maxCharacters: MEMORY_CHARACTERS });
  const jobs = new Map<number, Job>();
  const running = new Map<string, Promise<string>>();
  let unsent: number[] = [];

  const settle = (id: number): Job | undefined => {
    const job = jobs.get(id);
    if (job !== undefined) clearTimeout(job.timer);
    jobs.delete(id);
    return job;
  };

  const tooDeep = () =>
    new AppError("QUERY_FORBIDDEN", "the SQL is nested too deeply to be parsed", {
      hint: "break the expression into simpler ones",
    });

  const replace = (broken: Worker, cause: "trap" | "timeout") => {
    if (worker !== broken) return;
    worker = null;
    observe({ kind: "parser.replaced", cause });
    const waiting = [...jobs.entries()];
    for (const [id] of waiting) settle(id);
    void broken.terminate();
    // Those that merely waited behind the broken text are parsed by the next worker.
    for (const [, job] of waiting) parse(job.sql).then(job.resolve, job.reject);
  };

  const startTimer = (id: number, by: Worker) => {
    const job = jobs.get(id);
    if (job === undefined) return;
    job.timer = setTimeout(() => {
      settle(id)?.reject(tooDeep());
      replace(by, "timeout");
    }, PARSE_TIMEOUT_MS);
  };

  const start = (): Worker => {
    const started = new Worker(new URL("./parse-worker.mjs", import.meta.url), { resourceLimits: { stackSizeMb: 16 } });
    started.unref();
    started.on("message", (message: unknown) => {
      const parsed = reply.parse(message);
      if (parsed.kind === "ready") {
        if (worker !== started) return;
        ready = started;
        for (const id of jobs.keys()) startTimer(id, started);
        return;
      }
      const job = settle(parsed.id);
      if (parsed.kind === "parsed") {
        if (job !== undefined) memory.set(job.sql, parsed.tree);
        job?.resolve(parsed.tree);
      } else if (parsed.kind === "syntax")
        job?.reject(
          new SqlSyntaxError(parsed.details.message, codePointsToUnits(job.sql, parsed.details.cursorPosition)),
        );
      else if (parsed.kind === "too-many-tokens") {
        job?.reject(
          new AppError("QUERY_FORBIDDEN", `the SQL has ${parsed.tokens} tokens; at most ${MAX_TOKENS} are allowed`, {
            hint: "split the query, or move its constants into a parameter",
          }),
        );
      } else if (parsed.kind === "too-deep") job?.reject(tooDeep());
      else {
        job?.reject(tooDeep());
        replace(started, "trap");
      }
    });
    started.on("error", (error) => {
      // Texts are read in their order, so the oldest is what ended the worker; read again, it would end the next one, too.
      const [oldest] = jobs.keys();
      if (ready === started && oldest !== undefined) settle(oldest)?.reject(tooDeep());
      else
        for (const id of [...jobs.keys()])
          settle(id)?.reject(new AppError("INTERNAL", "the SQL parser cannot be started", { cause: error }));
      replace(started, "trap");
    });
    return started;
  };

  /** A text that is with the worker is not sent again. */
  const parseOnce = (sql: string): Promise<string> => {
    const known = running.get(sql);
    if (known !== undefined) return known;
    const tree = parse(sql).finally(() => running.delete(sql));
    running.set(sql, tree);
    return tree;
  };

  const parse = (sql: string): Promise<string> =>
    new Promise((resolve, reject) => {
      // A request that was given up may still be on its way here: a worker of its own would keep the program alive.
      if (closed) return reject(stopping());
      worker ??= start();
      const current = worker;
      const id = nextId++;
      jobs.set(id, { sql, resolve, reject, timer: undefined });
      if (ready === current) startTimer(id, current);
      // Waking a thread takes as long as a small text: those that come together go together.
      if (unsent.push(id) === 1) queueMicrotask(() => send());
    });

  const send = () => {
    const texts = unsent.flatMap((id) => {
      const sql = jobs.get(id)?.sql;
      return sql === undefined ? [] : [{ id, sql }];
    });
    unsent = [];
    if (texts.length > 0) worker?.postMessage({ texts, maxTokens: MAX_TOKENS, maxDepth: MAX_DEPTH });
  };

  return {
    async parse(sql) {
      const { text, restore } = liftTimes(sql, mark);
      try {
        return readTree(restore(memory.get(text) ?? (await parseOnce(text))));
      } catch (error) {
        // PostgreSQL's message may quote a time.
        if (text === sql || !(error instanceof SqlSyntaxError)) throw error;
        return readTree(await parseOnce(sql));
      }
    },
    close: async () => {
      const current = worker;
      closed = true;
      worker = null;
      for (const [id] of [...jobs]) settle(id)?.reject(stopping());
      await current?.terminate();
    },
  };
}

function stopping(): AppError {
  return new AppError("SHUTTING_DOWN", "the server is stopping");
}

function readTree(json: string): ParseResult {
  return tree.parse(JSON.parse(json));
}

/** PostgreSQL counts its error positions in characters (code points), JavaScript in UTF-16 units. */
export function codePointsToUnits(text: string, codePoints: number): number {
  let units = 0;
  for (let count = 0; count < codePoints && units < text.length; count += 1)
    units += (text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1;
  return units;
}
