import type { Arm, TenantFailure } from "../types.ts";
import { tenantFailure, tenantTimeout } from "./execution-error.ts";
import { type LoneOutcome, readProbe } from "./lone-sessions.ts";
import type { ShareContext } from "./share.ts";

/** Finds out beside the requests which tenants that were down can be reached again. */
export interface Prober {
  close(): void;
}

export interface ProberOptions {
  readonly context: ShareContext;
}

const SWEEP_MS = 250;
// Reading nothing takes a few round trips; connecting, 15.
const PROBE_TIMEOUT_MS = 5_000;
/** Probes take sessions from requests that ask tenants in doubt; those have four. */
const PROBES_AT_ONCE = 2;
/** Probes have turns of their own among those of callers. */
const PROBES = "probes";

/** Looks four times a second whose probe is due. A tenant that has no probe is asked by the next request after its pause. */
export function createProber({ context }: ProberOptions): Prober {
  const { suspects, lone, tenantDeadlineMs, now, closing } = context;
  let running = 0;

  async function probe(arm: Arm, last: TenantFailure): Promise<void> {
    const timeoutMs = Math.min(PROBE_TIMEOUT_MS, tenantDeadlineMs);
    const outcome = await lone
      .ask({
        read: readProbe(arm.sql),
        timeoutMs,
        untilMs: now() + 2 * timeoutMs,
        caller: PROBES,
        signals: [closing],
      })
      .catch((): LoneOutcome => ({ kind: "not_asked" }));
    // It left the fleet meanwhile, and is forgotten.
    if (context.probeOf(arm.tenant) === undefined) return;
    if (outcome.kind === "not_asked" || outcome.kind === "no_session") suspects.postpone(arm.tenant);
    // One whose turn came late had too little time to tell.
    else if (outcome.kind === "silent" && outcome.afterMs < timeoutMs) suspects.postpone(arm.tenant);
    else if (outcome.kind === "silent") suspects.note(tenantTimeout(arm.tenant, outcome.afterMs));
    else if (outcome.kind === "failed" && outcome.facts.kind === "unreachable")
      suspects.note(tenantFailure(arm.tenant, outcome.facts));
    // A tenant that was silent may be so again as soon as it has work to do: the next request asks it apart.
    else if (last.reason === "timeout" || outcome.kind === "failed") suspects.allow(arm.tenant);
    else suspects.clear(arm.tenant);
  }

  function sweep(): void {
    for (const failure of suspects.due()) {
      const arm = context.probeOf(failure.tenant);
      if (arm === undefined) {
        suspects.allow(failure.tenant);
        continue;
      }
      if (running >= PROBES_AT_ONCE) return;
      running += 1;
      suspects.asking(failure.tenant);
      void probe(arm, failure).finally(() => {
        running -= 1;
        // A whole fleet may be back: what waits for the next look would wait a second for eight of them.
        if (!closing.aborted) sweep();
      });
    }
  }

  const timer = setInterval(sweep, SWEEP_MS).unref();
  return { close: () => clearInterval(timer) };
}
