-- case: a bare column that some tenants lack
SELECT kind FROM $<tenant>_visits
-- case: the innermost table that has it in any tenant
SELECT id FROM $<tenant>_entities WHERE EXISTS (SELECT 1 FROM $<tenant>_visits WHERE kind = 'a')
-- case: through a star
SELECT id FROM $<tenant>_entities WHERE EXISTS (SELECT 1 FROM (SELECT * FROM $<tenant>_visits) v WHERE kind = 'a')
-- case: through a WITH query
WITH v AS (SELECT * FROM $<tenant>_visits) SELECT e.id FROM $<tenant>_entities e WHERE EXISTS (SELECT 1 FROM v WHERE seen)
-- case: a qualified column
SELECT id FROM $<tenant>_entities e WHERE EXISTS (SELECT 1 FROM $<tenant>_visits WHERE e.kind = 'a')
-- case: an output in ORDER BY
SELECT id AS kind FROM $<tenant>_visits ORDER BY kind
-- case: an input in GROUP BY
SELECT lower('A') AS kind, count(*) FROM $<tenant>_visits GROUP BY kind
-- case: two tables, each in some tenants
SELECT v.id FROM $<tenant>_visits v JOIN $<tenant>_clicks c ON c.id = v.id WHERE seen
-- case: two tables, one in every tenant
SELECT v.id FROM $<tenant>_visits v JOIN $<tenant>_jobs j ON j.id = v.id WHERE kind = 'a'
-- case: one table twice
SELECT v.id FROM $<tenant>_visits v JOIN $<tenant>_visits w ON w.id = v.id WHERE seen
-- case: merged by USING
SELECT seen FROM $<tenant>_visits JOIN $<tenant>_clicks USING (id, seen)
-- case: tenant is a column where any tenant has it
SELECT id FROM $<tenant>_visits WHERE tenant = 'x'
