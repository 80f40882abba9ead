import { serveParent } from "./child.ts";

/** Part of the program that `npm run build` made. What runs the sources names every function again at run time, which costs a request milliseconds. */
function built(path: string): string {
  return new URL(`../dist/${path}`, import.meta.url).href;
}

/** Tenantry as `tenantry serve` runs it, but for the log. */
await serveParent(async (input) => {
  const { createApp }: typeof import("../src/app.ts") = await import(built("app.js"));
  const { configSchema }: typeof import("../src/config/schema.ts") = await import(built("config/schema.js"));
  const app = await createApp({ config: configSchema.parse(input), logLevel: "silent" });
  const url = await app.listen();
  return { port: Number(new URL(url).port), close: () => app.close(0) };
});
