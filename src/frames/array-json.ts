import { type EncodeValue, quoteJson } from "./json-text.ts";

/**
 * An encoder for arrays of `type` (`integer[]`): PostgreSQL's `{1,2,NULL,"a b"}` as a JSON array, nested as the value
 * is; lower bounds (`[0:1]=`) are left out. Text that is no array literal becomes a JSON string.
 */
export function arrayEncoder(type: string, encoderOf: (elementType: string) => EncodeValue): EncodeValue {
  const elementType = type.replace(/(?:\[\])+$/, "");
  const encode = encoderOf(elementType);
  const delimiter = elementType === "box" ? ";" : ",";
  return (text) => arrayJson(text, encode, delimiter) ?? quoteJson(text);
}

function arrayJson(text: string, encode: EncodeValue, delimiter: string): string | undefined {
  let index = text.startsWith("[") ? text.indexOf("=") + 1 : 0;
  if (text[index] !== "{") return undefined;
  let json = "";
  let depth = 0;
  while (index < text.length) {
    const character = text[index];
    if (character === "{") {
      depth += 1;
      json += "[";
    } else if (character === "}") {
      depth -= 1;
      json += "]";
    } else if (character === delimiter) {
      json += ",";
    } else if (character === '"') {
      const element = readQuoted(text, index + 1);
      json += encode(element.value);
      index = element.end;
    } else {
      const end = endOfBare(text, index, delimiter);
      const value = text.slice(index, end);
      json += value === "NULL" ? "null" : encode(value);
      index = end - 1;
    }
    index += 1;
  }
  return depth === 0 ? json : undefined;
}

/** The element that starts after the quote, and the place of the quote that ends it. */
function readQuoted(text: string, start: number): { readonly value: string; readonly end: number } {
  let value = "";
  let from = start;
  for (let index = start; index < text.length; index += 1) {
    if (text[index] === '"') return { value: value + text.slice(from, index), end: index };
    if (text[index] === "\\") {
      value += text.slice(from, index);
      index += 1;
      from = index;
    }
  }
  return { value: value + text.slice(from), end: text.length };
}

function endOfBare(text: string, start: number, delimiter: string): number {
  let end = start;
  while (end < text.length && text[end] !== delimiter && text[end] !== "}") end += 1;
  return end;
}
