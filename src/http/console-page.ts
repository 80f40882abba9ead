import { createHash } from "node:crypto";
import type { FleetDescription } from "./system-routes.ts";

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2430;background:#fff}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #d9dee6}
code{font:13px/1.5 ui-monospace,monospace}.missing{color:#b3261e}
@media(prefers-color-scheme:dark){body{color:#e3e8ef;background:#14181f}th,td{border-color:#323a46}.missing{color:#ff8a80}}`;

/** Allows the page's own style and nothing else: no scripts, no frames, no requests. */
export function contentSecurityPolicy(): string {
  const style = createHash("sha256").update(STYLE).digest("base64");
  return `default-src 'none'; style-src 'sha256-${style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

/** The front page: the routes, and the tenants that the caller may see with their state. Every text is escaped. */
export function consolePage({
  routes,
  fleet,
}: {
  readonly routes: readonly { readonly method: string; readonly path: string; readonly summary: string }[];
  readonly fleet: FleetDescription;
}): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Tenantry</title><style>${STYLE}</style></head>
<body>
<h1>Tenantry</h1>
<h2>Fleet</h2>
<p>${escapeHtml(describeState(fleet))}</p>
<table>
<thead><tr><th scope="col">Tenant</th><th scope="col">State</th><th scope="col">Labels</th></tr></thead>
<tbody>
${fleet.tenants.map(tenantRow).join("\n")}
</tbody>
</table>
<h2>Routes</h2>
<table>
<tbody>
${routes.map(({ method, path, summary }) => `<tr><td><code>${escapeHtml(`${method} ${path}`)}</code></td><td>${escapeHtml(summary)}</td></tr>`).join("\n")}
</tbody>
</table>
</body>
</html>
`;
}

function describeState({ catalogAgeSeconds, tenants }: FleetDescription): string {
  if (catalogAgeSeconds === null) return "No catalog is loaded yet.";
  const [down, missing] = ["down", "missing"].map((wanted) => tenants.filter(({ state }) => state === wanted).length);
  return `${tenants.length} tenants, ${down} of them down, ${missing} missing. The catalog is ${catalogAgeSeconds} s old.`;
}

function tenantRow({ tenant, state, labels }: FleetDescription["tenants"][number]): string {
  const shown = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const stateClass = state === "ready" ? "ready" : "missing";
  return `<tr><td>${escapeHtml(tenant)}</td><td class="${stateClass}">${escapeHtml(state)}</td><td>${escapeHtml(shown.join(", "))}</td></tr>`;
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
  ["'", "&#39;"],
]);

/** The text with the five characters of HTML replaced. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES.get(character) ?? "");
}
