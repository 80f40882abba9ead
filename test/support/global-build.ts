import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));

/** Builds the program once, before the tests that start it as a process. */
export async function setup(): Promise<void> {
  // Under Vitest NODE_ENV is "test"; the build must not notice.
  const { NODE_ENV: _, ...env } = process.env;
  await promisify(execFile)("npm", ["run", "--silent", "build"], { cwd: REPOSITORY, env });
}
