import { fork } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** A server in a process of its own, so that what is measured does not share a thread with what measures it. */
export interface Child {
  readonly port: number;
  readonly pid: number;
  /** Stops the server and waits for the end of its process. */
  close(): Promise<void>;
}

/** What runs in the child. */
export interface Service {
  readonly port: number;
  close(): Promise<void>;
}

const ready = z.object({ port: z.int() });

/**
 * Runs a file of this folder, with `input` as its order, until `close`; secrets in the order never show in a list of
 * processes. Rejects when it ends before it is ready.
 */
export async function startChild(
  file: string,
  input: unknown,
  { nodeOptions = [] }: { readonly nodeOptions?: readonly string[] } = {},
): Promise<Child> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    execArgv: [...process.execArgv, ...nodeOptions],
  });
  const exited = once(child, "exit");
  child.send({ input });
  const [message] = await Promise.race([
    once(child, "message"),
    exited.then(() => {
      throw new Error(`${file} ended before it was ready`);
    }),
  ]);
  return {
    port: ready.parse(message).port,
    pid: z.int().parse(child.pid),
    close: async () => {
      child.disconnect();
      await exited;
    },
  };
}

/** Tenantry in a process of its own, with the settings of Node that the program has. */
export function startTenantry(settings: unknown): Promise<Child> {
  return startChild("tenantry-process.ts", settings, { nodeOptions: ["--max-semi-space-size=8"] });
}

/** The child's side: starts the service that the order asks for, and ends it with the parent, whatever ends that. */
export async function serveParent(start: (input: unknown) => Promise<Service>): Promise<void> {
  // Ctrl-C in a terminal goes to us too; the parent decides when we end.
  process.on("SIGINT", () => undefined);
  const [message] = await once(process, "message");
  const service = await start(z.object({ input: z.unknown() }).parse(message).input);
  process.once("disconnect", () => void service.close().then(() => process.exit()));
  process.send?.({ port: service.port });
}
