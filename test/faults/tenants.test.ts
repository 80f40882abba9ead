import { describe, test } from "vitest";
import { checkFault, FAULTS, SCOPES, type Scope } from "../support/faults/faults.ts";
import { withFaultyFleet } from "../support/faults/faulty-fleet.ts";

// Every fault of a tenant, for one, some and all tenants.

const scopes: readonly Scope[] = ["one", "some", "all"];

describe.each(scopes)(`%s of the tenants (${Object.keys(SCOPES).join(", ")})`, (scope) => {
  test.each(FAULTS)("$name", (fault) => withFaultyFleet((fleet) => checkFault(fleet, fault, scope)));
});
