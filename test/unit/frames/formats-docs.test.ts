import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FORMATS } from "../../../src/types.ts";
import { bodyOf, column, tableOf } from "./sample-table.ts";

const PAGE = readFileSync(new URL("../../../docs/formats.md", import.meta.url), "utf8");
const TABLE = tableOf(
  [column("time", "time"), column("tenant", "text"), column("value", "number", "numeric")],
  [
    ["2026-11-22 08:00:00+00", "acme", "1"],
    ["2026-11-22 08:00:00+00", "globex", null],
    ["2026-11-22 08:01:00+00", "acme", "2.50"],
  ],
);

describe("docs/formats.md", () => {
  it.each(FORMATS)("shows %s as it is", (format) => {
    const body = bodyOf(TABLE, format, {
      name: "requests",
      notices: [{ severity: "warning", text: "initech: no answer within 10s" }],
      coverage: {
        expected: 3,
        answered: 2,
        failed: [{ tenant: "initech", reason: "timeout", detail: "no answer within 10s" }],
        truncated: false,
      },
    });
    const example = new RegExp(`^\`\`\`\\w+ ${format}\\n([^]*?)\\n\`\`\`$`, "m").exec(PAGE)?.[1];
    const compact = ["csv", "ndjson"].includes(format) ? example : example?.replace(/("[^"]*")|\s+/g, "$1");
    expect(body.replaceAll("\r\n", "\n").trimEnd()).toBe(compact);
  });
});
