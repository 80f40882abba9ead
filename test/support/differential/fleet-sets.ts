import fc from "fast-check";
import { createDatabase, type Database } from "../../../src/postgres/database.ts";
import { type FleetApp, type FleetAppOptions, withFleet } from "../app.ts";
import { withDatabase } from "../postgres.ts";
import type { DirectFleet } from "./direct-answer.ts";
import { type RandomTenant, randomFleet } from "./random-fleet.ts";
import { type RandomTemplate, sqlOf } from "./random-template.ts";
import { randomTemplate } from "./random-templates.ts";

/** Templates that one generated fleet is asked: making a fleet takes seconds, asking it milliseconds. */
const TEMPLATES_PER_FLEET = 500;
/** Questions on the way at once. */
const IN_FLIGHT = 4;

export interface Case {
  readonly template: RandomTemplate;
  readonly sql: string;
}

/** What is asked of one fleet. */
export interface CaseCheck {
  readonly check: (one: Case) => Promise<void>;
  readonly close?: () => Promise<void>;
}

export interface RunOptions {
  readonly seed: number;
  readonly cases: number;
  readonly app?: Omit<FleetAppOptions, "ddl">;
  readonly onProgress?: (done: number) => void;
}

/**
 * Generates fleets, and for each a few hundred templates, and checks each template: the same seed gives the same cases. What fails
 * of a fleet is thrown with everything that repeats it.
 */
export async function checkCases(
  { seed, cases, app = {}, onProgress = () => undefined }: RunOptions,
  start: (fleet: FleetApp, direct: DirectFleet) => Promise<CaseCheck>,
): Promise<void> {
  for (let done = 0, round = 0; done < cases; round += 1) {
    const [tenants = []] = fc.sample(randomFleet, { seed: seed + round, numRuns: 1 });
    const templates = fc.sample(randomTemplate, {
      seed: seed + round,
      numRuns: Math.min(TEMPLATES_PER_FLEET, cases - done),
    });
    await withRandomFleet(tenants, app, async (fleet, direct) => {
      const { check, close } = await start(fleet, direct);
      const failures: string[] = [];
      await inTurns(templates, async (template) => {
        const sql = sqlOf(template);
        await check({ template, sql }).catch((error: unknown) => failures.push(`${sql}\n${messageOf(error)}`));
        onProgress(++done);
      });
      await close?.();
      if (failures.length > 0) throw new Error(repetition(seed + round, failures, tenants));
    });
  }
}

/** The first failures say more than one alone; a thousand say no more than that. */
const SHOWN_FAILURES = Number(process.env.SHOWN ?? 5);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 2_000) : String(error);
}

async function withRandomFleet(
  tenants: readonly RandomTenant[],
  app: Omit<FleetAppOptions, "ddl">,
  work: (fleet: FleetApp, direct: DirectFleet) => Promise<void>,
): Promise<void> {
  const ddl = Object.fromEntries(tenants.map((tenant) => [tenant.name, tenant.ddl]));
  await withFleet(
    tenants.map(({ name }) => name),
    { ...app, ddl },
    async (fleet) => {
      await withDatabase(async (url) => {
        const direct = {
          oracle: connect(url),
          tenants: fleet.tenants.map((tenant) => ({ name: tenant.name, database: connect(tenant.url) })),
        };
        try {
          await work(fleet, direct);
        } finally {
          await Promise.all(
            [direct.oracle, ...direct.tenants.map(({ database }) => database)].map((one) => one.close()),
          );
        }
      });
    },
  );
}

/** Sessions like Tenantry's: UTC, and texts that are read back as they were. */
function connect(text: string): Database {
  const url = new URL(text);
  url.searchParams.set("options", "-c TimeZone=UTC -c DateStyle=ISO");
  return createDatabase({
    url: url.href,
    applicationName: "tenantry-test",
    maxConnections: IN_FLIGHT,
    connectTimeoutMs: 10_000,
  });
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const turn = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, turn));
}

function repetition(seed: number, failures: readonly string[], tenants: readonly RandomTenant[]): string {
  const schemas = tenants.map(
    ({ name, columns }) => `  ${name}: ${columns.map((column) => `${column.name} ${column.type}`).join(", ")}`,
  );
  const which = `${failures.length} of ${TEMPLATES_PER_FLEET} templates failed; SEED=${seed} CASES=${TEMPLATES_PER_FLEET} repeats them`;
  return [which, "over", ...schemas, ...failures.slice(0, SHOWN_FAILURES)].join("\n\n");
}
