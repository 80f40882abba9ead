import { expect, test } from "vitest";
import { armText } from "../../../src/sql/arm-text.ts";
import { literalSlot, relationSlot } from "../../../src/sql/copied-block.ts";

const SQL = `SELECT id, '${literalSlot(0)}', '${literalSlot(1)}' FROM ${relationSlot(1)}, ${relationSlot(0)} WHERE missing`;
const arm = armText(
  { sql: SQL, originOf: (byte) => byte },
  { literals: ["__tnt_0__", "it's __tnt_1__, __tnt_0__!"] },
  (byte) => ({ offset: byte ?? -1, line: 1, column: (byte ?? -1) + 1 }),
);

test("fills every gap with one tenant's name and relations, quoted", () => {
  expect(arm.fill("o'hara", ['"r0"', '"r1"'])).toBe(
    `SELECT id, 'o''hara', 'it''s o''hara, o''hara!' FROM "r1", "r0" WHERE missing`,
  );
  expect(arm.fill("$&", ['"$1"', '"r1"'])).toBe(`SELECT id, '$&', 'it''s $&, $&!' FROM "r1", "$1" WHERE missing`);
});

test("leads a place behind the gaps back to where it was before they were filled", () => {
  const relations = ['"r0"', '"a longer name"'];
  const character = arm.fill("o'hara", relations).indexOf("missing") + 1;
  expect(arm.positionOf(character, "o'hara", relations)?.offset).toBe(SQL.indexOf("missing"));
});
