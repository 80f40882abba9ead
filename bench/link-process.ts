import { z } from "zod";
import { createDelayProxy, type DelayProxyOptions } from "../src/demo/delay-proxy.ts";
import { serveParent } from "./child.ts";

const order = z.object({ targetHost: z.string(), targetPort: z.int(), delayMs: z.number() });

/** A slow link: every byte between the federation database and the tenants goes through it. */
await serveParent(async (input) => {
  const options: DelayProxyOptions = order.parse(input);
  return createDelayProxy(options);
});
