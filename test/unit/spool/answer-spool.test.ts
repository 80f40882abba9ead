import { Buffer } from "node:buffer";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AnswerSpool, CHUNK_BYTES, createAnswerSpool, type SpoolPart } from "../../../src/spool/answer-spool.ts";
import { createSharedDisk } from "../../../src/spool/disk-budget.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tenantry-spool-test-"));
});
afterAll(() => rm(folder, { recursive: true }));

const MIB = 1024 * 1024;
const open = (maxBytes = 1024 * MIB, disk = createSharedDisk(2048 * MIB).partOf("a")): AnswerSpool =>
  createAnswerSpool({ maxBytes, disk, folder });

/** All that leaves, copied: a chunk's buffer is used again. */
async function read(spool: AnswerSpool): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of spool.chunks()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

/** Writes `text` in the spool's own chunks; false when there was no room for all of it. */
function write(spool: AnswerSpool, part: SpoolPart, text: string): boolean {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const buffer = spool.lend();
    if (!part.write(buffer, bytes.copy(buffer, 0, at, at + CHUNK_BYTES))) return false;
  }
  return true;
}

const steps = fc.array(
  fc.record({
    part: fc.nat({ max: 4 }),
    act: fc.constantFrom("write", "write", "write", "complete", "drop"),
    kiB: fc.nat({ max: 400 }),
  }),
  { maxLength: 40 },
);

test("what leaves is the completed parts, whole, in the order of their completion, and the tail", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (acts) => {
      const spool = open();
      const parts = Array.from({ length: 5 }, () => ({ part: spool.part(), text: "", over: false }));
      let expected = "";
      for (const [index, { part: number, act, kiB }] of acts.entries()) {
        const chosen = parts[number];
        if (chosen === undefined || chosen.over) continue;
        if (act === "write") {
          const text = String.fromCharCode(97 + (index % 26)).repeat(kiB * 1024);
          expect(write(spool, chosen.part, text)).toBe(true);
          chosen.text += text;
          continue;
        }
        chosen.over = true;
        if (act === "complete") expected += chosen.text;
        chosen.part[act]();
      }
      spool.end(Buffer.from("tail"));
      expect((await read(spool)) === `${expected}tail`).toBe(true);
      await spool.close();
    }),
    { numRuns: 40 },
  );
});

test("a reader that is there first is given each part as it is completed", async () => {
  const spool = open();
  const chunks = spool.chunks();
  const next = chunks.next();
  const part = spool.part();
  write(spool, part, "one");
  part.complete();
  expect(String((await next).value)).toBe("one");
  await spool.begun;
  const last = chunks.next();
  spool.end(Buffer.from("end"));
  expect(String((await last).value)).toBe("end");
  expect(await chunks.next()).toEqual({ done: true, value: undefined });
  await spool.close();
});

test("what has no room in memory waits in a file without a name, and who writes too fast is told to wait", async () => {
  const spool = open();
  const part = spool.part();
  const text = "x".repeat(8 * MIB);
  write(spool, part, text);
  const room = part.full();
  expect(room).not.toBeNull();
  await room;
  expect(await readdir(folder)).toEqual([]);
  part.complete();
  spool.end(Buffer.from("."));
  expect((await read(spool)) === `${text}.`).toBe(true);
  expect(part.full()).toBeNull();
  await spool.close();
});

test("beyond the limit nothing is added", async () => {
  const spool = open(100);
  const part = spool.part();
  expect(write(spool, part, "a".repeat(60))).toBe(true);
  expect(write(spool, part, "b".repeat(41))).toBe(false);
  expect(write(spool, part, "c".repeat(40))).toBe(true);
  part.complete();
  spool.end(Buffer.from("."));
  expect(await read(spool)).toBe(`${"a".repeat(60)}${"c".repeat(40)}.`);
  await spool.close();
});

test("what a part that was dropped has on disk counts until the answer ends", async () => {
  const disk = createSharedDisk(200 * MIB).partOf("a");
  const spool = open(6 * MIB, disk);
  const [dropped, next] = [spool.part(), spool.part()];
  expect(write(spool, dropped, "x".repeat(5 * MIB))).toBe(true);
  dropped.drop();
  // Of the five four are on disk; one more waits in memory.
  expect(write(spool, next, "y".repeat(4 * MIB))).toBe(false);
  next.drop();
  expect(write(spool, spool.part(), "z".repeat(MIB))).toBe(true);
  await spool.close();
  expect(disk.take(100 * MIB)).toBe(true);
});

test("answers that nobody reads share the disk, and give it back when they are closed", async () => {
  const disk = createSharedDisk(12 * MIB).partOf("a");
  const text = "x".repeat(4 * MIB);
  const [first, second] = [open(1024 * MIB, disk), open(1024 * MIB, disk)];
  expect(write(first, first.part(), text)).toBe(true);
  const part = second.part();
  expect(write(second, part, text)).toBe(true);
  expect(write(second, part, "y".repeat(CHUNK_BYTES * 8))).toBe(false);
  await first.close();
  expect(write(second, part, "z".repeat(MIB))).toBe(true);
  await second.close();
  await second.close();
  expect(disk.take(6 * MIB)).toBe(true);
  expect(disk.take(1)).toBe(false);
});

test("after a failure the completed parts still leave, then reading rejects", async () => {
  const spool = open();
  const [whole, half] = [spool.part(), spool.part()];
  write(spool, whole, "whole");
  write(spool, half, "half");
  whole.complete();
  spool.fail(new Error("the federation database is gone"));
  spool.end(Buffer.from("never"));
  const chunks = spool.chunks();
  expect(String((await chunks.next()).value)).toBe("whole");
  await expect(chunks.next()).rejects.toThrow("the federation database is gone");
  await spool.close();
});

test("a disk that takes nothing is the reader's error, not a crash", async () => {
  const spool = createAnswerSpool({
    maxBytes: 1024 * MIB,
    disk: createSharedDisk(2048 * MIB).partOf("a"),
    folder: join(folder, "is-not-there"),
  });
  const part = spool.part();
  write(spool, part, "x".repeat(8 * MIB));
  part.complete();
  spool.end(Buffer.from("."));
  await expect(read(spool)).rejects.toThrow("ENOENT");
  await spool.close();
});
