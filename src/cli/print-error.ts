import { maskUrl } from "../config/mask.ts";
import { type AppError, toAppError } from "../errors.ts";
import { printLine, type Screen } from "./terminal.ts";

export interface ErrorContext {
  /** The user's own SQL, so that the place of the mistake can be shown under its line. */
  readonly sql?: string | undefined;
  /** One line of JSON for programs. */
  readonly json?: boolean;
}

/** Prints an error: message, the line of SQL with a caret, the hint. */
export function printError(screen: Screen, error: unknown, { sql, json = false }: ErrorContext = {}): void {
  const known = toAppError(error);
  const message = messageOf(known);
  if (json) {
    const { code, hint, position } = known;
    printLine(screen, JSON.stringify({ error: code, message, hint, position }));
    return;
  }
  printLine(screen, `error: ${message}`);
  for (const line of pointer(known, sql)) printLine(screen, line);
  if (known.hint !== undefined) printLine(screen, `hint: ${known.hint}`);
}

// A fault that nobody foresaw has no message of its own, and of a federation database that cannot be read only the cause
// says what to mend (refused, no such host, wrong password). The one who runs the program has the settings anyway.
function messageOf(error: AppError): string {
  if (error.code !== "INTERNAL" && error.code !== "FEDERATION_UNAVAILABLE") return error.message;
  const cause = error.cause instanceof Error ? error.cause.message || causeCode(error.cause) : "";
  return cause === "" ? error.message : `${error.message}: ${maskUrl(cause)}`;
}

function causeCode(cause: Error): string {
  return "code" in cause ? String(cause.code) : cause.name;
}

function pointer({ position }: AppError, sql: string | undefined): string[] {
  if (position === undefined) return [];
  const line = sql?.split("\n")[position.line - 1];
  if (line === undefined) return [`  at line ${position.line}, column ${position.column}`];
  const number = String(position.line);
  // A tab before the place stays a tab, so that the caret stands under it whatever the tab's width.
  const indent = line.slice(0, position.column - 1).replace(/[^\t]/g, " ");
  return [`  ${number} | ${line}`, `  ${" ".repeat(number.length)} | ${indent}^`];
}
