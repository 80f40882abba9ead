/** Text put together from pieces of another text, which remembers where each piece came from. */
export interface MappedText {
  readonly text: string;
  /** The offset in the source for an offset in `text`, both in UTF-16 units; inside a replacement, its beginning. */
  toSource(offset: number): number;
}

interface Segment {
  readonly outStart: number;
  readonly sourceStart: number;
  readonly copied: boolean;
}

export interface MappedTextBuilder {
  /** Appends `source.slice(start, end)`. */
  copy(start: number, end: number): void;
  /** Appends `text`, which stands for the source at `start`. */
  replace(text: string, start: number): void;
  build(): MappedText;
}

/** Starts an empty text over `source`. */
export function createMappedText(source: string): MappedTextBuilder {
  const pieces: string[] = [];
  const segments: Segment[] = [];
  let length = 0;
  const append = (text: string, sourceStart: number, copied: boolean) => {
    if (text.length === 0) return;
    const last = segments.at(-1);
    const continues = copied && last?.copied === true && last.sourceStart + (length - last.outStart) === sourceStart;
    if (!continues) segments.push({ outStart: length, sourceStart, copied });
    pieces.push(text);
    length += text.length;
  };
  return {
    copy: (start, end) => append(source.slice(start, end), start, true),
    replace: (text, start) => append(text, start, false),
    build: () => ({ text: pieces.join(""), toSource: (offset) => toSource(segments, offset) }),
  };
}

function toSource(segments: readonly Segment[], offset: number): number {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((segments[middle]?.outStart ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  const segment = segments[low];
  if (segment === undefined) return 0;
  return segment.copied ? segment.sourceStart + (offset - segment.outStart) : segment.sourceStart;
}
