const MAX_LENGTH = 60;

/** What the caller sent, short enough for a message: as JSON, cut after 60 characters. */
export function showInput(input: unknown): string {
  const text = JSON.stringify(input) ?? String(input);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}
