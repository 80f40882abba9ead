import { expect, test } from "vitest";
import { createAdmission } from "../../../src/execute/admission.ts";

const never = new AbortController().signal;

test("so many run, so many wait, and the next is refused at once", async () => {
  const admission = createAdmission({ concurrency: 1, queue: 1 });
  const leave = await admission.admit("grafana", 10_000, never);
  const waiting = admission.admit("grafana", 10_000, never);
  await expect(admission.admit("grafana", 10_000, never)).rejects.toMatchObject({
    code: "OVERLOADED",
    message: "1 requests are running and 1 waiting",
    retryAfterSeconds: 1,
  });
  leave();
  (await waiting)();
  (await admission.admit("grafana", 10_000, never))();
});

test("a turn that does not come before the deadline is refused, and its place is free again", async () => {
  const admission = createAdmission({ concurrency: 1, queue: 1 });
  const leave = await admission.admit("grafana", 10_000, never);
  await expect(admission.admit("grafana", 100, never)).rejects.toMatchObject({
    code: "OVERLOADED",
    retryAfterSeconds: 1,
  });
  const gone = new AbortController();
  const left = admission.admit("grafana", 10_000, gone.signal);
  gone.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  const waiting = admission.admit("grafana", 10_000, never);
  leave();
  (await waiting)();
});

test("a caller who fills the queue gives up places to one who has fewer, and no more than are fair", async () => {
  const admission = createAdmission({ concurrency: 1, queue: 4 });
  const served: string[] = [];
  const refused: string[] = [];
  const ask = (caller: string): Promise<void> =>
    admission.admit(caller, 10_000, never).then(
      (leave) => {
        served.push(caller);
        setImmediate(leave);
      },
      () => void refused.push(caller),
    );
  const leave = await admission.admit("script", 10_000, never);
  const all = ["script", "script", "script", "script", "grafana", "grafana", "grafana", "script"].map(ask);
  await expect.poll(() => refused.toSorted()).toEqual(["grafana", "script", "script", "script"]);
  leave();
  await Promise.all(all);
  expect(served).toEqual(["script", "grafana", "script", "grafana"]);
});
