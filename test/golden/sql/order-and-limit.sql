-- case: LIMIT per tenant
SELECT id FROM $<tenant>_orders ORDER BY amount DESC LIMIT 10
-- case: LIMIT over the fleet
SELECT * FROM (SELECT id, amount FROM $<tenant>_orders) t ORDER BY amount DESC LIMIT 10
-- case: LIMIT both
SELECT * FROM (SELECT id, amount FROM $<tenant>_orders ORDER BY amount DESC LIMIT 10) t ORDER BY amount DESC LIMIT 10
-- case: OFFSET
SELECT id FROM $<tenant>_orders ORDER BY id OFFSET 5 LIMIT 2
-- case: LIMIT ALL
SELECT id FROM $<tenant>_orders LIMIT ALL
-- case: LIMIT of an expression
SELECT id FROM $<tenant>_orders LIMIT 1 + 1
-- case: FETCH FIRST
SELECT id FROM $<tenant>_orders ORDER BY id FETCH FIRST 3 ROWS ONLY
-- case: WITH TIES
SELECT id FROM $<tenant>_orders ORDER BY amount FETCH FIRST 3 ROWS WITH TIES
-- case: WITH TIES and OFFSET
SELECT id FROM $<tenant>_orders ORDER BY amount OFFSET 2 FETCH FIRST 3 ROWS WITH TIES
-- case: ORDER BY an output
SELECT kind, count(*) AS n FROM $<tenant>_entities GROUP BY kind ORDER BY n DESC, kind
-- case: ORDER BY positions
SELECT kind, count(*) FROM $<tenant>_entities GROUP BY kind ORDER BY 2 DESC NULLS LAST, 1 NULLS FIRST
-- case: ORDER BY an expression that is an output
SELECT kind, count(*) FROM $<tenant>_entities GROUP BY kind ORDER BY count(*) DESC
-- case: ORDER BY what the output lacks
SELECT kind FROM $<tenant>_entities ORDER BY last_updated DESC, lower(kind)
-- case: ORDER BY the tenant column
SELECT kind FROM $<tenant>_entities ORDER BY tenant DESC, kind
-- case: ORDER BY $<tenant>
SELECT kind FROM $<tenant>_entities ORDER BY $<tenant>, kind
-- case: ORDER BY a given tenant
SELECT $<tenant>, count(*) AS n FROM $<tenant>_entities ORDER BY tenant
-- case: ORDER BY a position that is the tenant column
SELECT kind FROM $<tenant>_entities ORDER BY 2
-- case: ORDER BY with a collation
SELECT kind FROM $<tenant>_entities ORDER BY kind COLLATE "C"
-- case: ORDER BY USING
SELECT id FROM $<tenant>_orders ORDER BY id USING >
-- case: ORDER BY USING, ascending
SELECT id FROM $<tenant>_orders ORDER BY id USING < NULLS FIRST
-- case: ORDER BY a column called tenant of its own
SELECT name FROM $<tenant>_members ORDER BY tenant
-- case: ORDER BY behind a star
SELECT *, amount * 2 AS twice FROM $<tenant>_orders ORDER BY twice, amount * 2, id
-- case: ORDER BY before a star
SELECT amount * 2, * FROM $<tenant>_orders ORDER BY amount * 2
-- case: ORDER BY in a sub-select
SELECT count(*) FROM (SELECT id FROM $<tenant>_orders ORDER BY amount) t
-- case: DISTINCT
SELECT DISTINCT kind FROM $<tenant>_entities ORDER BY kind
-- case: DISTINCT with an expression that the output lacks
SELECT DISTINCT kind FROM $<tenant>_entities ORDER BY last_updated
-- case: DISTINCT by a column in another spelling
SELECT DISTINCT kind FROM $<tenant>_entities e ORDER BY e.kind
-- case: DISTINCT with a star
SELECT DISTINCT * FROM $<tenant>_entities ORDER BY id
-- case: DISTINCT ON
SELECT DISTINCT ON (entity_id) entity_id, amount FROM $<tenant>_orders ORDER BY entity_id, placed_at DESC
-- case: GROUP BY with a hidden aggregate
SELECT kind FROM $<tenant>_entities GROUP BY kind ORDER BY count(*) DESC
-- case: HAVING and FILTER
SELECT kind, count(*) FILTER (WHERE last_updated IS NULL) FROM $<tenant>_entities GROUP BY kind HAVING count(*) > 1
-- case: grouping sets
SELECT kind, state, count(*) FROM $<tenant>_jobs GROUP BY ROLLUP (kind, state), CUBE (id), GROUPING SETS ((), (id))
-- case: GROUP BY DISTINCT
SELECT kind, state FROM $<tenant>_jobs GROUP BY DISTINCT ROLLUP (kind, state)
-- case: star
SELECT * FROM $<tenant>_entities
-- case: qualified star
SELECT e.*, o.amount FROM $<tenant>_entities e JOIN $<tenant>_orders o ON o.entity_id = e.id
-- case: count star is no star
SELECT count(*), count(e.*) FROM $<tenant>_entities e
-- case: a star in a sub-select
SELECT kind FROM (SELECT * FROM $<tenant>_entities) t
-- case: whole row
SELECT e FROM $<tenant>_entities e
-- case: whole row in a function
SELECT row_to_json(e) FROM $<tenant>_entities e
-- case: column alias list
SELECT a FROM $<tenant>_entities AS e(a, b)
