import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { matchesSelector, parseSelector } from "../../../src/template/selector.ts";
import { withSeed } from "../config/with-seed.ts";

const FLEET = [
  { name: "acme", labels: { plan: "pro", region: "eu" } },
  { name: "acme-test", labels: { plan: "free", region: "us" } },
  { name: "globex", labels: { plan: "pro", region: "us" } },
  { name: "o'hara", labels: {} },
  { name: "a|b", labels: { plan: "a>b,c" } },
];

function selected(text: string): string[] {
  const selector = parseSelector(text);
  return FLEET.filter((tenant) => matchesSelector(selector, tenant)).map(({ name }) => name);
}

describe("selectors", () => {
  it.each([
    ["*", ["acme", "acme-test", "globex", "o'hara", "a|b"]],
    ["plan=pro", ["acme", "globex"]],
    ["plan=pro,region=us", ["globex"]],
    ["plan!=pro", ["acme-test", "o'hara", "a|b"]],
    [" plan = pro , region != us ", ["acme"]],
    ['plan=""', ["o'hara"]],
    ['plan!=""', ["acme", "acme-test", "globex", "a|b"]],
    ['plan="a>b,c"', ["a|b"]],
    ['plan=~"^p"', ["acme", "globex"]],
    ['plan!~"^(pro|free)$"', ["o'hara", "a|b"]],
    ["plan=~pro", ["acme", "globex"]],
    ['~"^acme"', ["acme", "acme-test"]],
    ['~"^acme$"', ["acme"]],
    ['~"^acme",~"test"', ["acme-test"]],
    ["acme", ["acme"]],
    ["acme|globex|nobody", ["acme", "globex"]],
    [`"o'hara"|"a|b"`, ["o'hara", "a|b"]],
    ["acme|globex,region=us", ["globex"]],
    ["nobody", []],
    // Not a label of the tenant, whatever objects have by birth.
    ['constructor=""', ["acme", "acme-test", "globex", "o'hara", "a|b"]],
    ['toString!=""', []],
  ])("%s", (text, names) => {
    expect(selected(text)).toEqual(names);
  });

  it.each([
    ["", "expected a label or a name at its end"],
    [",", `expected a label or a name at ","`],
    ["plan=", "expected a value at its end"],
    ["plan=pro,", "expected a label or a name at its end"],
    ["plan=pro region=eu", `expected , or the end at "region=eu"`],
    ["acme|", "expected a name at its end"],
    ["plan<5", `expected , or the end at "<5"`],
    ['plan="pro', `expected a closing " at ""pro"`],
    ['~"("', `"(" is no regular expression`],
    ['~"(?=a)"', `"(?=a)" is no regular expression`],
    [`~"${"a".repeat(257)}"`, "a pattern may have 256 characters"],
    ["**", `expected a label or a name at "**"`],
    ["o'hara", `expected , or the end at "'hara"`],
  ])("refuses %s", (text, problem) => {
    expect(() => parseSelector(text)).toThrow(
      expect.objectContaining({ code: "TEMPLATE_SELECTOR", message: `selector "${text}": ${problem}` }),
    );
  });

  it("matches in linear time", () => {
    const selector = parseSelector('~"^(a|a)*(a|b)*(a+)+$"');
    const startedAt = performance.now();
    expect(matchesSelector(selector, { name: `${"a".repeat(5_000)}!`, labels: {} })).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it("throws nothing but errors for people", () => {
    const part = fc.constantFrom(...'"~|=!,*. ()[]ab'.split(""), "plan", "=~", "!~");
    withSeed(
      fc.property(fc.array(part, { maxLength: 15 }), (parts) => {
        try {
          parseSelector(parts.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
      }),
      1_000,
    );
  });
});
