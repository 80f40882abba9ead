import { once } from "node:events";
import { createServer } from "node:net";
import type { App } from "../app.ts";
import { AppError } from "../errors.ts";

/** Makes the app listen and resolves with its URL. Throws REQUEST_INVALID, with what to do, when the port is taken. */
export function listen(app: Pick<App, "listen">, port: number): Promise<string> {
  return app.listen().catch((error: unknown) => {
    throw portError(error, port);
  });
}

/** Throws the same at once when the port is taken now: before work that takes long and would be for nothing. */
export async function refuseTakenPort(port: number, host: string): Promise<void> {
  const server = createServer().listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    throw portError(error, port);
  } finally {
    server.close();
  }
}

function portError(error: unknown, port: number): unknown {
  const cause = error instanceof AppError ? error.cause : error;
  if (!(cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE")) return error;
  const hint = "choose another with --port, or --port 0 for a free one";
  return new AppError("REQUEST_INVALID", `port ${port} is taken`, { hint, cause });
}
