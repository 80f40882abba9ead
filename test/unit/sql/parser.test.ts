import { afterEach, describe, expect, it } from "vitest";
import type { Observation } from "../../../src/observation.ts";
import { createParser, type Parser, SqlSyntaxError } from "../../../src/sql/parser.ts";

const observed: Observation[] = [];
let parser: Parser = createParser({ observe: (observation) => observed.push(observation) });

afterEach(async () => {
  await parser.close();
  observed.length = 0;
  parser = createParser({ observe: (observation) => observed.push(observation) });
});

async function syntaxError(sql: string): Promise<SqlSyntaxError> {
  const error = await parser.parse(sql).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SqlSyntaxError)) throw new Error(`no syntax error but ${error}`);
  return error;
}

describe("parser", () => {
  it("survives forty texts of 30 kB and parses the next one", async () => {
    const long = `SELECT 1${"+1".repeat(15_000)}`;
    for (let round = 0; round < 40; round += 1)
      await expect(parser.parse(long)).rejects.toMatchObject({
        code: "QUERY_FORBIDDEN",
        message: "the SQL has 30002 tokens; at most 4000 are allowed",
      });
    expect((await parser.parse("SELECT 1")).stmts).toHaveLength(1);
    // The texts were refused before they could break anything.
    expect(observed).toEqual([]);
  }, 60_000);

  it.each([
    ["a chain", `SELECT 1${"+1".repeat(1_900)}`],
    ["NOT", `SELECT ${"NOT ".repeat(3_900)}true`],
    ["arrays", `SELECT ${"ARRAY[".repeat(1_300)}1${"]".repeat(1_300)}`],
    ["sub-selects", `SELECT ${"(SELECT ".repeat(900)}1${")".repeat(900)}`],
    ["FROM", `SELECT 1 FROM ${"(SELECT 1 FROM ".repeat(500)}t${") x".repeat(500)}`],
  ])("refuses what is nested too deeply: %s", async (_, sql) => {
    await expect(parser.parse(sql)).rejects.toMatchObject({
      code: "QUERY_FORBIDDEN",
      message: "the SQL is nested too deeply to be parsed",
    });
    expect((await parser.parse("SELECT 1")).stmts).toHaveLength(1);
  });

  it("parses up to its limit", async () => {
    expect((await parser.parse(`SELECT 1${"+1".repeat(250)}`)).stmts).toHaveLength(1);
    expect((await parser.parse(`SELECT ${Array.from({ length: 1_900 }, () => "1").join(", ")}`)).stmts).toHaveLength(1);
  });

  it("tells where the text is wrong, in UTF-16 units", async () => {
    expect(await syntaxError("SELECT 1 FROM WHERE")).toMatchObject({
      message: 'syntax error at or near "WHERE"',
      offset: 14,
    });
    expect((await syntaxError("SELECT '🐘', FROM t")).offset).toBe("SELECT '🐘', ".length);
    expect((await syntaxError("SELECT 'é' 1")).offset).toBe(11);
  });

  it.each([
    ["SELECT 'x", "unterminated quoted string", 7],
    ['SELECT "x', "unterminated quoted identifier", 7],
    ["SELECT 1 /* x", "unterminated /* comment", 9],
    ["SELECT $q$ x", "unterminated dollar-quoted string", 7],
    ["SELECT E'\\", "unterminated quoted string", 7],
  ])("refuses %s", async (sql, message, offset) => {
    const error = await syntaxError(sql);
    expect(error.message).toContain(message);
    expect(error.offset).toBe(offset);
  });

  it("answers each of many texts at once with its own tree", async () => {
    const trees = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        parser.parse(index % 3 === 0 ? `SELECT FROM ${index}` : `SELECT ${index}`).then(
          (tree) => JSON.stringify(tree).includes(`"ival":${index}`),
          (error: unknown) => (error instanceof SqlSyntaxError ? "syntax" : error),
        ),
      ),
    );
    expect(trees).toEqual(Array.from({ length: 60 }, (_, index) => (index % 3 === 0 ? "syntax" : true)));
  });

  it("counts the tokens of every text that can have too many", async () => {
    const shortest = `SELECT 1${",1".repeat(2_000)}`;
    await expect(parser.parse(shortest)).rejects.toMatchObject({
      message: "the SQL has 4002 tokens; at most 4000 are allowed",
    });
  });

  it("gives everyone who asks for a text a tree of their own", async () => {
    const [first, second] = [await parser.parse("SELECT 1"), await parser.parse("SELECT 1")];
    expect(second).toEqual(first);
    first.stmts = [];
    second.stmts?.pop();
    expect((await parser.parse("SELECT 1")).stmts).toHaveLength(1);
  });

  it("gives each of those who ask for one text at once a tree of their own, or the same error", async () => {
    const [first, second] = await Promise.all([parser.parse("SELECT 1"), parser.parse("SELECT 1")]);
    expect(second).toEqual(first);
    expect(second.stmts).not.toBe(first?.stmts);
    const refused = await Promise.allSettled([parser.parse("SELECT FROM WHERE"), parser.parse("SELECT FROM WHERE")]);
    expect(refused.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  it("remembers no text that was refused", async () => {
    for (let time = 0; time < 2; time += 1) await syntaxError("SELECT FROM WHERE");
    await parser.parse("SELECT 1");
    await syntaxError("SELECT FROM WHERE");
  });

  it("parses what came together with a text that breaks it", async () => {
    const texts = ["SELECT 1", `SELECT ${"NOT ".repeat(3_900)}true`, "SELECT 2", "SELECT FROM WHERE"];
    const settled = await Promise.allSettled(texts.map((sql) => parser.parse(sql)));
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
    expect(settled[3]).toMatchObject({ reason: { name: "SqlSyntaxError" } });
  });

  it("rejects what waits when it is closed", async () => {
    await parser.parse("SELECT 1");
    const waiting = parser.parse("SELECT 2").catch((error: unknown) => error);
    await parser.close();
    expect(await waiting).toMatchObject({ code: "SHUTTING_DOWN" });
    await expect(parser.parse("SELECT 3")).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });
});
