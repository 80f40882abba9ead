import { createHash } from "node:crypto";
import type { Observation } from "../../src/observation.ts";
import { type FleetApp, openFleet } from "./app.ts";

/** Names that are only names, however they look. */
export const ATTACKED_TENANTS = ["acme", "beta", "qu'o\"te", "do$1llar", "ünï"] as const;
/** Stands in the tenants' data and in what their functions raise; nobody may see it by accident. */
export const CANARY = "canary7f3a9";
/** Tokens of callers who see all tenants, `acme`, and those with `plan=pro` (again `acme`). */
export const TOKENS = { all: "token-of-all", acme: "token-of-acme", pro: "token-of-pro" } as const;

const DDL = `CREATE TABLE orders (id int, total numeric); INSERT INTO orders VALUES (1, 10);
  CREATE TABLE secrets (word text); INSERT INTO secrets VALUES ('${CANARY}-data');
  CREATE FUNCTION boom() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '${CANARY} raised'; END $$;
  CREATE VIEW raising AS SELECT boom() AS n;`;

/** What a caller is told. */
export interface Told {
  readonly status: number;
  /** Status line, headers and body. */
  readonly text: string;
  readonly body: string;
}

export interface AttackedFleet extends FleetApp {
  readonly observations: readonly Observation[];
  /** Sends a request: a GET when `body` is undefined, else a POST; with a token unless it is null. */
  readonly send: (
    path: string,
    body: unknown,
    token?: string | null,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Told>;
  readonly close: () => Promise<void>;
}

/** A fleet behind HTTP with tokens. Its sessions are a superuser's: what stops an attack is Tenantry alone, not the database's grants. */
export async function openAttackedFleet(): Promise<AttackedFleet> {
  const observations: Observation[] = [];
  const fleet = await openFleet(ATTACKED_TENANTS, {
    ddl: {
      ...Object.fromEntries(ATTACKED_TENANTS.map((name) => [name, DDL])),
      acme: DDL.replace(`${CANARY}-data`, "plain"),
    },
    labels: { acme: { plan: "pro", "o'dd \"key$1": "va'l\"ue $<tenant>" } },
    observe: (observation) => observations.push(observation),
    config: {
      auth: { tokens: [tokenOf("all", "*"), tokenOf("acme", "acme"), tokenOf("pro", "plan=pro")] },
      queries: { totals: { sql: "SELECT sum(total) AS value FROM $<tenant>_orders", export: { name: "totals" } } },
    },
  });
  return {
    ...fleet,
    observations,
    send: async (path, body, token = TOKENS.all, headers = {}) => {
      const response = await fetch(`${fleet.url}${path}`, {
        headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
        ...(body === undefined ? {} : { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        body: text,
        text: `${response.statusText}\n${JSON.stringify([...response.headers])}\n${text}`,
      };
    },
  };
}

function tokenOf(name: keyof typeof TOKENS, tenants: string) {
  return { name, tenants, sha256: createHash("sha256").update(TOKENS[name]).digest("hex") };
}
