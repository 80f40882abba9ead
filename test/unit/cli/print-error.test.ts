import { describe, expect, it } from "vitest";
import { printError } from "../../../src/cli/print-error.ts";
import { AppError, positionAt } from "../../../src/errors.ts";
import { capturedTerminal } from "./captured-terminal.ts";

const SQL = "SELECT *\n\tFROM $<tenant:plan>_entities";

function printed(error: unknown, context = {}) {
  const captured = capturedTerminal();
  printError(captured.terminal.stderr, error, context);
  return captured.stderr();
}

describe("printError", () => {
  const error = new AppError("TEMPLATE_SELECTOR", "no selector", {
    hint: "write plan=pro",
    position: positionAt(SQL, SQL.indexOf("$<")),
  });

  it("puts a caret under the place in the user's SQL", () => {
    expect(printed(error, { sql: SQL })).toBe(
      ["error: no selector", "  2 | \tFROM $<tenant:plan>_entities", "    | \t     ^", "hint: write plan=pro", ""].join(
        "\n",
      ),
    );
    expect(printed(error)).toContain("at line 2, column 7");
  });

  it("is a line of JSON for programs", () => {
    expect(JSON.parse(printed(error, { json: true }))).toEqual({
      error: "TEMPLATE_SELECTOR",
      message: "no selector",
      hint: "write plan=pro",
      position: { line: 2, column: 7, offset: 15 },
    });
  });

  it("tells the cause of a fault that nobody foresaw, without a password", () => {
    expect(printed(new Error("no route to postgres://u:canary@h/db"))).toBe(
      "error: internal error: no route to postgres://u:***@h/db\n",
    );
  });

  it("tells why the federation database cannot be read", () => {
    const cause = new Error("connect ECONNREFUSED 127.0.0.1:1");
    expect(printed(new AppError("FEDERATION_UNAVAILABLE", "it could not be read", { cause }))).toBe(
      "error: it could not be read: connect ECONNREFUSED 127.0.0.1:1\n",
    );
  });
});
