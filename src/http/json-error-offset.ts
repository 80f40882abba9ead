const SPACE = /[ \t\n\r]*/y;
const SCALAR =
  /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/**
 * The offset of the first character at which the text stops to be JSON; its length when it only ends too early. Node's
 * own message names a position for some mistakes and not for others. Runs without recursion, so that depth costs nothing.
 */
export function jsonErrorOffset(text: string): number {
  const open: string[] = [];
  let at = 0;
  let expected: "value" | "valueOrEnd" | "key" | "keyOrEnd" | "colon" | "next" = "value";
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    at += found?.length ?? 0;
    return found !== undefined;
  };
  for (skip(SPACE); at < text.length; skip(SPACE)) {
    const character = text[at] ?? "";
    const closes = character === open.at(-1);
    if (closes && (expected === "next" || expected.endsWith("OrEnd"))) {
      open.pop();
      expected = "next";
      at += 1;
    } else if (expected === "next") {
      if (character !== "," || open.length === 0) return at;
      expected = open.at(-1) === "}" ? "key" : "value";
      at += 1;
    } else if (expected === "colon") {
      if (character !== ":") return at;
      expected = "value";
      at += 1;
    } else if (expected.startsWith("key")) {
      if (character !== '"' || !skip(SCALAR)) return at;
      expected = "colon";
    } else if (character === "{" || character === "[") {
      open.push(character === "{" ? "}" : "]");
      expected = character === "{" ? "keyOrEnd" : "valueOrEnd";
      at += 1;
    } else {
      if (!skip(SCALAR)) return at;
      expected = "next";
    }
  }
  return at;
}
