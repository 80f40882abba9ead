-- What happens in one tenant in :pause seconds. The oldest rows leave, so that a demo that runs for days keeps its size.
UPDATE entities SET last_updated = now()
WHERE last_updated > now() - interval '2 days'
  AND id IN (
    SELECT id FROM entities ORDER BY last_updated
    LIMIT ceil((SELECT count(*) FROM entities) * :pause / 28800.0)
  );

INSERT INTO orders (id, entity_id, amount, placed_at)
SELECT last.id + n, (SELECT id FROM entities LIMIT 1), round((4 - 60 * ln(1 - random()))::numeric, 2), now()
FROM (SELECT max(id) AS id, count(*) AS total FROM orders) AS last,
     generate_series(1, floor(last.total * :pause / 172800.0 + random())::int) AS n;
DELETE FROM orders WHERE placed_at < now() - interval '48 hours';

UPDATE jobs SET state = CASE WHEN random() < 0.02 THEN 'failed' ELSE 'done' END, finished_at = now()
WHERE state = 'queued';
INSERT INTO jobs (id, kind, queued_at)
SELECT last.id + n, (array['sync', 'export', 'email', 'reindex'])[1 + floor(4 * random())::int], now()
FROM (SELECT max(id) AS id, count(*) AS total FROM jobs) AS last,
     generate_series(1, floor(last.total * :pause / 86400.0 + random())::int) AS n;
DELETE FROM jobs WHERE queued_at < now() - interval '24 hours';
