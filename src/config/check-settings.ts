import { isTime } from "../input/time-input.ts";
import { exportMistakes } from "./check-exports.ts";
import { isLoopback } from "./loopback.ts";
import type { Mistake } from "./mistakes.ts";
import type { Config } from "./schema.ts";
import { formatDuration } from "./units.ts";

export type Section = keyof Config;

/** A rule between settings. It runs when the sections that it needs could be read. */
export interface SettingsCheck {
  readonly needs: readonly Section[];
  readonly find: (config: Config) => readonly Mistake[];
}

/** The rules that the settings alone can decide. */
export const SETTINGS_CHECKS: readonly SettingsCheck[] = [
  { needs: ["server", "auth"], find: findUnguardedHost },
  { needs: ["federation"], find: findForeignUrls },
  { needs: ["limits"], find: findLateTenantDeadline },
  { needs: ["server", "federation", "tenants", "limits", "queries"], find: findImpossibleTimes },
  { needs: ["tenants"], find: ({ tenants }) => duplicates(["tenants", "registry"], "name", tenants.registry) },
  { needs: ["auth"], find: ({ auth }) => duplicates(["auth", "tokens"], "name", auth.tokens) },
  { needs: ["auth"], find: ({ auth }) => duplicates(["auth", "tokens"], "sha256", auth.tokens) },
  { needs: ["queries"], find: ({ queries }) => exportMistakes(queries) },
  { needs: ["queries"], find: findWrongParams },
];

function findUnguardedHost({ server, auth }: Config): Mistake[] {
  if (auth.tokens.length > 0 || isLoopback(server.host)) return [];
  return [
    {
      path: ["server", "host"],
      text: `"${server.host}" can be reached from other machines, and auth.tokens is empty; add a token, or listen on 127.0.0.1`,
    },
  ];
}

function findForeignUrls({ federation }: Config): Mistake[] {
  return (["url", "adminUrl"] as const)
    .filter((key) => !/^postgres(ql)?:\/\//.test(federation[key] ?? "postgres://"))
    .map((key) => ({ path: ["federation", key], text: "write postgres://user:password@host:port/database" }));
}

function findLateTenantDeadline({ limits }: Config): Mistake[] {
  if (limits.tenantDeadline < limits.deadline) return [];
  const text = "must be shorter than limits.deadline, or one slow tenant takes the whole answer with it";
  return [{ path: ["limits", "tenantDeadline"], text }];
}

// Longer timers than this fire at once: Node keeps them in 31 bits.
const LONGEST_TIMER_MS = 24 * 86_400_000;

function findImpossibleTimes({ server, federation, tenants, limits, queries }: Config): Mistake[] {
  const timers: readonly { readonly path: readonly string[]; readonly ms: number; readonly leastMs: number }[] = [
    { path: ["server", "shutdownGrace"], ms: server.shutdownGrace, leastMs: 0 },
    { path: ["federation", "connectTimeout"], ms: federation.connectTimeout, leastMs: 1 },
    { path: ["tenants", "refresh"], ms: tenants.refresh, leastMs: 1_000 },
    { path: ["limits", "deadline"], ms: limits.deadline, leastMs: 1 },
    { path: ["limits", "tenantDeadline"], ms: limits.tenantDeadline, leastMs: 1 },
    ...Object.entries(queries).flatMap(([name, { deadline = 1, interval }]) => [
      { path: ["queries", name, "deadline"], ms: deadline, leastMs: 1 },
      { path: ["queries", name, "interval"], ms: interval, leastMs: 1 },
    ]),
  ];
  return timers
    .filter(({ ms, leastMs }) => ms < leastMs || ms > LONGEST_TIMER_MS)
    .map(({ path, leastMs }) => ({
      path,
      text: `must be from ${formatDuration(leastMs)} to ${formatDuration(LONGEST_TIMER_MS)}`,
    }));
}

function duplicates<K extends string>(
  path: readonly string[],
  key: K,
  items: readonly Readonly<Record<K, string>>[],
): Mistake[] {
  return items.flatMap((item, index) => {
    const first = items.findIndex((other) => other[key] === item[key]);
    return first === index
      ? []
      : [{ path: [...path, index, key], text: `is the same as ${path.join(".")}.${first}.${key}` }];
  });
}

function findWrongParams({ queries }: Config): Mistake[] {
  return Object.entries(queries).flatMap(([name, query]) =>
    Object.entries(query.params).flatMap(([param, declared]) => {
      const path = ["queries", name, "params", param];
      const values = declared.values ?? [];
      const wrong = values.flatMap((value, index) =>
        isOfType(value, declared.type)
          ? []
          : [{ path: [...path, "values", index], text: `must be of type ${declared.type}` }],
      );
      if (declared.default === undefined) return wrong;
      const fault = !isOfType(declared.default, declared.type)
        ? `must be of type ${declared.type}`
        : values.length > 0 && !values.includes(declared.default)
          ? "must be one of the param's values"
          : null;
      return fault === null ? wrong : [...wrong, { path: [...path, "default"], text: fault }];
    }),
  );
}

function isOfType(
  value: string | number | boolean,
  type: Config["queries"][string]["params"][string]["type"],
): boolean {
  switch (type) {
    case "text":
      return typeof value === "string";
    case "timestamp":
      return typeof value === "string" && isTime(value);
    case "integer":
      return Number.isInteger(value);
    case "number":
      return typeof value === "number";
    case "boolean":
      return typeof value === "boolean";
  }
  return type satisfies never;
}
