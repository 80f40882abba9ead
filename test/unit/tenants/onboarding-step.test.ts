import { inspect } from "node:util";
import { expect, test } from "vitest";
import { changedOptions, newOptions, plainStep, secretStep } from "../../../src/tenants/onboarding-step.ts";

test("a secret is in the statement and nowhere that prints", () => {
  const login = new Map([["password", "it's hunter2"]]);
  const step = secretStep(
    "create user mapping",
    "t",
    (write) => `CREATE USER MAPPING FOR "r" SERVER "s" ${newOptions(login, write)}`,
  );
  expect(step.statement()).toBe(`CREATE USER MAPPING FOR "r" SERVER "s" OPTIONS ("password" 'it''s hunter2')`);
  expect(step.printable).toBe(`CREATE USER MAPPING FOR "r" SERVER "s" OPTIONS ("password" '***')`);
  expect(`${JSON.stringify(step)}${inspect(step, { depth: null, showHidden: true })}`).not.toContain("hunter2");
  expect(plainStep("grant", null, "GRANT x").statement()).toBe("GRANT x");
});

test("options change one by one, and only managed ones are taken away", () => {
  const present = new Map([
    ["host", "old"],
    ["port", "5432"],
    ["options", "-c x=y"],
    ["extensions", "citext"],
  ]);
  const wanted = new Map([
    ["host", "it's"],
    ["port", "5432"],
    ["fetch_size", "1000"],
  ]);
  expect(changedOptions({ wanted, present, managed: new Set(["options"]) })).toBe(
    `OPTIONS (SET "host" 'it''s', ADD "fetch_size" '1000', DROP "options")`,
  );
  expect(changedOptions({ wanted: new Map([["port", "5432"]]), present })).toBeNull();
});
