/**
 * The Prometheus text format 0.0.4 for metrics whose labels and values come from users' data. prom-client keeps our own
 * metrics, but cannot hold these: it joins label values into a key without escapes, so that two label sets can become
 * one, and its counters cannot take a value as given.
 */

export interface Sample {
  /** In the order of `MetricFamily.labelNames`. */
  readonly labelValues: readonly string[];
  readonly value: number;
}

/** All samples of one metric name. */
export interface MetricFamily {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly samples: readonly Sample[];
}

/** HELP, TYPE and samples of each family; every line ends with a line feed. Names are taken as valid. */
export function expositionText(families: readonly MetricFamily[]): string {
  return families.map(familyText).join("");
}

/** One exposition from several, whose metric names must differ. */
export function joinExpositions(...texts: readonly string[]): string {
  return texts
    .filter((text) => text !== "")
    .map((text) => (text.endsWith("\n") ? text : `${text}\n`))
    .join("");
}

function familyText({ name, type, help, labelNames, samples }: MetricFamily): string {
  const lines = [`# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`];
  for (const { labelValues, value } of samples) {
    const labels = labelNames.map((label, index) => `${label}="${escapeLabel(labelValues[index] ?? "")}"`);
    lines.push(`${name}${labels.length === 0 ? "" : `{${labels.join(",")}}`} ${numberText(value)}\n`);
  }
  return lines.join("");
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
