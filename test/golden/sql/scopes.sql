-- case: a row for each tenant
SELECT count(*) FROM $<tenant>_entities
-- case: one row for the fleet
SELECT sum(n) FROM (SELECT count(*) AS n FROM $<tenant>_entities) t
-- case: tenants above the fleet's average
SELECT tenant, n FROM (SELECT count(*) AS n FROM $<tenant>_entities) t WHERE n > (SELECT avg(n) FROM (SELECT count(*) AS n FROM $<tenant>_entities) u)
-- case: two levels around a copied block
SELECT max(s) FROM (SELECT kind, sum(n) AS s FROM (SELECT kind, count(*) AS n FROM $<tenant>_entities GROUP BY kind) t GROUP BY kind) u
-- case: joins within a tenant
SELECT e.kind, sum(o.amount) FROM $<tenant>_entities e LEFT JOIN $<tenant>_orders o ON o.entity_id = e.id GROUP BY e.kind
-- case: a copied block's inside is about the same tenant
SELECT kind FROM $<tenant>_entities e WHERE EXISTS (SELECT 1 FROM $<tenant>_orders o WHERE o.entity_id = e.id)
-- case: a sub-select in the FROM of a copied block
SELECT e.kind, t.n FROM $<tenant>_entities e JOIN (SELECT entity_id, count(*) AS n FROM $<tenant>_orders GROUP BY 1) t ON t.entity_id = e.id
-- case: LATERAL in a copied block
SELECT e.kind, t.amount FROM $<tenant>_entities e, LATERAL (SELECT amount FROM $<tenant>_orders o WHERE o.entity_id = e.id ORDER BY amount DESC LIMIT 1) t
-- case: LATERAL with $<tenant> in an uncopied block
SELECT * FROM (SELECT id FROM $<tenant>_entities) e, LATERAL (SELECT $<tenant> AS who) t
-- case: expression sub-selects only
SELECT (SELECT count(*) FROM $<tenant>_entities) AS entities, (SELECT count(*) FROM $<tenant>_orders) AS orders
-- case: expression sub-select beside a local relation
SELECT plan, (SELECT count(*) FROM $<tenant>_entities) FROM plans
-- case: expression sub-select beside fleet rows
SELECT n, (SELECT count(*) FROM $<tenant>_orders) FROM (SELECT count(*) AS n FROM $<tenant>_entities) t
-- case: $<tenant> as a value beside fleet rows
SELECT $<tenant>, n FROM (SELECT count(*) AS n FROM $<tenant>_entities) t
-- case: a literal with $<tenant> beside fleet rows
SELECT 'x-$<tenant>' FROM (SELECT count(*) AS n FROM $<tenant>_entities) t
-- case: a local relation in a copied block
SELECT e.kind, p.price FROM $<tenant>_entities e, public.plans p
-- case: a relation that nobody allowed
SELECT 1 FROM $<tenant>_entities, secrets
-- case: a catalog
SELECT 1 FROM $<tenant>_entities, pg_catalog.pg_class
-- case: a bare catalog
SELECT relname FROM pg_class
-- case: functions in FROM of a copied block
SELECT g, kind FROM $<tenant>_entities, generate_series(1, 3) g
-- case: VALUES in FROM of an uncopied block
SELECT t.tenant, t.n, v.goal FROM (SELECT kind, count(*) AS n FROM $<tenant>_entities GROUP BY kind) t JOIN (VALUES ('a', 1)) v(kind, goal) ON v.kind = t.kind
-- case: sub-select in an uncopied WHERE
SELECT n FROM (SELECT count(*) AS n FROM $<tenant>_entities) t WHERE n IN (SELECT m FROM (SELECT count(*) AS m FROM $<tenant>_orders) u)
-- case: sub-select in an uncopied WHERE, grouped
SELECT n FROM (SELECT count(*) AS n FROM $<tenant>_entities) t WHERE n IN (SELECT m FROM (SELECT count(*) AS m FROM $<tenant>_orders) u GROUP BY m)
-- case: windows outside
SELECT tenant, n, rank() OVER (ORDER BY n DESC) FROM (SELECT count(*) AS n FROM $<tenant>_entities) t
-- case: windows inside
SELECT kind, count(*) OVER (PARTITION BY kind) FROM $<tenant>_entities

-- case: a bare column of a sub-select that every tenant has stays bare
SELECT id FROM $<tenant>_orders o WHERE EXISTS (SELECT 1 FROM $<tenant>_jobs WHERE kind = o.status)
