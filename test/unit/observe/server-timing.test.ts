import { expect, it } from "vitest";
import { serverTiming } from "../../../src/observe/server-timing.ts";

it("names each stage with its milliseconds", () => {
  expect(
    serverTiming(
      new Map([
        ["template", 0.44],
        ["execute", 120],
      ] as const),
    ),
  ).toBe("template;dur=0.4, execute;dur=120");
  expect(serverTiming(new Map())).toBe("");
});
