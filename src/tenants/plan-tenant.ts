import type { Config, RegistryTenant } from "../config/schema.ts";
import { AppError } from "../errors.ts";
import { quoteIdentifier, quoteQualified } from "../postgres/quote.ts";
import type { Notice } from "../types.ts";
import type { DesiredRelation, DesiredTenant } from "./desire-tenant.ts";
import type { ForeignColumn } from "./foreign-columns.ts";
import { placeKey, placeText, relationAt, serverNameOf } from "./layout.ts";
import { changedOptions, newOptions, type OnboardingStep, plainStep, secretStep } from "./onboarding-step.ts";
import type { Onboarded, OnboardedRelation } from "./read-onboarded.ts";
import { MANAGED_SERVER_OPTIONS, serverOptions } from "./tenant-connection.ts";

/** What the plans of all tenants share. */
export interface PlanContext {
  readonly config: Pick<Config, "tenants" | "federation" | "limits">;
  readonly onboarded: Onboarded;
  /** Role of `federation.url`. */
  readonly queryRole: string;
}

/** The steps that turn what is there into what should be there; none when nothing differs. */
export function planTenant(
  context: PlanContext,
  desired: DesiredTenant,
): { readonly steps: readonly OnboardingStep[]; readonly notices: readonly Notice[] } {
  const { config, onboarded } = context;
  const name = desired.tenant.name;
  const notices = [...desired.notices];
  const steps = [...schemaSteps(context, name), ...serverSteps(context, desired, notices)];
  const server = serverNameOf(name);
  const wanted = new Set(desired.relations.map(placeKey));
  for (const relation of onboarded.relations.values()) {
    if (relation.server !== server || wanted.has(placeKey(relation))) continue;
    const isOurs = relationAt(config.tenants, name, relation) === relation.options.get("table_name");
    if (isOurs) {
      steps.push(
        plainStep("drop foreign table", name, `DROP FOREIGN TABLE ${quoteQualified(relation.schema, relation.name)}`),
      );
    } else {
      notices.push({ severity: "info", text: `${placeText(relation)} stays: it was not made by onboarding` });
    }
  }
  for (const relation of desired.relations) {
    steps.push(...relationSteps(context, desired.tenant, relation, onboarded.relations.get(placeKey(relation))));
  }
  return { steps, notices };
}

function schemaSteps(context: PlanContext, tenant: string): readonly OnboardingStep[] {
  return context.config.tenants.layout === "schema" ? openSchema(context, tenant, tenant) : [];
}

/** Steps that make a schema and let the query role into it. */
export function openSchema(context: PlanContext, schema: string, tenant: string | null): readonly OnboardingStep[] {
  const { onboarded, queryRole } = context;
  const found = onboarded.schemas.get(schema);
  const steps: OnboardingStep[] = [];
  if (found === undefined) steps.push(plainStep("create schema", tenant, `CREATE SCHEMA ${quoteIdentifier(schema)}`));
  if (queryRole !== onboarded.adminRole && found?.usable !== true) {
    const sql = `GRANT USAGE ON SCHEMA ${quoteIdentifier(schema)} TO ${quoteIdentifier(queryRole)}`;
    steps.push(plainStep("grant", tenant, sql));
  }
  return steps;
}

