import { expect, test } from "vitest";
import { createSuspects } from "../../../src/execute/suspects.ts";

test("a silent tenant is left alone for five seconds, then asked apart, and trusted after thirty", () => {
  let nowMs = 0;
  const suspects = createSuspects({ now: () => nowMs });
  const failure = { tenant: "a", reason: "timeout", detail: "no answer within 10.0 s" } as const;
  expect(suspects.treatmentOf("a")).toBe("shared");
  suspects.note(failure);
  nowMs = 4_999;
  expect(suspects.treatmentOf("a")).toBe(failure);
  nowMs = 5_000;
  expect(suspects.treatmentOf("a")).toBe("apart");
  suspects.asking("a");
  expect(suspects.treatmentOf("a")).toBe(failure);
  suspects.note(failure);
  nowMs = 10_000;
  expect(suspects.treatmentOf("a")).toBe("apart");
  nowMs = 35_000;
  expect(suspects.treatmentOf("a")).toBe("shared");
});

test("a suspect that could not be asked keeps what is known of it, and its turn comes again", () => {
  let nowMs = 0;
  const suspects = createSuspects({ now: () => nowMs });
  const failure = { tenant: "a", reason: "unreachable", detail: "gone" } as const;
  suspects.note(failure);
  suspects.asking("a");
  nowMs = 2_000;
  suspects.postpone("a");
  suspects.postpone("trusted");
  expect(suspects.treatmentOf("a")).toBe(failure);
  nowMs = 3_000;
  expect(suspects.treatmentOf("a")).toBe("apart");
  expect(suspects.treatmentOf("trusted")).toBe("shared");
  nowMs = 30_000;
  expect(suspects.treatmentOf("a")).toBe("shared");
});

test("a tenant whose arm failed runs alone on its lane, and one that answered again is trusted", () => {
  const suspects = createSuspects({ now: () => 0 });
  suspects.note({ tenant: "a", reason: "relation_missing", detail: "" });
  suspects.note({ tenant: "b", reason: "unreachable", detail: "" });
  expect(suspects.treatmentOf("a")).toBe("alone");
  suspects.clear("b");
  expect(suspects.treatmentOf("b")).toBe("shared");
});

test("at most ten thousand are remembered", () => {
  const suspects = createSuspects({ now: () => 0 });
  for (let index = 0; index <= 10_000; index += 1)
    suspects.note({ tenant: `t${index}`, reason: "query_failed", detail: "" });
  expect(suspects.treatmentOf("t0")).toBe("shared");
  expect(suspects.treatmentOf("t1")).toBe("alone");
});
