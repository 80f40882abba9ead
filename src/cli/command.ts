import { parseArgs } from "node:util";
import { suggestion } from "../config/nearest-name.ts";
import { AppError, type AppErrorDetails } from "../errors.ts";
import type { Terminal } from "./terminal.ts";

/** An option of a command. With `value` it takes one, and `value` is how the help calls it. */
export interface Option {
  readonly summary: string;
  readonly value?: string;
  readonly short?: string;
  /** May be given several times. */
  readonly repeated?: boolean;
  /** Shown in the help; commands get it when the option is not given. */
  readonly fallback?: string;
}

export interface Operand {
  readonly name: string;
  readonly required: boolean;
}

/** Options and operands as given. */
export interface Given {
  /** True when the option is given. */
  readonly has: (option: string) => boolean;
  /** The option's value, its fallback, or undefined. */
  readonly text: (option: string) => string | undefined;
  readonly list: (option: string) => readonly string[];
  readonly operand: string | undefined;
}

/** One thing that the program does. `run` resolves with the exit code: 0 done, 1 failed. */
export interface Command {
  /** As typed: `tenants list`. */
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What the help says beyond the summary. */
  readonly details: string;
  readonly operand?: Operand;
  readonly options: Readonly<Record<string, Option>>;
  readonly examples: readonly string[];
  /** Not in the list of commands: for those who work on the program. */
  readonly hidden?: boolean;
  readonly run: (given: Given, terminal: Terminal) => Promise<number>;
}

/** The command line cannot be understood: REQUEST_INVALID, and the exit code is 2. */
export class UsageError extends AppError {
  constructor(message: string, details: AppErrorDetails = {}) {
    super("REQUEST_INVALID", message, details);
    this.name = "UsageError";
  }
}

/** The option that every command has. */
export const HELP: Option = { summary: "Show this help and do nothing", short: "h" };

/** The option of every command whose output a program may want. */
export const JSON_OPTION = {
  json: { summary: "Print JSON for programs; errors are a line of JSON too" },
} as const satisfies Record<string, Option>;

/** Reads a command's arguments. Throws UsageError with what is wrong and what may have been meant. */
export function readArguments(command: Command, args: readonly string[]): Given {
  const declared: Readonly<Record<string, Option>> = { ...command.options, help: HELP };
  const { tokens } = parseArgs({
    args: [...args],
    // Our own messages name the nearest option, so nothing is refused here.
    strict: false,
    tokens: true,
    options: Object.fromEntries(Object.entries(declared).map(([name, option]) => [name, parseOption(option)])),
  });
  const values = new Map<string, string[]>();
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(declared, token.name) ? declared[token.name] : undefined;
    if (option === undefined) throw unknownOption(command, token.rawName, Object.keys(declared));
    const earlier = values.get(token.name) ?? [];
    if (earlier.length > 0 && option.repeated !== true) throw misuse(command, `--${token.name} is given twice`);
    values.set(token.name, [...earlier, readValue(command, token, option)]);
  }
  checkOperands(command, operands, values.has("help"));
  return {
    has: (option) => values.has(option),
    text: (option) => values.get(option)?.[0] ?? declared[option]?.fallback,
    list: (option) => values.get(option) ?? [],
    operand: operands[0],
  };
}

function parseOption(option: Option) {
  const type = option.value === undefined ? ("boolean" as const) : ("string" as const);
  return option.short === undefined ? { type, multiple: true } : { type, multiple: true, short: option.short };
}

function readValue(
  command: Command,
  token: { readonly name: string; readonly value: string | undefined; readonly inlineValue: boolean | undefined },
  option: Option,
): string {
  if (option.value === undefined) {
    if (token.value !== undefined) throw misuse(command, `--${token.name} takes no value`);
    return "";
  }
  // `--format --json` is a forgotten value; `--file -` is standard input.
  const forgotten = token.inlineValue !== true && /^-./.test(token.value ?? "");
  if (token.value === undefined || forgotten) {
    throw misuse(command, `--${token.name} needs a value: --${token.name} ${option.value}`);
  }
  return token.value;
}

function checkOperands(command: Command, operands: readonly string[], helpWanted: boolean): void {
  const allowed = command.operand === undefined ? 0 : 1;
  const extra = operands[allowed];
  if (extra !== undefined) throw misuse(command, `"${extra}" is one argument too many`);
  if (command.operand?.required === true && operands.length === 0 && !helpWanted) {
    throw misuse(command, `${command.operand.name} is missing`);
  }
}

function unknownOption(command: Command, rawName: string, known: readonly string[]): UsageError {
  const names = known.map((name) => `--${name}`);
  return misuse(command, `${rawName} is no option of this command${suggestion(rawName, names)}`);
}

function misuse(command: Command, message: string): UsageError {
  return new UsageError(message, { hint: `see \`tenantry ${command.name} --help\`` });
}
