/** A stream that may be a terminal. */
export interface Screen extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** What a command may touch of the process: it never reads `process` itself. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream;
  /** Results only, so that they can be piped. */
  readonly stdout: Screen;
  /** Progress, notices and errors. */
  readonly stderr: Screen;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted, with the signal's name as the reason, when the program is asked to stop. */
  readonly stop: AbortSignal;
}

/** Writes a line. */
export function printLine(screen: Screen, line = ""): void {
  screen.write(`${line}\n`);
}

/** Resolves with the signal's name when the program is asked to stop. */
export function untilStopped(stop: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const done = () => resolve(String(stop.reason));
    if (stop.aborted) done();
    else stop.addEventListener("abort", done, { once: true });
  });
}
