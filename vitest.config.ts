import process from "node:process";
import { defineConfig } from "vitest/config";

// Three parts, and a long run that is asked for by name. `unit` and `golden` need nothing; `integration` starts an embedded PostgreSQL;
// `e2e` starts the built program as a process.
export default defineConfig({
  test: {
    // A server has 100 connections unless told otherwise, of which one file's fleets take up to half.
    ...(process.env.TEST_DATABASE_URL !== undefined && { maxWorkers: 1 }),
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts", "test/golden/**/*.test.ts"], testTimeout: 60_000 } },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/support/global-postgres.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "long",
          include: ["test/long/**/*.test.ts"],
          globalSetup: ["test/support/global-postgres.ts"],
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "faults",
          include: ["test/faults/**/*.test.ts"],
          globalSetup: ["test/support/global-postgres.ts", "test/support/global-build.ts"],
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "soak",
          include: ["test/soak/**/*.test.ts"],
          globalSetup: ["test/support/global-postgres.ts"],
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["test/support/global-build.ts"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
