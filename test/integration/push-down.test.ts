import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Observation } from "../../src/observation.ts";
import { type FleetApp, openFleet } from "../support/app.ts";

const TABLE = `CREATE TABLE events (id int, kind text, at timestamptz, happened timestamp, day date, amount numeric, payload jsonb);
  CREATE TABLE parts (event int, n int);
  INSERT INTO events SELECT g, 'k' || g % 3, now() - g * interval '1 hour', now() - g * interval '1 hour', current_date, g, '{"a":"1"}' FROM generate_series(1, 20) g;`;

let fleet: FleetApp & { readonly close: () => Promise<void> };
const observed: Observation[] = [];

beforeAll(async () => {
  fleet = await openFleet(["a", "b"], {
    ddl: TABLE,
    config: { guard: { allowFunctions: ["public.peek"], allowRelations: ["public.plans"] } },
    observe: (observation) => observed.push(observation),
  });
  await fleet.onFederation("CREATE TABLE plans (kind text, price int); INSERT INTO plans VALUES ('k1', 5)");
  await fleet.app.refreshCatalog();
});
afterAll(() => fleet?.close());

describe("the verdict on an arm, and where the query says so", () => {
  it.each([
    ["SELECT count(*) FROM $<tenant>_events WHERE at > now() - interval '5 hours'", "pushed", null],
    ["SELECT count(*) FROM $<tenant>_events WHERE happened > now() - interval '5 hours'", "pushed", null],
    ["SELECT date_trunc('day', at), sum(amount) FROM $<tenant>_events GROUP BY 1", "pushed", null],
    ["SELECT $__timeGroup(at, '1h') AS time, count(*) FROM $<tenant>_events GROUP BY 1", "pushed", null],
    ["SELECT DISTINCT kind FROM $<tenant>_events", "pushed", null],
    ["SELECT max(at) FROM $<tenant>_events", "pushed", null],
    ["SELECT now() - max(at) AS age FROM $<tenant>_events", "pushed", null],
    ["SELECT kind, count(*) FROM $<tenant>_events GROUP BY kind ORDER BY 2 DESC LIMIT 2", "pushed", null],
    ["SELECT id FROM $<tenant>_events\nWHERE payload->>'a' = '1'", "filter-local: ->>", [2, 14]],
    ["SELECT id FROM $<tenant>_events WHERE random() < 2", "filter-local: random()", [1, 39]],
    [
      "SELECT date_trunc('month', at), count(*) FROM $<tenant>_events GROUP BY 1",
      "aggregate-local: date_trunc",
      [1, 8],
    ],
    ["SELECT to_char(at, 'YYYY'), count(*) FROM $<tenant>_events GROUP BY 1", "aggregate-local: to_char", [1, 8]],
    ["SELECT id, rank() OVER (ORDER BY amount) FROM $<tenant>_events", "window-local: rank()", [1, 12]],
    ["SELECT DISTINCT ON (kind) kind, id FROM $<tenant>_events ORDER BY kind, id", "distinct-local", [1, 21]],
    ["SELECT id FROM $<tenant>_events WHERE id::text = '5'", "filter-local: ::text", [1, 41]],
  ] as const)("%s", async (sql, verdict, place) => {
    const [block] = (await fleet.explain(sql)).blocks;
    expect(block?.verdicts.map((found) => found.verdict)).toEqual([verdict]);
    const position = block?.verdicts[0]?.reasons[0]?.position;
    expect(position === undefined ? null : [position.line, position.column]).toEqual(place);
  });

  it("is a notice on the panel, and counted", async () => {
    const { notices } = await fleet.ask("SELECT id FROM $<tenant>_events\nWHERE payload->>'a' = '2'");
    expect(notices).toContain(
      "rows of 2 tenants cross the network before they are worked on (filter-local: ->> in line 2); /v1/explain shows more",
    );
    expect(observed).toContainEqual({ kind: "arms.judged", verdict: "filter-local", arms: 2 });
  });
});

describe("the gate behind all others", () => {
  it("refuses a function that the planner turns into a table", async () => {
    await fleet.onFederation(
      "CREATE FUNCTION peek() RETURNS SETOF int STABLE LANGUAGE sql AS $$ SELECT id FROM public.a_events $$",
    );
    const refusal = await fleet.refusal("SELECT p FROM $<tenant:b>_events, public.peek() p");
    expect(refusal.code).toBe("QUERY_FORBIDDEN");
    expect(refusal.message).toContain("would read public.a_events");
  });

  it("lets a view in a tenant's place read what it is made of, and nothing that it became since", async () => {
    await fleet.onFederation(
      "ALTER FOREIGN TABLE b_parts RENAME TO b_parts_table; CREATE VIEW b_parts AS SELECT * FROM b_parts_table",
    );
    await fleet.app.refreshCatalog();
    expect((await fleet.ask("SELECT count(*) AS n FROM $<tenant:b>_parts")).rows).toEqual([{ n: 0, tenant: "b" }]);
    await fleet.onFederation("CREATE OR REPLACE VIEW b_parts AS SELECT * FROM a_parts");
    expect((await fleet.refusal("SELECT max(n) AS n FROM $<tenant:b>_parts")).message).toContain(
      "would read public.a_parts",
    );
  });

  it("looks at a statement that runs once over a local relation, too", async () => {
    const sql =
      "SELECT t.kind, p.price FROM (SELECT DISTINCT kind FROM $<tenant>_events) t JOIN plans p ON p.kind = t.kind";
    expect((await fleet.ask(sql)).rows).toHaveLength(2);
  });
});
