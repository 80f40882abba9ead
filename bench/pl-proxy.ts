import { access } from "node:fs/promises";
import process from "node:process";
import { createCluster } from "../src/demo/cluster.ts";
import { quoteIdentifier, quoteLiteral } from "../src/postgres/quote.ts";
import { openOneSession } from "./hand-written.ts";
import type { MissingPeer, Peer } from "./peer.ts";
import { QUESTIONS, type Question } from "./questions.ts";
import type { Testbed } from "./testbed.ts";

/** The function that sends one statement to every tenant at once. Needs a function for each question, and every tenant's login in its database. */
export const PL_PROXY = "PL/Proxy, RUN ON ALL";

/** A PostgreSQL 15 with PL/Proxy in front of the tenants. */
export interface PlProxy {
  /** The way through it to the tenants of a testbed; missing, with what to do, where PL/Proxy is not installed. */
  peer(testbed: Testbed): Promise<Peer | MissingPeer>;
  close(): Promise<void>;
}

const PACKAGE = "postgresql-15-plproxy";
const BINARIES = "/usr/lib/postgresql/15/bin";
const LIBRARY = "/usr/lib/postgresql/15/lib/plproxy.so";

/** Starts the server where Debian's package is installed. */
export async function createPlProxy(): Promise<PlProxy> {
  const missing = { name: PL_PROXY, because: `not installed: apt-get install ${PACKAGE}` };
  if (!(await isInstalled())) return { peer: async () => missing, close: async () => undefined };
  const binaries = { initdb: `${BINARIES}/initdb`, postgres: `${BINARIES}/postgres` };
  const cluster = await createCluster({ name: "plproxy", binaries });
  let databases = 0;
  return {
    async peer(testbed) {
      databases += 1;
      const name = `fleet_${databases}`;
      await run(cluster.superuserUrl("postgres"), [`CREATE DATABASE ${quoteIdentifier(name)}`]);
      const url = cluster.superuserUrl(name);
      await run(url, [...fleetStatements(testbed), ...QUESTIONS.map(functionStatement)]);
      return { name: PL_PROXY, open: async () => openSession(url) };
    },
    close: () => cluster.close(),
  };
}

async function isInstalled(): Promise<boolean> {
  if (process.platform !== "linux") return false;
  return access(LIBRARY).then(
    () => true,
    () => false,
  );
}

function openSession(url: string): ReturnType<Peer["open"]> {
  const session = openOneSession(url);
  return Promise.resolve({
    ask: (question) => session.query(`SELECT * FROM ${functionName(question)}()`),
    close: () => session.close(),
  });
}

/** The cluster, which has as many partitions as tenants: without `modular_mapping` that has to be a power of two. */
function fleetStatements({ tenants }: Testbed): readonly string[] {
  const partitions = tenants.map(({ url }, index) => `(${index}, ${quoteLiteral(connectionString(url))})`);
  return [
    "CREATE EXTENSION plproxy",
    "CREATE SCHEMA plproxy",
    "CREATE TABLE plproxy.partitions (index integer PRIMARY KEY, connection text NOT NULL)",
    `INSERT INTO plproxy.partitions VALUES ${partitions.join(", ")}`,
    "CREATE FUNCTION plproxy.get_cluster_version(cluster_name text) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    `CREATE FUNCTION plproxy.get_cluster_partitions(cluster_name text) RETURNS SETOF text LANGUAGE sql
       AS 'SELECT connection FROM plproxy.partitions ORDER BY index'`,
    `CREATE FUNCTION plproxy.get_cluster_config(IN cluster_name text, OUT key text, OUT val text) RETURNS SETOF record LANGUAGE sql
       AS $$ SELECT 'modular_mapping'::text, '1'::text $$`,
  ];
}

function functionStatement(question: Question): string {
  const results = ["tenant text", ...question.columns].map((column) => `OUT ${column}`);
  const select = question.select("entities", "current_database()::text AS tenant, ");
  return `CREATE FUNCTION ${functionName(question)}(${results.join(", ")}) RETURNS SETOF record LANGUAGE plproxy
            AS $$ CLUSTER 'fleet'; RUN ON ALL; ${select}; $$`;
}

function functionName(question: Question): string {
  return quoteIdentifier(`ask ${question.name}`);
}

function connectionString(url: string): string {
  const { hostname, port, pathname, username, password } = new URL(url);
  const parts = { host: hostname, port, dbname: pathname.slice(1), user: username, password };
  return Object.entries(parts)
    .map(([name, value]) => `${name}=${decodeURIComponent(value)}`)
    .join(" ");
}

async function run(url: string, statements: readonly string[]): Promise<void> {
  const database = openOneSession(url);
  try {
    for (const statement of statements) await database.query(statement);
  } finally {
    await database.close();
  }
}
