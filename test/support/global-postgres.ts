import type { TestProject } from "vitest/node";
import { type Cluster, createCluster } from "../../src/demo/cluster.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A superuser's connection string of the database `postgres` on the server that the tests share. */
    postgresUrl: string;
  }
}

let cluster: Cluster | undefined;

/** Starts one PostgreSQL for all integration tests, or takes that of `TEST_DATABASE_URL`. */
export async function setup(project: TestProject): Promise<void> {
  const given = process.env.TEST_DATABASE_URL;
  if (given === undefined || given === "") {
    cluster = await createCluster({ name: "test", settings: { max_connections: "1000" } });
  }
  project.provide("postgresUrl", cluster?.superuserUrl("postgres") ?? given ?? "");
}

/** Stops it again. */
export async function teardown(): Promise<void> {
  await cluster?.close();
  cluster = undefined;
}
