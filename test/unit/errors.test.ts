import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { AppError, ERRORS, positionAt, toAppError } from "../../src/errors.ts";

test("docs/errors.md lists every error as it is, and no other", () => {
  const docs = readFileSync(join(import.meta.dirname, "../../docs/errors.md"), "utf8");
  const listed = [...docs.matchAll(/^\| `(\w+)` +\| (\d+) +\| (\w+) +\| (.+?) +\|$/gm)].map(
    ([, code, status, source, meaning]) => [code, Number(status), source, meaning],
  );
  const known = Object.entries(ERRORS).map(([code, { status, source, meaning }]) => [code, status, source, meaning]);
  expect(listed).toEqual(known);
});

test("every error of the catalogue can be thrown by the program", () => {
  const unused = Object.keys(ERRORS).filter((code) => !sources().some((text) => text.includes(`"${code}"`)));
  expect(unused, "remove it from the catalogue, or throw it where it is meant").toEqual([]);
});

test("positions count lines and columns from 1, offsets from 0", () => {
  expect(positionAt("ab\ncd", 4)).toEqual({ line: 2, column: 2, offset: 4 });
  expect(positionAt("", 9)).toEqual({ line: 1, column: 1, offset: 0 });
});

test("what is not ours becomes INTERNAL and keeps its cause", () => {
  const cause = new TypeError("secret text");
  const error = toAppError(cause);
  expect(error).toBeInstanceOf(AppError);
  expect([error.code, error.message, error.cause]).toEqual(["INTERNAL", "internal error", cause]);
});

function sources(): string[] {
  const root = join(import.meta.dirname, "../../src");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && file !== "errors.ts",
  );
  return files.map((file) => readFileSync(join(root, file), "utf8"));
}