function serverSteps(context: PlanContext, desired: DesiredTenant, notices: Notice[]): readonly OnboardingStep[] {
  const { config, onboarded, queryRole } = context;
  const { connection } = desired;
  const tenant = desired.tenant.name;
  const name = serverNameOf(tenant);
  const server = quoteIdentifier(name);
  const found = onboarded.servers.get(name);
  if (found !== undefined && found.wrapper !== "postgres_fdw") {
    throw refused(tenant, `the foreign server ${name} is there already and is no postgres_fdw server`);
  }
  const wanted = serverOptions({ tenant, connection, config, serverVersion: onboarded.serverVersion });
  const steps: OnboardingStep[] = [];
  if (found === undefined) {
    const sql = `CREATE SERVER ${server} FOREIGN DATA WRAPPER postgres_fdw ${newOptions(wanted)}`;
    steps.push(plainStep("create server", tenant, sql));
  } else {
    const changes = changedOptions({ wanted, present: found.options, managed: MANAGED_SERVER_OPTIONS });
    if (changes !== null) steps.push(plainStep("alter server", tenant, `ALTER SERVER ${server} ${changes}`));
  }
  const login = new Map([
    ["user", connection.user],
    ["password", connection.password],
  ]);
  for (const role of new Set([queryRole, onboarded.adminRole])) {
    const target = `USER MAPPING FOR ${quoteIdentifier(role)} SERVER ${server}`;
    const mapping = found?.mappings.get(role);
    if (mapping === undefined) {
      steps.push(secretStep("create user mapping", tenant, (write) => `CREATE ${target} ${newOptions(login, write)}`));
    } else if (mapping === null) {
      notices.push({
        severity: "info",
        text: `the login of ${role} is hidden from ${onboarded.adminRole}: a changed password needs drop and apply`,
      });
    } else if (changedOptions({ wanted: login, present: mapping }) !== null) {
      const alter = (write: (secret: string) => string) =>
        `ALTER ${target} ${changedOptions({ wanted: login, present: mapping }, write) ?? ""}`;
      steps.push(secretStep("alter user mapping", tenant, alter));
    }
  }
  return steps;
}

function relationSteps(
  context: PlanContext,
  tenant: RegistryTenant,
  desired: DesiredRelation,
  found: OnboardedRelation | undefined,
): readonly OnboardingStep[] {
  const table = quoteQualified(desired.schema, desired.name);
  const options = new Map([
    ["schema_name", tenant.schema],
    ["table_name", desired.remoteName],
  ]);
  const steps: OnboardingStep[] = [];
  if (found === undefined) {
    const columns = desired.columns.map((column) => `${quoteIdentifier(column.name)} ${column.type}`).join(", ");
    const server = quoteIdentifier(serverNameOf(tenant.name));
    const sql = `CREATE FOREIGN TABLE ${table} (${columns}) SERVER ${server} ${newOptions(options)}`;
    steps.push(plainStep("create foreign table", tenant.name, sql));
  } else if (found.server !== serverNameOf(tenant.name)) {
    const what = found.server === null ? "something else" : "a table of another foreign server";
    throw refused(tenant.name, `${placeText(desired)} is there already and is ${what}`);
  } else {
    const changes = changedOptions({ wanted: options, present: found.options });
    if (changes !== null) {
      steps.push(plainStep("alter foreign table", tenant.name, `ALTER FOREIGN TABLE ${table} ${changes}`));
    }
    steps.push(...columnSteps(tenant.name, table, desired.columns, found));
  }
  if (context.queryRole !== context.onboarded.adminRole && found?.readable !== true) {
    const sql = `GRANT SELECT ON TABLE ${table} TO ${quoteIdentifier(context.queryRole)}`;
    steps.push(plainStep("grant", tenant.name, sql));
  }
  return steps;
}

function columnSteps(
  tenant: string,
  table: string,
  desired: readonly ForeignColumn[],
  found: OnboardedRelation,
): readonly OnboardingStep[] {
  const steps: OnboardingStep[] = [];
  const step = (kind: "add column" | "alter column" | "drop column", change: string) =>
    steps.push(plainStep(kind, tenant, `ALTER FOREIGN TABLE ${table} ${change}`));
  const wanted = new Map(desired.map((column) => [column.name, column.type]));
  const present = new Set(found.columns.map((column) => column.remoteName));
  for (const column of found.columns) {
    const type = wanted.get(column.remoteName);
    if (type === undefined) step("drop column", `DROP COLUMN ${quoteIdentifier(column.name)}`);
    else if (type !== column.type || column.hasTypeModifier) {
      step("alter column", `ALTER COLUMN ${quoteIdentifier(column.name)} TYPE ${type}`);
    }
  }
  for (const [name, type] of wanted) {
    if (!present.has(name)) step("add column", `ADD COLUMN ${quoteIdentifier(name)} ${type}`);
  }
  return steps;
}

function refused(tenant: string, why: string): AppError {
  return new AppError("ONBOARDING_REFUSED", `tenant "${tenant}": ${why}`, {
    hint: "rename it, drop it, or take the tenant out of the registry",
  });
}
