import { Buffer } from "node:buffer";
import { Socket } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_MESSAGE_BYTES, tapMessages } from "../../../src/postgres/message-tap.ts";

const DATA_ROW = "D";

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5, type);
  header.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

/** A tapped socket that nothing is connected to: `say` is the server. */
function tapped() {
  const stream = new Socket();
  const toPg: Buffer[] = [];
  let tooLarge = 0;
  stream.on("data", (bytes: Buffer) => toPg.push(Buffer.from(bytes)));
  const tap = tapMessages(stream, () => {
    tooLarge += 1;
  });
  return { tap, toPg, tooLarge: () => tooLarge, say: (bytes: Buffer) => stream.emit("data", bytes) };
}

/** `bytes` in pieces that end at these places. */
function cutAt(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1))), bytes.length].toSorted((a, b) => a - b);
  return ends
    .map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end))
    .filter(({ length }) => length > 0);
}

const messages = fc.array(
  fc.record({ type: fc.constantFrom("D", "D", "C", "Z", "N"), body: fc.uint8Array({ maxLength: 40 }) }),
  { maxLength: 12 },
);

test("however the bytes arrive, rows go to whom takes them and all else to pg, whole and in order", () => {
  fc.assert(
    fc.property(messages, fc.array(fc.nat(), { maxLength: 20 }), fc.boolean(), (sent, places, taking) => {
      const { tap, toPg, say } = tapped();
      const rows: string[] = [];
      if (taking) tap.takeRows((bytes, start, end) => rows.push(bytes.toString("hex", start, end)));
      const texts = sent.map(({ type, body }) => ({ type, text: message(type, Buffer.from(body)) }));
      for (const piece of cutAt(Buffer.concat(texts.map(({ text }) => text)), places)) say(piece);
      const toTaker = taking ? sent.filter(({ type }) => type === DATA_ROW) : [];
      expect(rows).toEqual(toTaker.map(({ body }) => Buffer.from(body).toString("hex")));
      const others = texts.filter(({ type }) => !taking || type !== DATA_ROW).map(({ text }) => text);
      expect(Buffer.concat(toPg).toString("hex")).toBe(Buffer.concat(others).toString("hex"));
    }),
  );
});

test("pg gets its rows back when nobody takes them any more, and never a part of a message", () => {
  const { tap, toPg, say } = tapped();
  const row = message("D", Buffer.from("row"));
  tap.takeRows(() => undefined);
  say(row);
  tap.takeRows(null);
  say(row.subarray(0, 6));
  expect(toPg).toEqual([]);
  say(row.subarray(6));
  expect(toPg).toEqual([row]);
});

test.each(["D", "T"])(
  "a message %s that is too large is told of by its header, and nothing after it is read",
  (type) => {
    const { toPg, tooLarge, say } = tapped();
    const header = Buffer.alloc(5, type);
    header.writeUInt32BE(MAX_MESSAGE_BYTES + 5, 1);
    const before = message("C", Buffer.from("SELECT 1"));
    say(Buffer.concat([before, header.subarray(0, 3)]));
    expect(tooLarge()).toBe(0);
    say(header.subarray(3));
    say(message("C", Buffer.from("never")));
    expect(tooLarge()).toBe(1);
    expect(toPg).toEqual([before]);
  },
);
