import { describe, expect, it } from "vitest";
import { printBody, printCoverage, printTable } from "../../../src/cli/print-answer.ts";
import { encodeTable } from "../../../src/frames/encode-table.ts";
import type { Answer, Coverage, Format, Table } from "../../../src/types.ts";
import { capturedTerminal } from "./captured-terminal.ts";

const TABLE: Table = {
  columns: [
    { name: "at", kind: "time", type: "timestamp with time zone" },
    { name: "total", kind: "number", type: "numeric" },
    { name: "note", kind: "text", type: "text" },
    { name: "tenant", kind: "text", type: "text" },
  ],
  values: [
    ["2026-11-22 10:00:00+00", null],
    ["123456789012345678901234567890", "-1.50"],
    ['say "12"', null],
    ["acme", "globex"],
  ],
  rowCount: 2,
  tenantColumn: 3,
  timeColumn: 0,
};
const COVERAGE: Coverage = {
  expected: 3,
  answered: 2,
  failed: [{ tenant: "initech", reason: "unreachable", detail: "the tenant's database refuses connections" }],
  truncated: false,
};

function answerOf(format: Format): Answer {
  const notices = [{ severity: "info", text: "10 rows per tenant" }] as const;
  const limits = { maxBytes: 1e6, onLimit: "cut" } as const;
  const encoded = encodeTable(TABLE, { ...limits, format, name: "q", notices, coverage: COVERAGE });
  return { ...encoded, coverage: COVERAGE, notices, cache: "miss", ageSeconds: 0, timings: new Map() };
}

describe("printing an answer", () => {
  it("is a table with all digits, times for people, and nulls as nothing", () => {
    const captured = capturedTerminal();
    printTable(captured.terminal.stdout, answerOf("table"));
    expect(captured.stdout().split("\n")).toEqual([
      "at                                                 total  note      tenant",
      "────────────────────────  ──────────────────────────────  ────────  ──────",
      '2026-11-22T10:00:00.000Z  123456789012345678901234567890  say "12"  acme',
      "                                                   -1.50            globex",
      "",
    ]);
  });

  it("is the body as it is for programs", () => {
    const captured = capturedTerminal();
    const answer = answerOf("rows");
    printBody(captured.terminal.stdout, answer);
    expect(captured.stdout()).toBe(`${answer.body.toString("utf8").trimEnd()}\n`);
  });

  it("says what the rows are worth", () => {
    const captured = capturedTerminal();
    printCoverage(captured.terminal.stderr, answerOf("table"));
    expect(captured.stderr()).toBe(
      [
        "2 of 3 tenants answered",
        "  initech: unreachable: the tenant's database refuses connections",
        "note: 10 rows per tenant",
        "",
      ].join("\n"),
    );
  });

  it("does not pass rows that a limit cut for all of them", () => {
    const captured = capturedTerminal();
    const answer = answerOf("table");
    printCoverage(captured.terminal.stderr, { ...answer, coverage: { ...COVERAGE, truncated: true } });
    expect(captured.stderr()).toContain("2 of 3 tenants answered; a limit cut their rows\n");
  });
});
