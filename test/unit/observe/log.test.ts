import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/errors.ts";
import type { Observation } from "../../../src/observation.ts";
import { createLog, type LogLevel } from "../../../src/observe/log.ts";
import { withoutSecrets } from "../../../src/observe/without-secrets.ts";

/** The lines that a log writes for the observations. */
function linesOf(level: LogLevel, ...observations: readonly Observation[]): Record<string, unknown>[] {
  const lines: string[] = [];
  const observe = createLog({ level, destination: { write: (line: string) => lines.push(line) } });
  for (const observation of observations) observe(observation);
  return lines.map((line) => JSON.parse(line));
}

const REQUEST: Observation = {
  kind: "http.request",
  requestId: "r1",
  method: "GET",
  route: "/v1/queries/{name}",
  status: 200,
  seconds: 0.012,
  bytes: 345,
  principal: "grafana",
};

describe("log", () => {
  it("writes an access line with everything that the observation has", () => {
    const { kind, ...fields } = REQUEST;
    const [line] = linesOf("info", REQUEST);
    expect(line).toMatchObject({ event: kind, level: 30, msg: "GET /v1/queries/{name} 200", ...fields });
    expect(line?.time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(line).not.toHaveProperty("pid");
  });

  it("keeps the levels apart", () => {
    const stage: Observation = { kind: "query.stage", stage: "plan", seconds: 0.001 };
    const failed: Observation = {
      kind: "tenant.failed",
      tenant: "acme",
      reason: "timeout",
      detail: "no answer within 10s",
    };
    expect(linesOf("info", stage, REQUEST, failed)).toHaveLength(2);
    expect(linesOf("warn", stage, REQUEST, failed)).toHaveLength(1);
    expect(linesOf("debug", stage, REQUEST, failed)).toHaveLength(3);
    expect(linesOf("silent", stage, REQUEST, failed)).toHaveLength(0);
  });

  it("tells a caller's mistake from a fault of ours", () => {
    const mistake = new AppError("QUERY_SYNTAX", 'syntax error at "FORM"');
    const fault = new AppError("INTERNAL", "internal error", { cause: new TypeError("x is not a function") });
    const lines = linesOf(
      "info",
      ...[mistake, fault].map((error) => ({ kind: "http.error" as const, requestId: "r2", error })),
    );
    expect(lines[0]).toMatchObject({ level: 30, code: "QUERY_SYNTAX", requestId: "r2" });
    expect(lines[0]).not.toHaveProperty("error");
    expect(lines[1]).toMatchObject({
      level: 50,
      code: "INTERNAL",
      error: { cause: { name: "TypeError", message: "x is not a function" } },
    });
  });

  it("never writes a secret that an error repeats, nor a driver's extra fields", () => {
    const driverError = Object.assign(new Error("connect postgres://owner:hunter2@10.0.0.7/db failed"), {
      statement: "hunter2",
    });
    const middle = new Error("CREATE USER MAPPING … OPTIONS (user 'u', password 'hunter2')", { cause: driverError });
    const error = new AppError("INTERNAL", "Authorization: Bearer hunter2", { cause: middle });
    const lines = linesOf(
      "debug",
      { kind: "http.error", requestId: "r3", error },
      { kind: "catalog.failed", error: middle },
      { kind: "catalog.notice", tenant: "acme", text: "password=hunter2" },
      { kind: "advice", text: "federation.url is postgres://a:hunter2@fed/db" },
      { kind: "tenant.failed", tenant: "acme", reason: "unreachable", detail: "password: hunter2" },
      { kind: "export.ran", queryName: "q", ok: false, series: 0, seconds: 1, error },
    );
    expect(lines).toHaveLength(6);
    expect(JSON.stringify(lines)).not.toContain("hunter2");
    expect(JSON.stringify(lines)).toContain("postgres://***@10.0.0.7/db");
  });
});

describe("withoutSecrets", () => {
  it.each([
    ["postgres://u:p@h/db", "postgres://***@h/db"],
    ["postgres://u:p@ss@h/db", "postgres://***@h/db"],
    ["host=h password=a'b user=u", "host=h password=*** user=u"],
    ["password 'it''s', user", "password ***, user"],
    ['password authentication failed for user "u"', 'password authentication failed for user "u"'],
    ["see https://example.org/a@b", "see https://example.org/a@b"],
  ])("%s", (text, expected) => {
    expect(withoutSecrets(text)).toBe(expected);
  });
});
