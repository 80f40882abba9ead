-- case: an instant of the present
SELECT count(*) FROM $<tenant>_orders WHERE placed_at > now() - interval '5 min'
-- case: the same for a timestamp without a zone
SELECT count(*) FROM $<tenant>_entities WHERE last_updated > now() - interval '5 min'
-- case: output columns keep their names
SELECT now(), current_date, date_trunc('hour', placed_at), date_trunc('month', placed_at) FROM $<tenant>_orders
-- case: a condition that is the same for all rows
SELECT count(*) FROM $<tenant>_orders WHERE now() > timestamptz '2026-01-01'
-- case: what PostgreSQL folds by itself
SELECT 1 + 1, upper('a') FROM $<tenant>_orders WHERE placed_at > timestamptz '2026-01-01'
-- case: a quote in a value
SELECT count(*) FROM $<tenant>_orders WHERE status = concat('o''', 'hara')
-- case: a type without a literal form
SELECT pg_typeof(now()) FROM $<tenant>_orders
-- case: volatile functions, and what stands inside them
SELECT clock_timestamp() - now(), random() FROM $<tenant>_orders
-- case: the tenant's name is no constant
SELECT concat('db-', '$<tenant>') FROM $<tenant>_orders
-- case: arguments of a function in FROM
SELECT g FROM $<tenant>_orders, generate_series(now() - interval '5 min', now(), '1 min') g
-- case: today as a word
SELECT count(*) FROM $<tenant>_orders WHERE placed_at >= date 'today' AND placed_at < date '2026-12-01'
-- case: in a SELECT that runs once
SELECT tenant, now() - newest AS age FROM (SELECT max(placed_at) AS newest FROM $<tenant>_orders) t WHERE newest < now() + interval '1 hour'
-- case: through a sub-select and a WITH query
WITH recent AS (SELECT placed_at AS at FROM $<tenant>_orders) SELECT count(*) FROM (SELECT at FROM recent) r CROSS JOIN $<tenant>_jobs WHERE at BETWEEN timestamp '2026-01-01' AND now()
-- case: newest of a group
SELECT kind, max(last_updated) FROM $<tenant>_entities GROUP BY kind HAVING max(last_updated) < now() - interval '5 min'
-- case: epoch seconds
SELECT count(*) FROM $<tenant>_orders WHERE $__unixEpochFilter(extract(epoch FROM placed_at)) AND extract(epoch FROM placed_at) > extract(epoch FROM now()) - 300
-- case: epoch seconds that are no microseconds
SELECT count(*) FROM $<tenant>_entities WHERE extract(epoch FROM last_updated) > 1.0000005 AND extract(epoch FROM last_updated) = 1.0000005 AND 1e9 < extract(epoch FROM last_updated)
-- case: epoch milliseconds
SELECT count(*) FROM $<tenant>_orders WHERE extract(epoch FROM placed_at) * 1000 BETWEEN 1795320000001 AND 1795355700000 AND 1000 * extract(epoch FROM placed_at) > 0.0015
-- case: epoch seconds as floating-point numbers
SELECT count(*) FROM $<tenant>_orders WHERE date_part('epoch', placed_at) > 1795355700 AND date_part('epoch', placed_at) > 0.5
-- case: groups of days
SELECT date_trunc('day', placed_at), count(*) FROM $<tenant>_orders GROUP BY date_trunc('day', placed_at) ORDER BY date_trunc('day', placed_at)
-- case: groups of weeks in UTC, and in another zone
SELECT date_trunc('week', placed_at, 'UTC') AS week, date_trunc('day', placed_at, 'Europe/Berlin') AS day FROM $<tenant>_orders
-- case: a column of no time
SELECT count(*) FROM $<tenant>_orders WHERE amount > 5 AND extract(epoch FROM interval '1 day') > 5
