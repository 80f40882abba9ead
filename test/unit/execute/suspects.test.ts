import { expect, test } from "vitest";
import { createSuspects } from "../../../src/execute/suspects.ts";
import type { Observation } from "../../../src/observation.ts";

function suspectsAt(start = 0, random = 0.5) {
  const clock = { nowMs: start };
  const seen: Observation[] = [];
  const trusted: string[] = [];
  const suspects = createSuspects({
    now: () => clock.nowMs,
    observe: (observation) => seen.push(observation),
    onTrusted: (tenant) => trusted.push(tenant),
    random: () => random,
  });
  return { clock, seen, trusted, suspects };
}

const SILENT = { tenant: "a", reason: "timeout", detail: "no answer within 10.0 s" } as const;
const GONE = { tenant: "a", reason: "unreachable", detail: "gone" } as const;

test("a silent tenant is asked nothing until a probe reached it, then asked apart, and trusted when it has answered", () => {
  const { clock, suspects } = suspectsAt();
  expect(suspects.treatmentOf("a")).toBe("shared");
  suspects.note(SILENT);
  clock.nowMs = 4_999;
  expect(suspects.due()).toEqual([]);
  clock.nowMs = 5_000;
  expect(suspects.due()).toEqual([SILENT]);
  expect(suspects.treatmentOf("a")).toBe(SILENT);
  suspects.asking("a");
  expect(suspects.due()).toEqual([]);
  expect(suspects.treatmentOf("a")).toBe(SILENT);
  suspects.allow("a");
  expect(suspects.treatmentOf("a")).toBe("apart");
  suspects.clear("a");
  expect(suspects.treatmentOf("a")).toBe("shared");
});

test("each failure doubles the pause before the next probe, up to a quarter of a minute", () => {
  const { clock, suspects } = suspectsAt();
  const pauses: number[] = [];
  for (let failures = 0; failures < 6; failures += 1) {
    const notedAtMs = clock.nowMs;
    suspects.note(GONE);
    while (suspects.due().length === 0) clock.nowMs += 500;
    pauses.push(clock.nowMs - notedAtMs);
  }
  expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  expect(suspects.doubts()).toEqual([{ tenant: "a", state: "open", reason: "unreachable", sinceMs: 0 }]);
});

test("tenants that fail together are not probed together", () => {
  const dueAt = [0, 0.5, 1].map((random) => {
    const { clock, suspects } = suspectsAt(0, random);
    suspects.note(GONE);
    while (suspects.due().length === 0) clock.nowMs += 50;
    return clock.nowMs;
  });
  expect(dueAt).toEqual([750, 1_000, 1_250]);
});

test("a tenant that was down and is trusted again has lost its connections; one that only failed was never away", () => {
  const { suspects, trusted } = suspectsAt();
  suspects.note(SILENT);
  suspects.clear("a");
  expect([suspects.treatmentOf("a"), trusted]).toEqual(["shared", ["a"]]);
  suspects.note({ tenant: "b", reason: "query_failed", detail: "" });
  suspects.clear("b");
  expect(trusted).toEqual(["a"]);
});

test("a suspect that could not be asked keeps what is known of it, and its turn comes again", () => {
  const { clock, suspects } = suspectsAt();
  suspects.note(GONE);
  suspects.asking("a");
  clock.nowMs = 2_000;
  suspects.postpone("a");
  suspects.postpone("trusted");
  expect(suspects.treatmentOf("a")).toBe(GONE);
  clock.nowMs = 3_000;
  expect(suspects.due()).toEqual([GONE]);
  expect(suspects.treatmentOf("trusted")).toBe("shared");
});

test("a tenant whose arm failed runs alone on its lane for half a minute, and is not down", () => {
  const { clock, seen, suspects } = suspectsAt();
  suspects.note({ tenant: "a", reason: "relation_missing", detail: "" });
  clock.nowMs = 29_999;
  expect(suspects.treatmentOf("a")).toBe("alone");
  expect(suspects.doubts()).toEqual([]);
  expect(suspects.due()).toEqual([]);
  clock.nowMs = 30_000;
  expect(suspects.treatmentOf("a")).toBe("shared");
  expect(seen).toEqual([]);
});

test("changes of state are told once, with the reason", () => {
  const { seen, suspects } = suspectsAt();
  suspects.note(SILENT);
  suspects.note(SILENT);
  suspects.asking("a");
  suspects.allow("a");
  suspects.note(GONE);
  suspects.clear("a");
  suspects.clear("a");
  expect(
    seen.map((observation) => (observation.kind === "tenant.state" ? [observation.state, observation.reason] : [])),
  ).toEqual([
    ["open", "timeout"],
    ["half-open", "timeout"],
    ["open", "unreachable"],
    ["closed", "unreachable"],
  ]);
});

test("tenants that left the fleet are forgotten", () => {
  const { suspects } = suspectsAt();
  suspects.note(GONE);
  suspects.note({ ...GONE, tenant: "b" });
  suspects.retain(new Set(["b"]));
  expect(suspects.doubts().map(({ tenant }) => tenant)).toEqual(["b"]);
});

test("at most ten thousand are remembered", () => {
  const { suspects } = suspectsAt();
  for (let index = 0; index <= 10_000; index += 1)
    suspects.note({ tenant: `t${index}`, reason: "query_failed", detail: "" });
  expect(suspects.treatmentOf("t0")).toBe("shared");
  expect(suspects.treatmentOf("t1")).toBe("alone");
});
