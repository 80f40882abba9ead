-- case: both sides copied
SELECT kind FROM $<tenant>_entities UNION ALL SELECT kind FROM $<tenant>_jobs
-- case: UNION, both copied
SELECT kind FROM $<tenant>_entities UNION SELECT kind FROM $<tenant>_jobs ORDER BY kind LIMIT 3
-- case: UNION ALL with a plain right side
SELECT kind FROM $<tenant>_entities UNION ALL SELECT 'none'
-- case: UNION ALL with a plain left side
SELECT 'none' AS kind UNION ALL SELECT kind FROM $<tenant>_entities
-- case: UNION ALL with VALUES
SELECT kind FROM $<tenant>_entities UNION ALL VALUES ('none'), ('other')
-- case: UNION ALL with a side that runs once
SELECT 'total' AS kind, sum(n) FROM (SELECT count(*) AS n FROM $<tenant>_entities) t UNION ALL SELECT kind, count(*) FROM $<tenant>_entities GROUP BY kind
-- case: EXCEPT, both copied
SELECT id FROM $<tenant>_entities EXCEPT SELECT entity_id FROM $<tenant>_orders
-- case: EXCEPT with a plain side
SELECT kind FROM $<tenant>_entities EXCEPT SELECT 'none'
-- case: INTERSECT with a plain side on the left
SELECT 'a' AS kind INTERSECT SELECT kind FROM $<tenant>_entities
-- case: EXCEPT with fleet rows
SELECT kind FROM $<tenant>_entities EXCEPT SELECT kind FROM (SELECT kind FROM $<tenant>_jobs) t
-- case: nested, the inner with a plain side
(SELECT kind FROM $<tenant>_entities UNION ALL SELECT 'none') UNION ALL SELECT kind FROM $<tenant>_jobs
-- case: nested, the plain sides inside
(SELECT 'a' AS kind UNION ALL SELECT 'b') UNION ALL SELECT kind FROM $<tenant>_jobs
-- case: nested, EXCEPT in UNION
(SELECT kind FROM $<tenant>_entities EXCEPT SELECT 'a') UNION ALL SELECT 'b'
-- case: nested, mixed UNION in EXCEPT
(SELECT kind FROM $<tenant>_entities UNION ALL SELECT 'none') EXCEPT SELECT kind FROM $<tenant>_jobs
-- case: a mixed UNION in FROM
SELECT tenant, count(*) FROM (SELECT kind FROM $<tenant>_entities UNION ALL SELECT 'none') t GROUP BY tenant
-- case: the first side gives the tenant
SELECT $<tenant>, kind FROM $<tenant>_entities UNION ALL SELECT $<tenant>, kind FROM $<tenant>_jobs
-- case: the first side gives the tenant, the second is plain
SELECT $<tenant>, kind FROM $<tenant>_entities UNION ALL SELECT 'nobody', 'none'
-- case: the plain first side calls a column tenant
SELECT 'nobody' AS tenant, 'none' AS kind UNION ALL SELECT kind, kind FROM $<tenant>_entities
-- case: the plain first side calls a column tenant, the copied one gives it
SELECT 'nobody' AS tenant, 'none' AS kind UNION ALL SELECT $<tenant>, kind FROM $<tenant>_entities
-- case: only the second side gives the tenant
SELECT kind, kind FROM $<tenant>_entities UNION ALL SELECT kind, $<tenant> FROM $<tenant>_jobs
-- case: UNION of two blocks that run once
SELECT sum(n) FROM (SELECT count(*) AS n FROM $<tenant>_entities) t UNION ALL SELECT sum(n) FROM (SELECT count(*) AS n FROM $<tenant>_orders) u
-- case: ORDER BY over both sides
SELECT kind, count(*) AS n FROM $<tenant>_entities GROUP BY kind UNION ALL SELECT kind, count(*) FROM $<tenant>_jobs GROUP BY kind ORDER BY n DESC, 1
-- case: ORDER BY an expression over both sides
SELECT kind FROM $<tenant>_entities UNION ALL SELECT kind FROM $<tenant>_jobs ORDER BY lower(kind)
-- case: ORDER BY over a mixed UNION
SELECT kind FROM $<tenant>_entities UNION ALL SELECT 'none' ORDER BY kind LIMIT 5
-- case: ORDER BY within a side
(SELECT kind FROM $<tenant>_entities ORDER BY last_updated LIMIT 1) UNION ALL SELECT kind FROM $<tenant>_jobs
-- case: set operation in an expression sub-select
SELECT kind FROM $<tenant>_entities WHERE id IN (SELECT entity_id FROM $<tenant>_orders UNION SELECT NULL)
-- case: UNION ALL with VALUES first
VALUES ('none'), ('other') UNION ALL SELECT kind FROM $<tenant>_entities
