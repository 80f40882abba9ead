import { execFile } from "node:child_process";
import { cpus, loadavg } from "node:os";
import process from "node:process";
import { promisify } from "node:util";
import { locatePostgres } from "../src/demo/postgres-binaries.ts";

/** One line that says where and how numbers came about; the load average tells whether the machine was quiet. */
export async function describeEnvironment(command: string): Promise<string> {
  const { postgres } = await locatePostgres();
  const { stdout } = await promisify(execFile)(postgres, ["--version"]);
  const version = stdout.replace(/^postgres \(PostgreSQL\) /, "").trim();
  const processors = cpus();
  const [load = 0] = loadavg();
  return [
    new Date().toISOString().slice(0, 10),
    `${processors.length} cores (${processors[0]?.model.trim() ?? "unknown"}), load ${load.toFixed(1)} before the start`,
    `PostgreSQL ${version}`,
    `Node.js ${process.versions.node}`,
    `\`${command}\``,
  ].join(" · ");
}
