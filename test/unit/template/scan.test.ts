import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { MACROS } from "../../../src/template/macros.ts";
import { macroFunction, tenantName } from "../../../src/template/reserved.ts";
import { scanTemplate } from "../../../src/template/scan.ts";
import { withSeed } from "../config/with-seed.ts";

/** Pieces of SQL without a placeholder or a macro, each complete in itself. */
const plainPiece = fc.constantFrom(
  "SELECT ",
  " FROM t ",
  "a$b",
  "x_1",
  "'it''s $ ok'",
  '"a ""b"""',
  "E'\\'$x$'",
  "U&'\\0041'",
  "$$ $__timeFilter( $$",
  "$q$ ' $q$",
  "'$__timeFilter(x)'",
  "1.5e3",
  "$1",
  "5m",
  "(",
  ")",
  "||",
  "ü🐘",
  "::text",
  ";",
  "\n\t",
);

/** A piece that the scanner replaces: its text, what stands for it, and how many of its last characters stay. */
const replacedPiece = fc.constantFrom<{ readonly text: string; readonly out: string; readonly kept?: number }>(
  { text: "$<tenant>", out: tenantName(0) },
  { text: "$__interval", out: `${macroFunction("__interval")}()` },
  { text: "$__interval_ms", out: `${macroFunction("__interval_ms")}()` },
  // Comments mean nothing, whatever they hold.
  { text: "-- $<tenant> '\r", out: " \r", kept: 1 },
  { text: "/* $<tenant> /* ' */ $__x( */", out: " " },
);

describe("scanTemplate", () => {
  it("leaves a text without placeholders and macros as it is, every place its own", () => {
    withSeed(
      fc.property(fc.array(plainPiece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join(" ");
        const { sql, selectors, standIns } = scanTemplate(text);
        expect(sql.text).toBe(text);
        expect(selectors).toEqual([]);
        expect(standIns).toEqual([]);
        for (let at = 0; at < text.length; at += 1) expect(sql.toSource(at)).toBe(at);
      }),
    );
  });

  it("leads every place of the scanned text back to the right piece", () => {
    withSeed(
      fc.property(fc.array(fc.oneof(plainPiece, replacedPiece), { maxLength: 30 }), (pieces) => {
        const source = pieces.map((piece) => (typeof piece === "string" ? piece : piece.text)).join(" ");
        const { sql } = scanTemplate(source);
        let [inSource, inOut] = [0, 0];
        for (const piece of pieces) {
          const out = typeof piece === "string" ? piece : piece.out;
          expect(sql.text.slice(inOut, inOut + out.length)).toBe(out);
          const replaced = typeof piece === "string" ? 0 : out.length - (piece.kept ?? 0);
          for (let index = 0; index < out.length; index += 1) {
            const place =
              index < replaced
                ? inSource
                : inSource + index + (typeof piece === "string" ? 0 : piece.text.length - out.length);
            expect(sql.toSource(inOut + index)).toBe(place);
          }
          inSource += (typeof piece === "string" ? piece : piece.text).length + 1;
          inOut += out.length + 1;
        }
      }),
    );
  });

  it("throws nothing but errors for people, with a place inside the text", () => {
    const fragment = fc.constantFrom(
      ..."'\"$<>:~|=!()/*-\\\n eEuU&xX;,1m".split(""),
      "$<tenant",
      "$__timeGroup(",
      "$q$",
      "AS ",
      "é",
    );
    withSeed(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.array(fragment, { maxLength: 40 }).map((all) => all.join("")),
        ),
        (text) => {
          try {
            const { sql } = scanTemplate(text);
            expect(sql.toSource(sql.text.length)).toBeLessThanOrEqual(text.length);
          } catch (error) {
            expect(error).toBeInstanceOf(AppError);
            if (error instanceof AppError && error.position !== undefined) {
              expect(error.position.offset).toBeLessThanOrEqual(text.length);
              expect(error.message).not.toContain("__tnt_");
            }
          }
        },
      ),
      2_000,
    );
  });

  it("numbers different selectors, and equal ones alike", () => {
    const { sql, selectors } = scanTemplate("$<tenant:plan=a>_x $<tenant> $<tenant:plan=a>.y '$<tenant:b|c>'");
    expect(sql.text).toBe(`${tenantName(0)}_x ${tenantName(1)} ${tenantName(0)}.y '${tenantName(2)}'`);
    expect(selectors.map(({ items }) => items.length)).toEqual([1, 0, 1]);
  });

  it("quotes an interval that Grafana left bare, in a macro's parentheses only", () => {
    expect(scanTemplate("$__timeGroup(a, 5m) + 5m").sql.text).toBe("__tnt_m___timegroup(a, '5m') + 5m");
    expect(scanTemplate("$__timeGroup(f(a, 1h30m), 5m)").sql.text).toBe("__tnt_m___timegroup(f(a, '1h30m'), '5m')");
  });

  it.each([...MACROS.values()])("knows $name, in its own spelling only", ({ name, bare }) => {
    const call = bare ? "" : "(x)";
    expect(scanTemplate(`SELECT $${name}${call}`).sql.text).toBe(`SELECT ${macroFunction(name)}${bare ? "()" : call}`);
    expect(() => scanTemplate(`SELECT $${name.toUpperCase()}${call === "" ? "()" : call}`)).toThrow("unknown macro");
  });

  it.each([
    ["SELECT 'x", "unterminated string"],
    ['SELECT "x', "unterminated quoted identifier"],
    ["SELECT $$ x", "unterminated dollar-quoted string"],
    ["SELECT /* /* */", "unterminated comment"],
    ["SELECT 1\0; DROP TABLE x", "the SQL has a NUL character"],
    ["SELECT '\ud800'", "the SQL has half of a surrogate pair, which is no character"],
    ["SELECT __TNT_0__", "names that contain __tnt_ are reserved"],
    ["SELECT '__tnt_l_0__'", "names that contain __tnt_ are reserved"],
  ])("refuses %s", (text, message) => {
    expect(() => scanTemplate(text)).toThrow(expect.objectContaining({ code: "QUERY_SYNTAX", message }));
  });
});
