/** One macro of Grafana's PostgreSQL datasource, or `$param` of ours. */
export interface Macro {
  readonly name: string;
  readonly minArguments: number;
  readonly maxArguments: number;
  /** Written without parentheses, as `$__interval`. */
  readonly bare: boolean;
  readonly usage: string;
  readonly meaning: string;
}

function macro(
  name: string,
  [minArguments, maxArguments]: readonly [number, number],
  usage: string,
  meaning: string,
): Macro {
  return { name, minArguments, maxArguments, bare: false, usage, meaning };
}

/** All macros, by name in lower case (the SQL lexer folds the names that stand for them). `docs/macros.md` is tested against this. */
export const MACROS: ReadonlyMap<string, Macro> = new Map(
  [
    macro("__time", [1, 1], "$__time(column)", 'the column as `"time"`'),
    macro("__timeEpoch", [1, 1], "$__timeEpoch(column)", 'the column\'s epoch seconds as `"time"`'),
    macro("__timeFilter", [1, 1], "$__timeFilter(column)", "the column is within the time range"),
    macro("__timeFrom", [0, 0], "$__timeFrom()", "the range's begin as a literal"),
    macro("__timeTo", [0, 0], "$__timeTo()", "the range's end as a literal"),
    macro(
      "__timeGroup",
      [2, 3],
      "$__timeGroup(column, '5m'[, fill])",
      "the begin of the column's interval, in epoch seconds",
    ),
    macro("__timeGroupAlias", [2, 3], "$__timeGroupAlias(column, '5m'[, fill])", 'the same as `"time"`'),
    macro(
      "__unixEpochFilter",
      [1, 1],
      "$__unixEpochFilter(column)",
      "a column of epoch seconds is within the time range",
    ),
    macro("__unixEpochFrom", [0, 0], "$__unixEpochFrom()", "the range's begin in epoch seconds"),
    macro("__unixEpochTo", [0, 0], "$__unixEpochTo()", "the range's end in epoch seconds"),
    macro(
      "__unixEpochNanoFilter",
      [1, 1],
      "$__unixEpochNanoFilter(column)",
      "a column of epoch nanoseconds is within the time range",
    ),
    macro("__unixEpochNanoFrom", [0, 0], "$__unixEpochNanoFrom()", "the range's begin in epoch nanoseconds"),
    macro("__unixEpochNanoTo", [0, 0], "$__unixEpochNanoTo()", "the range's end in epoch nanoseconds"),
    macro(
      "__unixEpochGroup",
      [2, 3],
      "$__unixEpochGroup(column, '5m'[, fill])",
      "the begin of the interval of a column of epoch seconds",
    ),
    macro("__unixEpochGroupAlias", [2, 3], "$__unixEpochGroupAlias(column, '5m'[, fill])", 'the same as `"time"`'),
    { ...macro("__interval", [0, 0], "$__interval", "the request's interval as a literal, such as '1m'"), bare: true },
    { ...macro("__interval_ms", [0, 0], "$__interval_ms", "the request's interval in milliseconds"), bare: true },
    macro("param", [1, 1], "$param(name)", "a parameter of a named query, as a typed literal"),
  ].map((entry) => [entry.name.toLowerCase(), entry]),
);
