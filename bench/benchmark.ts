/** A measurement that `npm run bench` knows by name. */
export interface Benchmark {
  readonly name: string;
  /** Measures. Everything it starts is stopped when it settles. */
  readonly run: (progress: (text: string) => void) => Promise<Findings>;
}

export interface Findings {
  /** Tables and the sentences that belong to them, in Markdown. */
  readonly markdown: string;
  /** Pictures for docs/benchmarks/, by file name. */
  readonly charts: ReadonlyMap<string, string>;
}
