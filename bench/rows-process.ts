import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createServer } from "node:http";
import pgPromise from "pg-promise";
import { z } from "zod";
import { serveParent } from "./child.ts";

const order = z.object({ url: z.string(), sql: z.string() });

/** What one writes first: asks by pg-promise, and answers with what JSON.stringify makes of all rows. */
await serveParent(async (input) => {
  const { url, sql } = order.parse(input);
  const database = pgPromise({ noWarnings: true })({ connectionString: url, max: 1 });
  const server = createServer((_request, response) => {
    database.any(sql).then(
      (rows: unknown) => {
        const body = Buffer.from(JSON.stringify(rows));
        response.writeHead(200, { "Content-Type": "application/json", "Content-Length": body.length }).end(body);
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: z.object({ port: z.int() }).parse(server.address()).port,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await database.$pool.end();
    },
  };
});
