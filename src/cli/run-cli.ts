import { suggestion } from "../config/nearest-name.ts";
import { AppError } from "../errors.ts";
import { type Command, type Given, readArguments, UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { commandHelp, groupHelp, programHelp } from "./help.ts";
import { packageVersion } from "./package-file.ts";
import { printError } from "./print-error.ts";
import { printLine, type Terminal } from "./terminal.ts";

const DONE = 0;
/** What a shell says of a program that a signal ended: 128 and the signal's number. */
const STOPPED: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 };
const FAILED = 1;
const MISUSED = 2;

/** Runs the command that the arguments name and resolves with the exit code. Never rejects. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  const [first] = args;
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    terminal.stdout.write(programHelp(COMMANDS));
    return first === undefined ? MISUSED : DONE;
  }
  if (first === "--version") {
    printLine(terminal.stdout, await packageVersion());
    return DONE;
  }
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  if (group.length > 0 && ["--help", "-h"].includes(args[1] ?? "")) {
    terminal.stdout.write(groupHelp(first, group));
    return DONE;
  }
  let command: Command;
  let given: Given;
  try {
    const found = findCommand(args);
    command = found.command;
    given = readArguments(command, found.rest);
  } catch (error) {
    printError(terminal.stderr, error);
    return MISUSED;
  }
  if (given.has("help")) {
    terminal.stdout.write(commandHelp(command));
    return DONE;
  }
  try {
    return await command.run(given, terminal);
  } catch (error) {
    if (terminal.stop.aborted) {
      printLine(terminal.stderr, "stopped");
      return STOPPED[String(terminal.stop.reason)] ?? FAILED;
    }
    printError(terminal.stderr, error, { json: given.has("json") });
    return error instanceof UsageError ? MISUSED : FAILED;
  }
}

function findCommand(args: readonly string[]): { readonly command: Command; readonly rest: readonly string[] } {
  for (const length of [2, 1]) {
    const name = args.slice(0, length).join(" ");
    const command = COMMANDS.find((candidate) => candidate.name === name);
    if (command !== undefined) return { command, rest: args.slice(length) };
  }
  throw unknownCommand(args);
}

function unknownCommand([first = "", second]: readonly string[]): AppError {
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name);
  if (group.length > 0) {
    const asked = second === undefined || second.startsWith("-") ? first : `${first} ${second}`;
    return new AppError("REQUEST_INVALID", `"${asked}" is no command`, { hint: `there is: ${group.join(", ")}` });
  }
  const known = COMMANDS.filter(({ hidden }) => hidden !== true).map(({ name }) => name);
  return new AppError("REQUEST_INVALID", `"${first}" is no command${suggestion(first, known)}`, {
    hint: "`tenantry --help` lists the commands",
  });
}
