-- case: read once
WITH c AS (SELECT count(*) AS n FROM $<tenant>_entities) SELECT sum(n) FROM c
-- case: read by a copied block
WITH c AS (SELECT kind FROM $<tenant>_entities) SELECT o.status FROM $<tenant>_orders o WHERE o.status IN (SELECT kind FROM c)
-- case: read by a copied block's FROM
WITH c AS (SELECT id, kind FROM $<tenant>_entities) SELECT c.kind, o.amount FROM $<tenant>_orders o JOIN c ON c.id = o.entity_id
-- case: read by both
WITH c AS (SELECT count(*) AS n FROM $<tenant>_entities) SELECT t.n, (SELECT sum(n) FROM c) FROM (SELECT c.n FROM $<tenant>_orders, c) t
-- case: chain
WITH a AS (SELECT kind FROM $<tenant>_entities), b AS (SELECT kind, count(*) AS n FROM a GROUP BY kind) SELECT tenant, n FROM a JOIN (SELECT 1 AS n) x ON true
-- case: chain, the second runs once
WITH a AS (SELECT kind FROM $<tenant>_entities), b AS (SELECT kind, count(*) AS n FROM a GROUP BY kind) SELECT * FROM b
-- case: a copied block cannot read the fleet
WITH a AS (SELECT kind FROM $<tenant>_entities), b AS (SELECT count(*) AS n FROM a) SELECT status, b.n FROM $<tenant>_orders, b
-- case: a plain one read by a copied block
WITH v(kind) AS (VALUES ('a'), ('b')) SELECT e.id FROM $<tenant>_entities e JOIN v USING (kind)
-- case: a plain one read by both
WITH v AS (SELECT 1 AS one) SELECT sum(n), (SELECT one FROM v) FROM (SELECT count(*) AS n FROM $<tenant>_entities, v) t
-- case: attached to the copied block itself
SELECT n FROM (WITH c AS (SELECT count(*) AS n FROM $<tenant>_entities) SELECT c.n FROM c, $<tenant>_orders) t
-- case: attached to a sub-select that runs once
SELECT s FROM (WITH c AS (SELECT count(*) AS n FROM $<tenant>_entities) SELECT sum(n) AS s FROM c) t
-- case: column aliases
WITH c(k, n) AS (SELECT kind, count(*) FROM $<tenant>_entities GROUP BY kind) SELECT tenant, k, n FROM c
-- case: MATERIALIZED
WITH c AS MATERIALIZED (SELECT kind FROM $<tenant>_entities) SELECT count(*) FROM c
-- case: two of one name
WITH c AS (SELECT 1 AS one) SELECT * FROM (WITH c AS (SELECT 2 AS two) SELECT c.two, $<tenant> AS who FROM $<tenant>_orders, c) t
-- case: never read
WITH c AS (SELECT kind FROM $<tenant>_entities) SELECT count(*) FROM $<tenant>_orders
-- case: only an unread one has $<tenant>
WITH c AS (SELECT kind FROM $<tenant>_entities) SELECT 1
-- case: recursive, read once
WITH RECURSIVE tree AS (SELECT id, 1 AS depth FROM $<tenant>_entities WHERE parent_id IS NULL UNION ALL SELECT e.id, t.depth + 1 FROM $<tenant>_entities e JOIN tree t ON e.parent_id = t.id) SELECT tenant, max(depth) FROM tree GROUP BY tenant
-- case: recursive member reads only itself
WITH RECURSIVE n AS (SELECT count(*) AS i FROM $<tenant>_entities UNION ALL SELECT i - 1 FROM n WHERE i > 0) SELECT count(*) FROM n
-- case: recursive, read by a copied block
WITH RECURSIVE tree AS (SELECT id FROM $<tenant>_entities WHERE parent_id IS NULL UNION ALL SELECT e.id FROM $<tenant>_entities e JOIN tree t ON e.parent_id = t.id) SELECT o.id FROM $<tenant>_orders o JOIN tree ON tree.id = o.entity_id
-- case: recursive over fleet rows
WITH RECURSIVE f AS (SELECT n FROM (SELECT count(*) AS n FROM $<tenant>_entities) t UNION ALL SELECT n - 1 FROM f WHERE n > 0) SELECT count(*) FROM f
-- case: recursive without $<tenant>, read by a copied block
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT n.i, e.kind FROM $<tenant>_entities e, n
-- case: recursive mixes tenants and the fleet
WITH RECURSIVE f AS (SELECT count(*) AS n FROM $<tenant>_entities UNION ALL SELECT f.n FROM f, (SELECT count(*) AS m FROM $<tenant>_orders) t) SELECT count(*) FROM f
-- case: a WITH query shadows a relation
WITH pg_class AS (SELECT kind FROM $<tenant>_entities) SELECT count(*) FROM pg_class
-- case: a name used before its definition
WITH b AS (SELECT kind FROM a), a AS (SELECT kind FROM $<tenant>_entities) SELECT count(*) FROM b
-- case: a copied sub-select cannot read what the fleet's rows made
WITH a AS (SELECT kind FROM $<tenant>_entities), b AS (SELECT count(*) AS n FROM a) SELECT * FROM (SELECT status, b.n FROM $<tenant>_orders, b) t
-- case: recursive with column aliases, read once
WITH RECURSIVE tree(node, depth) AS (SELECT id, 1 FROM $<tenant>_entities WHERE parent_id IS NULL UNION ALL SELECT e.id, depth + 1 FROM $<tenant>_entities e JOIN tree ON e.parent_id = node) SELECT max(depth) FROM tree
-- case: recursive with SEARCH, read once
WITH RECURSIVE tree AS (SELECT id, parent_id FROM $<tenant>_entities WHERE parent_id IS NULL UNION ALL SELECT e.id, e.parent_id FROM $<tenant>_entities e JOIN tree t ON e.parent_id = t.id) SEARCH DEPTH FIRST BY id SET place SELECT tenant, id FROM tree ORDER BY tenant, place
-- case: recursive with CYCLE, read once
WITH RECURSIVE tree AS (SELECT id, parent_id FROM $<tenant>_entities UNION ALL SELECT e.id, e.parent_id FROM $<tenant>_entities e JOIN tree t ON e.parent_id = t.id) CYCLE id SET looped USING path SELECT count(*) FROM tree WHERE looped
-- case: two WITH queries of one name that a copied block would both need
WITH c AS (SELECT kind FROM $<tenant>_entities), d AS (SELECT kind FROM c) SELECT * FROM (WITH c AS (SELECT 1 AS one) SELECT c.one, d.kind FROM $<tenant>_orders, c, d) t
