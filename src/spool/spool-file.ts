import type { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { join } from "node:path";

/** Bytes that wait on disk. The file has no name, so that nobody else can read it and nothing of it outlives the process. */
export interface SpoolFile {
  /** Where the bytes will be once `written` resolves. `bytes` may not be changed before. */
  append(bytes: Buffer): { readonly position: number; readonly written: Promise<void> };
  /** Fills `into` with what was written at `position`. */
  read(position: number, into: Buffer): Promise<void>;
  /** Resolves when nothing is being written or read. Never rejects. */
  flushed(): Promise<void>;
  /** Gives the space back, when what runs has ended. */
  close(): Promise<void>;
}

/** A file in `folder`, made with the first `append`. Its promises reject with Node's error, such as ENOSPC. */
export function createSpoolFile(folder: string): SpoolFile {
  let opening: Promise<FileHandle> | null = null;
  let end = 0;
  const running = new Set<Promise<void>>();

  async function openNameless(): Promise<FileHandle> {
    const path = join(folder, `tenantry-${randomUUID()}`);
    const file = await open(path, "wx+", 0o600);
    await unlink(path);
    return file;
  }

  function track(work: Promise<void>): Promise<void> {
    running.add(work);
    const forget = (): void => {
      running.delete(work);
    };
    work.then(forget, forget);
    return work;
  }

  async function writeAll(bytes: Buffer, position: number): Promise<void> {
    opening ??= openNameless();
    const file = await opening;
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }

  async function readAll(position: number, into: Buffer): Promise<void> {
    const file = await opening;
    for (let done = 0; done < into.length; ) {
      const bytesRead = (await file?.read(into, done, into.length - done, position + done))?.bytesRead ?? 0;
      if (bytesRead === 0) throw new RangeError("the spool file ends before what was written to it");
      done += bytesRead;
    }
  }

  async function flushed(): Promise<void> {
    await Promise.allSettled([...running]);
  }

  return {
    flushed,
    append(bytes) {
      const position = end;
      end += bytes.length;
      return { position, written: track(writeAll(bytes, position)) };
    },
    read: (position, into) => track(readAll(position, into)),
    async close() {
      await flushed();
      await (await opening?.catch(() => null))?.close();
    },
  };
}
