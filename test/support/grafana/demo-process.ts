import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { z } from "zod";
import { REPOSITORY } from "./provisioning.ts";

const readySchema = z.object({
  ready: z.literal(true),
  url: z.string(),
  tenants: z.array(z.object({ name: z.string(), url: z.string(), labels: z.record(z.string(), z.string()) })),
});

export type DemoReady = z.infer<typeof readySchema>;

export interface DemoProcess {
  readonly ready: DemoReady;
  /** Ends it as Ctrl-C does and waits until it is gone. */
  close(): Promise<void>;
}

/** Starts the built demo on a free port. Rejects with what it printed when it ends before it is ready. */
export async function startDemo(options: { readonly tenants: number }): Promise<DemoProcess> {
  const args = ["dist/cli/main.js", "demo", "--port", "0", "--json", "--tenants", String(options.tenants)];
  const child = spawn(process.execPath, args, { cwd: REPOSITORY, stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  const printed: string[] = [];
  child.stderr.on("data", (chunk: Buffer) => printed.push(chunk.toString()));
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGINT");
    await exited;
  };
  const ready = new Promise<DemoReady>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const message = readySchema.safeParse(parseLine(line));
      if (message.success) resolve(message.data);
      else printed.push(line);
    });
    child.once("exit", () => reject(new Error(`the demo ended before it was ready: ${printed.join("\n")}`)));
  });
  return { ready: await ready, close };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
