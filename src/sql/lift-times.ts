import { randomInt } from "node:crypto";

/** A text with its times taken out: two texts that differ in nothing but times have one tree, but for these times. */
export interface LiftedTimes {
  /** As long as the text given, with a place-holder for each time; the text given where it has no times, or too many. */
  readonly text: string;
  /** Puts the times into what was made of `text`. */
  readonly restore: (made: string) => string;
}

/** Times as macros, folding and parameters print them. Digits for digits between two quotes end no token, whatever is around them. */
const TIMES = /(?<=')\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?=(?:Z|\+00)')/g;
const MAX_TIMES = 10_000;

/** Ten random digits: a place-holder that somebody can spell, with escapes, would be taken for a time. */
export function createTimeMark(): string {
  return String(randomInt(10 ** 9, 10 ** 10));
}

/**
 * Takes the times out of a text, which a dashboard that refreshes changes and nothing else. A place-holder looks like a time, with the first
 * four digits of the mark for the year, the time's number for month and day, the mark's other digits for the time of day, and zeros behind it.
 */
export function liftTimes(sql: string, mark: string): LiftedTimes {
  const year = mark.slice(0, 4);
  const timeOfDay = [mark.slice(4, 6), mark.slice(6, 8), mark.slice(8, 10)].join(":");
  const times: string[] = [];
  const text = sql.replaceAll(TIMES, (time) => {
    const number = String(times.push(time) - 1).padStart(4, "0");
    return `${year}-${number.slice(0, 2)}-${number.slice(2)}${time.slice(10, 11)}${timeOfDay}${time.slice(19).replaceAll(/\d/g, "0")}`;
  });
  if (times.length === 0 || times.length > MAX_TIMES) return { text: sql, restore: (made) => made };
  const placeHolders = new RegExp(`${year}-(\\d\\d)-(\\d\\d)[ T]${timeOfDay}(?:\\.0+)?`, "g");
  return {
    text,
    restore: (made) =>
      made.replaceAll(placeHolders, (_, hundreds: string, ones: string) => times[Number(hundreds + ones)] ?? ""),
  };
}
