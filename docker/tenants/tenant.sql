-- One tenant: its tables, and rows up to this moment. `last_updated` has no time zone and means UTC.
SET TimeZone = 'UTC';

CREATE TABLE entities (id uuid PRIMARY KEY, kind text, last_updated timestamp);
CREATE TABLE orders (
  id bigint PRIMARY KEY, entity_id uuid, amount numeric(12,2), placed_at timestamptz, status text DEFAULT 'pending'
);
CREATE TABLE jobs (
  id bigint PRIMARY KEY, kind text, state text DEFAULT 'queued', queued_at timestamptz, finished_at timestamptz
);

INSERT INTO entities
SELECT gen_random_uuid(),
       (array['device', 'invoice', 'contact', 'asset'])[1 + floor(4 * random() ^ 2)::int],
       now() - interval '8 hours' * random()
FROM generate_series(1, :entities);

INSERT INTO orders
SELECT n,
       (SELECT id FROM entities LIMIT 1),
       round((4 - 60 * ln(1 - random()))::numeric, 2),
       now() - interval '48 hours' * (1 - (n - 0.5) / :orders),
       CASE WHEN random() < 0.9 THEN 'paid' WHEN random() < 0.6 THEN 'refunded' ELSE 'failed' END
FROM generate_series(1, :orders) AS n;

INSERT INTO jobs
SELECT n,
       (array['sync', 'export', 'email', 'reindex'])[1 + floor(4 * random())::int],
       CASE WHEN random() < :failed THEN 'failed' ELSE 'done' END,
       queued_at,
       queued_at + make_interval(secs => 2 + 50 * random() ^ 3)
FROM generate_series(1, :jobs) AS n,
     LATERAL (SELECT now() - interval '24 hours' * (1 - (n - 0.5) / :jobs) - interval '1 minute' AS queued_at) AS queued;

CREATE INDEX ON entities (last_updated);
CREATE INDEX ON orders (placed_at);
CREATE INDEX ON jobs (queued_at);
ANALYZE;

GRANT SELECT ON ALL TABLES IN SCHEMA public TO tenantry_reader;
