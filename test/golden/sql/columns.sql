-- case: a column that has the name of a type, in every tenant
SELECT o.status, "o"."status" FROM $<tenant>_orders o WHERE o.status = 'x' ORDER BY o.status
-- case: without an alias, and with a schema
SELECT $<tenant>_orders.status, p.price, public.plans.price FROM $<tenant>_orders, plans, plans p
-- case: of a sub-select and of a WITH query that name it
WITH c AS (SELECT o.status FROM $<tenant>_orders o) SELECT c.status, s.row_of FROM c, (SELECT 1 AS row_of) s
-- case: through stars
SELECT s.status, t.status FROM (SELECT * FROM $<tenant>_orders) s CROSS JOIN (SELECT o.*, 1 AS n FROM $<tenant>_orders o) t
-- case: by a list of names
SELECT s.status FROM $<tenant>_orders AS s(a, b, c, d, status)
-- case: renamed by a list of names
SELECT s.status FROM $<tenant>_orders AS s(a)
-- case: of a join
SELECT j.status FROM ($<tenant>_orders o JOIN $<tenant>_jobs k ON o.id = k.id) AS j
-- case: of USING
SELECT j.status FROM $<tenant>_orders o JOIN $<tenant>_orders p USING (id, status) AS j
-- case: of USING, which has no others
SELECT j.status FROM $<tenant>_orders o JOIN $<tenant>_orders p USING (id) AS j
-- case: from around a sub-select
SELECT (SELECT o.status) FROM $<tenant>_orders o
-- case: from around, hidden by another of the name
SELECT (SELECT o.status FROM $<tenant>_jobs o LIMIT 1) FROM $<tenant>_orders o
-- case: hidden by a source that only LATERAL would reach
SELECT 1 FROM $<tenant>_orders o, (SELECT 1 FROM $<tenant>_jobs o, (SELECT o.status) z) y
-- case: of a relation that does not have it
SELECT k.status FROM $<tenant>_jobs k
-- case: of a function, which the query names
SELECT f.status FROM unnest(ARRAY['x']) AS f(status), $<tenant>_orders
-- case: of a function that does not name it
SELECT f.status FROM unnest(ARRAY['x']) AS f, $<tenant>_orders o
-- case: through stars of sources that are called the same
SELECT x.status FROM (SELECT x.* FROM (SELECT x.* FROM $<tenant>_orders x) x) x
-- case: of a set operation, by its first side
SELECT u.status FROM (SELECT status FROM $<tenant>_orders UNION ALL SELECT kind FROM $<tenant>_jobs) u
-- case: of a set operation, by its second side
SELECT u.status FROM (SELECT kind FROM $<tenant>_jobs UNION ALL SELECT status FROM $<tenant>_orders) u
-- case: of a recursive WITH query
WITH RECURSIVE r AS (SELECT status FROM $<tenant>_orders UNION ALL SELECT r.status FROM r) SELECT r.status FROM r
-- case: of a recursive WITH query that reads nothing else
WITH RECURSIVE r AS (SELECT * FROM r) SELECT r.status FROM r, $<tenant>_orders o
-- case: of a name that nothing has
SELECT z.status FROM $<tenant>_orders o
-- case: as a field
SELECT (o).status FROM $<tenant>_orders o
