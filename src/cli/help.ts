import { type Command, HELP, type Option } from "./command.ts";

const WIDTH = 100;
const PROMISE = "One Grafana datasource, one alert rule, one Prometheus target for every tenant database.";

/** The program's help: what it is, its commands, and two ways to begin. */
export function programHelp(commands: readonly Command[]): string {
  const listed = commands.filter((command) => command.hidden !== true);
  return [
    PROMISE,
    "",
    "Usage: tenantry COMMAND [options]",
    "",
    "Commands:",
    ...columns(listed.map((command) => [command.name, command.summary])),
    "",
    "Options:",
    ...columns([
      ["-h, --help", "Show this help, or with a command that command's"],
      ["    --version", "Show the version"],
    ]),
    "",
    "Examples:",
    "  tenantry demo                          81 tenant databases on this machine, to try everything",
    "  tenantry serve --config tenantry.yaml  answer Grafana and Prometheus",
    "",
    "Exit codes: 0 done, 1 failed, 2 the command line cannot be understood.",
    "",
  ].join("\n");
}

/** The help of commands that share their first word, as in `tenantry tenants --help`. */
export function groupHelp(word: string, commands: readonly Command[]): string {
  return [
    `Usage: tenantry ${word} COMMAND [options]`,
    "",
    "Commands:",
    ...columns(commands.map((command) => [command.name, command.summary])),
    "",
    `\`tenantry ${commands[0]?.name ?? word} --help\` shows the options of a command.`,
    "",
  ].join("\n");
}

/** A command's help: what it does, every option with its default, and examples. */
export function commandHelp(command: Command): string {
  const operand = command.operand === undefined ? "" : ` ${operandOf(command.operand)}`;
  return [
    `${command.summary}.`,
    "",
    `Usage: tenantry ${command.name}${operand} [options]`,
    "",
    ...wrap(command.details, WIDTH),
    "",
    "Options:",
    ...columns(Object.entries({ ...command.options, help: HELP }).map(([name, option]) => describe(name, option))),
    "",
    "Examples:",
    ...command.examples.map((example) => `  ${example}`),
    "",
  ].join("\n");
}

function operandOf({ name, required }: { readonly name: string; readonly required: boolean }): string {
  return required ? name : `[${name}]`;
}

function describe(name: string, option: Option): readonly [string, string] {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  const value = option.value === undefined ? "" : ` ${option.value}`;
  const repeated = option.repeated === true ? "; may be repeated" : "";
  const fallback = option.fallback === undefined ? "" : ` (default: ${option.fallback})`;
  return [`${short}--${name}${value}`, `${option.summary}${repeated}${fallback}`];
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.flatMap(([left, right]) => {
    const [first = "", ...rest] = wrap(right, WIDTH - width - 4);
    const indent = " ".repeat(width + 4);
    return [`  ${left.padEnd(width)}  ${first}`, ...rest.map((line) => indent + line)];
  });
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
