import { Buffer } from "node:buffer";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { createArmSink } from "../../../src/query/arm-sink.ts";
import { createAnswerSpool } from "../../../src/spool/answer-spool.ts";
import { createSharedDisk } from "../../../src/spool/disk-budget.ts";

/** Takes each row's bytes for a line. */
const asLine = (bytes: Buffer, _start: number, writer: { buffer: Buffer; length: number }): void => {
  if (writer.buffer.length < writer.length + bytes.length) writer.buffer = Buffer.concat([writer.buffer, bytes]);
  bytes.copy(writer.buffer, writer.length);
  writer.length += bytes.length;
};

async function answerOf(
  rows: readonly Buffer[],
  maxBytes = 1e6,
): Promise<{ text: Buffer; counted: number[]; whole: boolean }> {
  const spool = createAnswerSpool({ maxBytes, disk: createSharedDisk(1e9).partOf("a"), folder: tmpdir() });
  const counted: number[] = [];
  const sink = createArmSink(spool, asLine, (count) => counted.push(count));
  const taken = rows.every((row) => sink.take(row, 0, row.length));
  const whole = sink.complete() && taken;
  spool.end(Buffer.from("end"));
  const chunks: Buffer[] = [];
  for await (const chunk of spool.chunks()) chunks.push(Buffer.from(chunk));
  await spool.close();
  return { text: Buffer.concat(chunks), counted, whole };
}

test("rows arrive in order, over as many chunks as they need, and are counted", async () => {
  const rows = Array.from({ length: 5_000 }, (_, n) => Buffer.from(`row ${n} ${"x".repeat(n % 97)}\n`));
  const { text, counted, whole } = await answerOf(rows);
  expect(text.toString() === `${rows.join("")}end`).toBe(true);
  expect([counted, whole]).toEqual([[5_000], true]);
});

test("no rows are an answer too", async () => {
  expect(await answerOf([])).toEqual({ text: Buffer.from("end"), counted: [0], whole: true });
});

test("bytes that are no UTF-8, from a database in SQL_ASCII, become what UTF-8 has for them", async () => {
  const { text } = await answerOf([Buffer.from([0x22, 0xff, 0x22, 0x0a]), Buffer.from("é\n")]);
  expect(text.toString()).toBe('"\ufffd"\né\nend');
  expect(text.equals(Buffer.from(text.toString()))).toBe(true);
});

test("what does not fit is said not to be there", async () => {
  const rows = Array.from({ length: 10 }, () => Buffer.from(`${"x".repeat(60_000)}\n`));
  const { text, whole } = await answerOf(rows, 200_000);
  expect(whole).toBe(false);
  expect(text.length).toBeLessThanOrEqual(200_003);
});
