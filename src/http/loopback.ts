import { isIPv4 } from "node:net";

/** True for addresses and names that only this machine can mean: 127.0.0.0/8, ::1, localhost and names under it. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  if (isIPv4(name)) return name.startsWith("127.");
  return name === "::1" || name === "localhost" || name.endsWith(".localhost");
}

/** The host of a Host header or an origin, without scheme and port; null when it is neither. */
export function hostOf(text: string): string | null {
  const match = /^(?:https?:\/\/)?(\[[0-9a-f:.]+\]|[^:/?#@[\]\s]+)(?::\d{1,5})?$/i.exec(text);
  return match?.[1] ?? null;
}
