-- case: added last
SELECT kind, id FROM $<tenant>_entities
-- case: given as a value
SELECT $<tenant>, kind FROM $<tenant>_entities
-- case: given as a literal with the name
SELECT kind, '$<tenant>' AS tenant FROM $<tenant>_entities
-- case: given as a literal, cast
SELECT '$<tenant>'::text AS tenant, kind FROM $<tenant>_entities
-- case: a literal under another name
SELECT '$<tenant>' AS who FROM $<tenant>_entities
-- case: a literal without a name
SELECT '$<tenant>' FROM $<tenant>_entities
-- case: bare tenant
SELECT tenant, count(*) FROM $<tenant>_entities GROUP BY tenant
-- case: bare tenant under another name
SELECT tenant AS who, count(*) FROM $<tenant>_entities GROUP BY who
-- case: bare tenant in a condition
SELECT kind FROM $<tenant>_entities WHERE tenant LIKE 'a%' ORDER BY tenant
-- case: tenant of an own column
SELECT name FROM $<tenant>_members WHERE tenant = 'x'
-- case: own tenant column as an output
SELECT tenant, name FROM $<tenant>_members
-- case: own tenant column under another name
SELECT tenant AS theirs, name FROM $<tenant>_members
-- case: own tenant column from a star
SELECT * FROM $<tenant>_members
-- case: another output of that name
SELECT kind AS tenant FROM $<tenant>_entities
-- case: another output of that name, qualified
SELECT m.tenant FROM $<tenant>_members m
-- case: a literal that holds more
SELECT 'db-$<tenant>' AS tenant FROM $<tenant>_entities
-- case: aggregate without GROUP BY
SELECT max(last_updated) FROM $<tenant>_entities
-- case: aggregate with positions
SELECT kind, count(*) FROM $<tenant>_entities GROUP BY 1 ORDER BY 2 DESC
-- case: in a sub-select of the copied block
SELECT kind FROM $<tenant>_entities WHERE id IN (SELECT entity_id FROM $<tenant>_orders WHERE status = tenant)
-- case: bare tenant where a sub-select gives one
SELECT tenant FROM $<tenant>_entities e, (SELECT 'x' AS tenant) t
-- case: bare tenant where a WITH query gives one
WITH c AS (SELECT 'x' AS tenant) SELECT e.kind FROM $<tenant>_entities e, c WHERE tenant = 'x'
-- case: bare tenant where a function gives one
SELECT kind FROM $<tenant>_entities, generate_series(1, 2) AS tenant WHERE tenant > 1
-- case: bare tenant where a column alias gives one
SELECT e.b FROM $<tenant>_entities AS e(tenant, b) WHERE tenant IS NULL
-- case: the outer block reads it
SELECT tenant, n FROM (SELECT count(*) AS n FROM $<tenant>_entities) t
-- case: DISTINCT
SELECT DISTINCT kind FROM $<tenant>_entities
-- case: count(DISTINCT tenant) over the fleet
SELECT kind, count(DISTINCT tenant) FROM (SELECT kind FROM $<tenant>_entities) t GROUP BY kind
-- case: given in ROLLUP, where subtotals keep it
SELECT tenant, kind, count(*) FROM $<tenant>_entities GROUP BY ROLLUP (tenant, kind)
-- case: given by position in GROUPING SETS
SELECT '$<tenant>' AS tenant, kind, count(*), grouping(tenant) FROM $<tenant>_entities GROUP BY GROUPING SETS ((1, 2), (2), ())
-- case: added beside CUBE
SELECT kind, count(*) FROM $<tenant>_entities GROUP BY CUBE (kind)
