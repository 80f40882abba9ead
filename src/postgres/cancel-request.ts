import { Buffer } from "node:buffer";
import { connect, isIP, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { RawClient } from "./raw-client.ts";

/** Whom to cancel, and how the session reached its server. */
interface CancelTarget {
  readonly host: string;
  readonly port: number;
  readonly ssl: RawClient["ssl"];
  readonly processId: number;
  readonly secretKey: number;
}

const GIVE_UP_AFTER_MS = 2_000;

/**
 * Asks the server to cancel what the client's session runs. Resolves when the server has taken note (it closes the connection),
 * or when it could not be asked: cancelling is best effort, so it never rejects.
 */
export function cancelStatementOf(client: RawClient): Promise<void> {
  const { host, port, processID: processId, secretKey } = client;
  const target: CancelTarget = { host, port, ssl: client.ssl ?? false, processId, secretKey };
  return new Promise((resolve) => {
    const socket = target.host.startsWith("/")
      ? connect(`${target.host}/.s.PGSQL.${target.port}`)
      : connect(target.port, target.host);
    const timer = setTimeout(() => socket.destroy(), GIVE_UP_AFTER_MS);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.once("connect", () => {
      if (target.ssl === false) send(socket, target);
      else sendOverTls(socket, target);
    });
  });
}

function send(socket: Socket, target: CancelTarget): void {
  socket.resume();
  socket.write(cancelMessage(target.processId, target.secretKey));
}

// The key would let anyone who listens cancel this session's statements, so it goes over TLS where the session does.
function sendOverTls(socket: Socket, target: CancelTarget): void {
  socket.once("data", (answer) => {
    if (answer.toString("latin1") !== "S") {
      socket.destroy();
      return;
    }
    const secure = connectTls({
      ...certificates(target.ssl),
      socket,
      host: target.host,
      ...(isIP(target.host) === 0 ? { servername: target.host } : {}),
    });
    secure.on("error", () => socket.destroy());
    secure.once("secureConnect", () => send(secure, target));
  });
  socket.write(sslRequest());
}

// What the session's own TLS was set up with, as far as it is set.
function certificates(ssl: CancelTarget["ssl"]): ConnectionOptions {
  if (typeof ssl !== "object") return {};
  const { ca, cert, key, passphrase, rejectUnauthorized } = ssl;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(typeof key === "string" ? { key } : {}),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
}

function cancelMessage(processId: number, secretKey: number): Buffer {
  const message = Buffer.alloc(16);
  message.writeInt32BE(16, 0);
  message.writeInt32BE(80_877_102, 4);
  message.writeInt32BE(processId, 8);
  message.writeInt32BE(secretKey, 12);
  return message;
}

function sslRequest(): Buffer {
  const message = Buffer.alloc(8);
  message.writeInt32BE(8, 0);
  message.writeInt32BE(80_877_103, 4);
  return message;
}
