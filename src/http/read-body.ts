import type { IncomingMessage } from "node:http";
import { AppError, positionAt } from "../errors.ts";
import type { Middleware } from "./request-state.ts";

// What is too large is still read, and thrown away, so that the client is done sending and reads the answer.
const DRAIN_BYTES = 64 * 1024 * 1024;

/** Reads the body as JSON, whatever the Content-Type says: Infinity sends text/plain or none. No body is `{}`. */
export function readBody({ maxBytes }: { maxBytes: number }): Middleware {
  return async (request, response, next) => {
    const { state } = response.locals;
    if (request.method === "POST") state.body = parseJson(decode(await collect(request, maxBytes)));
    next();
  };
}

async function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const encoding = request.headers["content-encoding"] ?? "identity";
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request) {
      const data = Buffer.from(chunk);
      bytes += data.length;
      if (bytes <= maxBytes) chunks.push(data);
      else chunks.length = 0;
      if (bytes > DRAIN_BYTES) break;
    }
  } catch (error) {
    throw new AppError("REQUEST_INVALID", "the body ended too early", { cause: error });
  }
  if (bytes > maxBytes) {
    throw new AppError("REQUEST_TOO_LARGE", `the body has more than ${maxBytes} bytes`, {
      hint: "limits.sqlBytes sets the limit; a body may have four times that",
    });
  }
  if (encoding.toLowerCase() !== "identity") {
    throw new AppError("REQUEST_INVALID", `the body is encoded as ${encoding.slice(0, 40)}`, {
      hint: "send it without Content-Encoding",
    });
  }
  return Buffer.concat(chunks);
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new AppError("REQUEST_INVALID", "the body is not UTF-8", { cause: error });
  }
}

function parseJson(text: string): unknown {
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : "";
    // V8 names a position for some mistakes, the text around it for the others.
    const offset = /at position (\d+)/.exec(reason)?.[1];
    throw new AppError("REQUEST_INVALID", `the body is no JSON: ${reason}`, {
      position: offset === undefined ? undefined : positionAt(text, Number(offset)),
      cause: error,
    });
  }
}
