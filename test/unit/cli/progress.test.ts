import { describe, expect, it } from "vitest";
import { createProgress } from "../../../src/cli/progress.ts";
import { capturedTerminal } from "./captured-terminal.ts";

function shown(options: { readonly quiet: boolean; readonly isTTY: boolean }): string {
  const captured = capturedTerminal();
  const screen = Object.assign(captured.terminal.stderr, { isTTY: options.isTTY, columns: 80 });
  const progress = createProgress(screen, { title: "onboarding", quiet: options.quiet });
  for (let done = 0; done <= 81; done += 1) progress.report({ text: `tenant_${done}`, done, total: 81 });
  progress.close();
  return captured.stderr();
}

describe("createProgress", () => {
  it("prints about ten plain lines where there is no terminal", () => {
    const lines = shown({ quiet: false, isTTY: false }).trimEnd().split("\n");
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toBe("onboarding: 81/81 tenant_81");
  });

  it("says nothing when quiet", () => {
    expect(shown({ quiet: true, isTTY: true }) + shown({ quiet: true, isTTY: false })).toBe("");
  });
});
