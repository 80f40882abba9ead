import { Presets, SingleBar } from "cli-progress";
import { printLine, type Screen } from "./terminal.ts";

/** A step of long work: what is being done, and how far it is. */
export interface Step {
  readonly text: string;
  readonly done: number;
  readonly total: number;
}

export interface Progress {
  readonly report: (step: Step) => void;
  /** Ends the bar's line; what is printed next starts on its own. */
  readonly close: () => void;
}

const LINES_PER_WORK = 10;

/** Shows long work: a bar on a terminal, about ten plain lines elsewhere, nothing when `quiet`. */
export function createProgress(screen: Screen, options: { readonly title: string; readonly quiet: boolean }): Progress {
  if (options.quiet) return { report: () => {}, close: () => {} };
  return screen.isTTY === true ? createBar(screen, options.title) : createLines(screen, options.title);
}

function createBar(screen: Screen, title: string): Progress {
  const bar = new SingleBar(
    {
      format: `${title} {bar} {value}/{total} {text}`,
      stream: screen,
      clearOnComplete: true,
      // A second Ctrl-C ends the process at once: the terminal must be as it was without our doing.
      hideCursor: false,
      linewrap: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  let started = false;
  return {
    report: ({ text, done, total }) => {
      if (started) bar.setTotal(total);
      else bar.start(total, done, { text });
      started = true;
      bar.update(done, { text });
    },
    close: () => {
      if (started) bar.stop();
    },
  };
}

function createLines(screen: Screen, title: string): Progress {
  let shown = "";
  return {
    report: ({ text, done, total }) => {
      const mark = `${Math.floor((done / Math.max(1, total)) * LINES_PER_WORK)}/${total}`;
      if (mark === shown) return;
      shown = mark;
      printLine(screen, `${title}: ${done}/${total} ${text}`);
    },
    close: () => {},
  };
}
