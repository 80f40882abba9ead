import { isIPv4 } from "node:net";

/** True for addresses and names that only this machine can mean: 127.0.0.0/8, ::1, localhost and names under it. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  if (isIPv4(name)) return name.startsWith("127.");
  return name === "::1" || name === "localhost" || name.endsWith(".localhost");
}
