import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMappedText } from "../../../src/template/source-map.ts";
import { withSeed } from "../config/with-seed.ts";

describe("mapped text", () => {
  it("remembers where each character came from", () => {
    withSeed(
      fc.property(
        fc.array(
          fc.record({ source: fc.string({ maxLength: 5 }), replacement: fc.option(fc.string({ maxLength: 8 })) }),
        ),
        (pieces) => {
          const source = pieces.map((piece) => piece.source).join("");
          const builder = createMappedText(source);
          const expected: number[] = [];
          let at = 0;
          for (const { source: text, replacement } of pieces) {
            if (replacement === null) builder.copy(at, at + text.length);
            else builder.replace(replacement, at);
            const start = at;
            const length = (replacement ?? text).length;
            for (let index = 0; index < length; index += 1) expected.push(replacement === null ? start + index : start);
            at += text.length;
          }
          const { text, toSource } = builder.build();
          expect(text).toBe(pieces.map((piece) => piece.replacement ?? piece.source).join(""));
          expect(Array.from({ length: text.length }, (_, index) => toSource(index))).toEqual(expected);
        },
      ),
    );
  });

  it("leads the end to the end, and nothing to the beginning", () => {
    const builder = createMappedText("abc");
    builder.copy(0, 3);
    expect(builder.build().toSource(3)).toBe(3);
    expect(createMappedText("abc").build().toSource(0)).toBe(0);
  });
});
