import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Ports from 32768 on are handed out to outgoing connections at any moment: one found free may be taken a moment later. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_767;

/** A port of 127.0.0.1 that nothing listens on now, chosen at random so that two searches rarely meet. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
