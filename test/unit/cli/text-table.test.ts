import { describe, expect, it } from "vitest";
import { textTable } from "../../../src/cli/text-table.ts";

const COLUMNS = [
  { name: "tenant", align: "left" },
  { name: "n", align: "right" },
] as const;

describe("textTable", () => {
  it("aligns names left and numbers right", () => {
    expect(
      textTable(COLUMNS, [
        ["acme", "7"],
        ["globex", "1234"],
      ]),
    ).toEqual(["tenant     n", "──────  ────", "acme       7", "globex  1234"]);
  });

  it("cuts the widest column to the terminal's width, and never a narrow one", () => {
    const lines = textTable([...COLUMNS, { name: "text", align: "left" }], [["acme", "12", "x".repeat(80)]], {
      width: 30,
    });
    expect(lines[2]).toBe(`acme    12  ${"x".repeat(17)}…`);
    expect(Math.max(...lines.map((line) => line.length))).toBe(30);
  });

  it("counts wide characters as two and combining ones as none", () => {
    const [header, rule, ...rows] = textTable(
      [
        { name: "a", align: "left" },
        { name: "b", align: "left" },
      ],
      [
        ["日本", "x"],
        ["e\u0301", "x"],
      ],
    );
    expect([header, rule]).toEqual(["a     b", "────  ─"]);
    expect(rows).toEqual(["日本  x", "e\u0301     x"]);
  });

  it("shows line breaks and control characters instead of obeying them", () => {
    expect(textTable([{ name: "a", align: "left" }], [["x\ny\u001b[2J"]])[2]).toBe("x⏎y�[2J");
  });
});
