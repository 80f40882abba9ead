import { execFile, spawn } from "node:child_process";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { findUnprivilegedUser, type UserIds } from "../../src/demo/unprivileged-user.ts";

const BINARIES = process.env.TEST_POSTGRES15_BIN ?? "/usr/lib/postgresql/15/bin";
const INSTALL =
  "install Debian's PostgreSQL 15 (apt-get install postgresql-15), or set TEST_POSTGRES15_BIN to the folder of its programs";

/** What PostgreSQL's single-user mode prints of a row's only column. */
const ONLY_COLUMN = /^\t 1: \w+ = "(.*)"\t\(typeid = /m;

/**
 * Asks a PostgreSQL 15 of its own one question, of one row and one column of text without line breaks. It runs in single-user mode, so that there
 * is no server to reach, and none to be left behind. Rejects with a sentence that says how to get PostgreSQL 15 when it is missing.
 */
export async function askPostgres15(sql: string): Promise<string> {
  const user = await findUnprivilegedUser();
  const folder = await mkdtemp(path.join(tmpdir(), "tenantry-postgres-15-"));
  try {
    if (user !== undefined) await chown(folder, user.uid, user.gid);
    const data = path.join(folder, "data");
    const flags = ["-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
    await promisify(execFile)(path.join(BINARIES, "initdb"), flags, { ...user, cwd: "/" }).catch((cause: unknown) => {
      throw new Error(`PostgreSQL 15 cannot be run from ${BINARIES}: ${INSTALL}`, { cause });
    });
    const printed = await runSingle(data, sql, user);
    const value = ONLY_COLUMN.exec(printed)?.[1];
    if (value === undefined) throw new Error(`PostgreSQL 15 gave no row: ${printed}`);
    return value;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runSingle(data: string, sql: string, user: UserIds | undefined): Promise<string> {
  const child = spawn(path.join(BINARIES, "postgres"), ["--single", "-D", data, "postgres"], { ...user, cwd: "/" });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      printed += text;
    });
  }
  // Here a statement ends with its line.
  child.stdin.end(`${sql.replaceAll(/\s*\n\s*/g, " ")}\n`);
  await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return printed;
}
