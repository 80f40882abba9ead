/** A sample of an exposition, with its labels unescaped. */
export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadExposition {
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly ReadSample[];
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(,|$)/y;

/**
 * Reads the text format 0.0.4 strictly, by its specification: one HELP and TYPE for each name, samples below their
 * TYPE, no sample twice, a line feed at the end. Throws with the line that is wrong.
 */
export function readExposition(text: string): ReadExposition {
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line has no line feed");
  const types = new Map<string, string>();
  const helps = new Set<string>();
  const seen = new Set<string>();
  const samples: ReadSample[] = [];
  let current = "";
  for (const line of text.split("\n").filter((item) => item !== "")) {
    const [, comment, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) ?(.*)$/s.exec(line) ?? [];
    if (comment === "HELP") {
      if (helps.has(name)) throw new Error(`second HELP: ${line}`);
      helps.add(name);
    } else if (comment === "TYPE") {
      if (types.has(name) || !/^(?:counter|gauge|histogram|summary|untyped)$/.test(rest))
        throw new Error(`bad TYPE: ${line}`);
      types.set(name, rest);
      current = name;
    } else {
      const sample = readSample(line);
      const isOfCurrent =
        sample.name === current || (types.get(current) === "histogram" && sample.name.startsWith(`${current}_`));
      const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).toSorted())}`;
      if (!isOfCurrent || seen.has(key)) throw new Error(`sample out of place or twice: ${line}`);
      seen.add(key);
      samples.push(sample);
    }
  }
  return { types, samples };
}

function readSample(line: string): ReadSample {
  const match = SAMPLE.exec(line);
  const value = Number(match?.[3]?.replace(/^([+-]?)Inf$/, "$1Infinity"));
  if (match === null || (Number.isNaN(value) && match[3] !== "NaN")) throw new Error(`no sample: ${line}`);
  return { name: match[1] ?? "", labels: readLabels(match[2] ?? "", line), value };
}

function readLabels(text: string, line: string): Readonly<Record<string, string>> {
  const labels: [string, string][] = [];
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const match = LABEL.exec(text);
    if (match === null) throw new Error(`bad labels: ${line}`);
    const value = (match[2] ?? "").replaceAll(/\\(.)/gs, (_, character: string) =>
      character === "n" ? "\n" : character,
    );
    labels.push([match[1] ?? "", value]);
  }
  if (new Set(labels.map(([name]) => name)).size !== labels.length) throw new Error(`label twice: ${line}`);
  return Object.fromEntries(labels);
}
