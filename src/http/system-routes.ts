import { Buffer } from "node:buffer";
import { AppError } from "../errors.ts";
import { readScrapeTimeout } from "../protocols/duration-input.ts";
import { viewFleet } from "../protocols/fleet-view.ts";
import { jsonAnswer, type Route } from "../protocols/route.ts";
import type { Catalog, Principal, TenantDoubt, TenantState } from "../types.ts";
import { consolePage, contentSecurityPolicy } from "./console-page.ts";

/** Whether queries can be answered now, and if not, why, in words that anyone may read. */
export type Readiness = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface SystemServices {
  readonly catalog: () => Catalog | null;
  /** Tenants that are down or on trial. */
  readonly doubts: () => readonly TenantDoubt[];
  readonly ready: () => Promise<Readiness>;
  /** What `/metrics` says, by the time that the scrape may take in milliseconds, or null. */
  readonly metricsText: (timeoutMs: number | null) => Promise<{ contentType: string; body: string }>;
  readonly now: () => number;
  /** All routes, for the pages that name them. */
  readonly routes: () => readonly Route[];
}

/** The routes that belong to the server rather than to a protocol: the front page, health, metrics. */
export function systemRoutes({ catalog, doubts, ready, metricsText, now, routes }: SystemServices): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/",
      summary: "Names the routes and shows the fleet.",
      access: "caller",
      contentTypes: ["text/html", "application/json"],
      run: async ({ principal, accept }) => {
        const fleet = describeFleet(catalog(), doubts(), principal, now());
        const listed = routes().map(({ method, path, summary }) => ({ method, path, summary }));
        const vary = { Vary: "Accept, Accept-Encoding" };
        if (!/\btext\/html\b/i.test(accept))
          return { ...jsonAnswer({ name: "tenantry", routes: listed, fleet }), headers: vary };
        return {
          contentType: "text/html; charset=utf-8",
          body: Buffer.from(consolePage({ routes: listed, fleet })),
          summary: null,
          headers: { ...vary, "Content-Security-Policy": contentSecurityPolicy(), "Referrer-Policy": "no-referrer" },
        };
      },
    },
    {
      method: "GET",
      path: "/healthz",
      summary: "Tells that the process answers.",
      access: "caller",
      run: async () => jsonAnswer({ status: "ok" }),
    },
    {
      method: "GET",
      path: "/readyz",
      summary: "Tells whether queries can be answered; 503 with the reason if not.",
      access: "caller",
      run: async () => {
        const readiness = await ready();
        if (readiness.ok) return jsonAnswer({ status: "ready" });
        throw new AppError("FEDERATION_UNAVAILABLE", readiness.reason, { retryAfterSeconds: 5 });
      },
    },
    {
      method: "GET",
      path: "/metrics",
      summary: "Prometheus: Tenantry's own metrics and the exported queries.",
      access: "all-tenants",
      contentTypes: ["text/plain"],
      run: async ({ scrapeTimeout }) => {
        const { contentType, body } = await metricsText(readScrapeTimeout(scrapeTimeout));
        return { contentType, body: Buffer.from(body), summary: null };
      },
    },
  ];
}

/** The fleet as the front page shows it. */
export interface FleetDescription {
  /** Null while no catalog is loaded. */
  readonly catalogAgeSeconds: number | null;
  readonly tenants: readonly {
    readonly tenant: string;
    /** `ready`, `missing`, or `down` as long as it is asked nothing or on trial. */
    readonly state: TenantState | "down";
    readonly labels: Readonly<Record<string, string>>;
  }[];
}

function describeFleet(
  catalog: Catalog | null,
  doubts: readonly TenantDoubt[],
  principal: Principal,
  nowMs: number,
): FleetDescription {
  if (catalog === null) return { catalogAgeSeconds: null, tenants: [] };
  const down = new Set(doubts.map(({ tenant }) => tenant));
  return {
    catalogAgeSeconds: Math.max(0, Math.round((nowMs - catalog.loadedAtMs) / 1000)),
    tenants: viewFleet(catalog, principal).tenants.map(({ name, state, labels }) => ({
      tenant: name,
      state: down.has(name) ? ("down" as const) : state,
      labels,
    })),
  };
}
