import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createServer } from "node:http";
import { z } from "zod";
import { serveParent } from "./child.ts";

const order = z.object({ body: z.string(), contentType: z.string() });

/** The least that Node's HTTP server can do: the same bytes for every request, without looking at it. */
await serveParent(async (input) => {
  const { body, contentType } = order.parse(input);
  const bytes = Buffer.from(body);
  const headers = { "Content-Type": contentType, "Content-Length": bytes.length };
  const server = createServer((_request, response) => {
    response.writeHead(200, headers).end(bytes);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("a TCP server has an address with a port");
  return {
    port: address.port,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
});
