import { readFile } from "node:fs/promises";
import { AppError } from "../errors.ts";

/** Whom a child process runs as, in the form that `spawn` takes. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user that PostgreSQL, which refuses to run as root, is to run as: `postgres`, else `nobody`; undefined when we
 * are not root and it can run as ourselves.
 */
export async function findUnprivilegedUser(): Promise<UserIds | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const passwd = await readFile("/etc/passwd", "utf8");
  const ids = userIn(passwd, "postgres") ?? userIn(passwd, "nobody");
  if (ids === undefined) {
    throw new AppError("CONFIG_INVALID", "PostgreSQL refuses to run as root, and there is no user postgres or nobody", {
      hint: "run this as an ordinary user, or create one of the two",
    });
  }
  return ids;
}

function userIn(passwd: string, name: string): UserIds | undefined {
  const fields = passwd
    .split("\n")
    .find((line) => line.startsWith(`${name}:`))
    ?.split(":");
  const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
  return uid > 0 && gid > 0 ? { uid, gid } : undefined;
}
