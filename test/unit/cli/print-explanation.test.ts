import { expect, test } from "vitest";
import { explanationLines } from "../../../src/cli/print-explanation.ts";
import { unionAll } from "../../../src/execute/union-all.ts";

const armOf = (tenant: string) => ({ tenant, sql: `SELECT count(*)\nFROM ${tenant}_t` });

function linesOf(...lanes: readonly (readonly string[])[]) {
  const tenants = lanes.flat();
  return explanationLines({
    expandedSql: "SELECT count(*) FROM $<tenant>_t",
    blocks: [
      {
        columns: [{ name: "count", type: "bigint" }],
        lanes: lanes.map((names, lane) => ({ lane, tenants: names, sql: unionAll(names.map(armOf)) })),
        verdicts: [
          { tenants: tenants.slice(0, 2), verdict: "pushed", asynchronous: true, reasons: [] },
          {
            tenants: tenants.slice(2),
            verdict: "aggregate-local",
            asynchronous: false,
            reasons: [{ code: "aggregate-local", culprit: null, position: undefined }],
          },
        ],
      },
    ],
    outerSql: null,
    moved: [],
    expected: tenants.length,
    leftOut: [],
    notices: [],
  });
}

test("an explanation has one copy for each shape, and says how many lanes there are", () => {
  expect(linesOf(["a", "c"], ["b", "d"]).slice(5)).toEqual([
    "For each tenant: count bigint",
    "  pushed: a, c",
    "    SELECT count(*)",
    "    FROM a_t",
    "  aggregate-local: b, d",
    "    SELECT count(*)",
    "    FROM b_t",
    "  in 2 lanes of 2, 2 tenants",
  ]);
});

test("a lane of one tenant is that tenant's copy", () => {
  const lines = linesOf(["a"], ["b"], ["c"]);
  expect(lines.filter((line) => line.includes("FROM") && line.startsWith("    "))).toEqual([
    "    FROM a_t",
    "    FROM c_t",
  ]);
  expect(lines.at(-1)).toBe("  in 3 lanes of 1, 1, 1 tenants");
});
