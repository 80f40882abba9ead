import { expect, test } from "vitest";
import { createAdmission } from "../../../src/execute/admission.ts";

const never = new AbortController().signal;

test("so many run, so many wait, and the next is refused at once", async () => {
  const admission = createAdmission({ concurrency: 1, queue: 1 });
  const leave = await admission.admit(10_000, never);
  const waiting = admission.admit(10_000, never);
  await expect(admission.admit(10_000, never)).rejects.toMatchObject({
    code: "OVERLOADED",
    message: "1 requests are running and 1 waiting",
    retryAfterSeconds: 1,
  });
  leave();
  (await waiting)();
  (await admission.admit(10_000, never))();
});

test("a turn that does not come before the deadline is refused, and its place is free again", async () => {
  const admission = createAdmission({ concurrency: 1, queue: 1 });
  const leave = await admission.admit(10_000, never);
  await expect(admission.admit(100, never)).rejects.toMatchObject({ code: "OVERLOADED", retryAfterSeconds: 1 });
  const gone = new AbortController();
  const left = admission.admit(10_000, gone.signal);
  gone.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  const waiting = admission.admit(10_000, never);
  leave();
  (await waiting)();
});
