import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { openOneSession } from "./hand-written.ts";
import type { Testbed } from "./testbed.ts";

const counted = z.tuple([z.object({ n: z.coerce.number() })]);

/** Backends that may be there all the same. */
const FEW = 5;
const LOOK_EVERY_MS = 250;
const PATIENCE_MS = 60_000;

/** Waits for the end of the sessions that were closed: thousands of processes that end keep the machine busy for a while. Gives up after a minute. */
export async function untilQuiet({ adminUrl }: Pick<Testbed, "adminUrl">): Promise<void> {
  const untilMs = Date.now() + PATIENCE_MS;
  const database = openOneSession(adminUrl);
  try {
    while (Date.now() < untilMs) {
      const rows = await database.query(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE backend_type = 'client backend'",
      );
      const [{ n }] = counted.parse(rows);
      if (n <= FEW) return;
      await sleep(LOOK_EVERY_MS);
    }
  } finally {
    await database.close();
  }
}
