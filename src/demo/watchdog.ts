import { spawn } from "node:child_process";
import { once } from "node:events";

/** A process that outlives us just long enough to clean up. */
export interface Watchdog {
  /** Ends it without any cleaning: for when the cluster is gone already. */
  close(): Promise<void>;
}

/**
 * `read` returns when we write a word or, since the pipe then closes, when we die in whatever way. The server is stopped
 * through its own pid file, which it removes as it ends; a server that is just starting has none yet, and gives up
 * when its folder vanishes.
 */
const SCRIPT = `
read -r word
[ "$word" = closed ] && exit 0
tries=0
while [ -f "$1/data/postmaster.pid" ] && [ $tries -lt 50 ]; do
  read -r pid < "$1/data/postmaster.pid" && kill -QUIT "$pid"
  tries=$((tries + 1))
  sleep 0.1
done
until rm -rf "$1" || [ $tries -gt 60 ]; do tries=$((tries + 1)); sleep 0.5; done
`;

/**
 * Starts a shell that waits for our end, be it `kill -9`, and then stops the server of the cluster in `folder` and
 * removes the folder. It never keeps our process alive. Windows has no such shell: there the next start cleans up.
 */
export function createWatchdog(folder: string): Watchdog {
  if (process.platform === "win32") return { close: async () => undefined };
  // Detached: the Ctrl-C of a terminal goes to every process of our group, and must not end this one.
  const child = spawn("/bin/sh", ["-c", SCRIPT, "tenantry-watchdog", folder], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const exited = once(child, "exit").catch(() => undefined);
  child.stdin.on("error", () => undefined);
  child.unref();
  if ("unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref();
  return {
    close: async () => {
      child.ref();
      child.stdin.end("closed\n");
      await exited;
    },
  };
}
