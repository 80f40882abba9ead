import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expositionText, joinExpositions } from "../../../src/observe/exposition.ts";
import { readExposition } from "./read-exposition.ts";

describe("expositionText", () => {
  it("writes HELP, TYPE and samples", () => {
    const text = expositionText([
      {
        name: "lag_seconds",
        type: "gauge",
        help: "Lag,\nby \\ tenant",
        labelNames: ["tenant"],
        samples: [{ labelValues: ['a "b"\\\n'], value: 1.5 }],
      },
      {
        name: "up",
        type: "counter",
        help: "",
        labelNames: [],
        samples: [{ labelValues: [], value: Number.POSITIVE_INFINITY }],
      },
    ]);
    expect(text).toBe(
      '# HELP lag_seconds Lag,\\nby \\\\ tenant\n# TYPE lag_seconds gauge\nlag_seconds{tenant="a \\"b\\"\\\\\\n"} 1.5\n' +
        "# HELP up \n# TYPE up counter\nup +Inf\n",
    );
  });

  it("loses nothing of any label and value", () => {
    const sample = fc.record({
      labelValues: fc.tuple(fc.string({ unit: "binary" }), fc.string()),
      value: fc.double().map((value) => value || Math.abs(value)),
    });
    const samplesArbitrary = fc.uniqueArray(sample, { selector: (item) => JSON.stringify(item.labelValues) });
    fc.assert(
      fc.property(samplesArbitrary, (samples) => {
        const text = expositionText([{ name: "m", type: "gauge", help: "h", labelNames: ["a", "b"], samples }]);
        const read = readExposition(text).samples;
        expect(read.map((item) => [item.labels.a, item.labels.b])).toEqual(samples.map((item) => item.labelValues));
        expect(read.map((item) => item.value)).toEqual(samples.map((item) => item.value));
      }),
    );
  });
});

describe("joinExpositions", () => {
  it("ends each text with one line feed", () => {
    expect(joinExpositions("a 1", "", "b 2\n")).toBe("a 1\nb 2\n");
  });
});
