import { createApp } from "../src/app.ts";
import { configSchema } from "../src/config/schema.ts";
import { serveParent } from "./child.ts";

/** Tenantry as `tenantry serve` runs it, but for the log. */
await serveParent(async (input) => {
  const app = await createApp({ config: configSchema.parse(input), logLevel: "silent" });
  const url = await app.listen();
  return { port: Number(new URL(url).port), close: () => app.close(0) };
});
