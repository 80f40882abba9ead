import fc from "fast-check";

/** Runs a property and prints the seed that would repeat it. */
export function withSeed<T>(property: fc.IPropertyWithHooks<T>, numRuns = 300): void {
  const seed = Date.now() % 2 ** 31;
  console.log(`seed ${seed}`);
  fc.assert(property, { seed, numRuns });
}
