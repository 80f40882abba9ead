-- case: USING with an alias
SELECT c.id FROM (SELECT id FROM $<tenant>_orders) a JOIN (SELECT id, kind FROM $<tenant>_jobs) b USING (tenant, id) AS j JOIN (SELECT id FROM $<tenant>_orders) c ON c.tenant = j.tenant
-- case: a join with an alias
SELECT c.id FROM ((SELECT id FROM $<tenant>_orders) a JOIN (SELECT id, kind FROM $<tenant>_jobs) b USING (tenant, id)) AS j JOIN (SELECT id FROM $<tenant>_orders) c ON c.tenant = j.tenant
-- case: rows
SELECT a.id FROM (SELECT id FROM $<tenant>_orders) a JOIN (SELECT id, kind FROM $<tenant>_jobs) b ON (a.tenant, a.id) = (b.tenant, b.id)
-- case: WHERE
SELECT a.id FROM (SELECT id FROM $<tenant>_orders) a, (SELECT id, kind FROM $<tenant>_jobs) b WHERE a.id = b.id AND a.tenant = b.tenant
-- case: OR is no join on the tenant
SELECT a.id FROM (SELECT id FROM $<tenant>_orders) a, (SELECT id, kind FROM $<tenant>_jobs) b WHERE a.id = b.id OR a.tenant = b.tenant
-- case: three, one of them loose
SELECT a.id FROM (SELECT id FROM $<tenant>_orders) a JOIN (SELECT id, kind FROM $<tenant>_jobs) b USING (tenant, id) JOIN (SELECT id FROM $<tenant>_orders) c ON c.id = a.id
-- case: without names
SELECT 1 AS one FROM (SELECT id FROM $<tenant>_orders) JOIN (SELECT id, kind FROM $<tenant>_jobs) USING (tenant), (SELECT id FROM $<tenant>_orders)
-- case: NATURAL
SELECT a.id FROM (SELECT id FROM $<tenant>_orders) a NATURAL JOIN (SELECT id, kind FROM $<tenant>_jobs) b
-- case: NATURAL, but the tenant was let go
SELECT b.kind FROM (SELECT id FROM (SELECT id FROM $<tenant>_orders) x) a NATURAL JOIN (SELECT id, kind FROM $<tenant>_jobs) b
-- case: another column called tenant
SELECT b.kind FROM (SELECT id, 'x' AS tenant FROM (SELECT id FROM $<tenant>_orders) x) a JOIN (SELECT id, kind FROM $<tenant>_jobs) b USING (tenant, id)
-- case: the tenant under another name
SELECT b.kind FROM (SELECT id, tenant AS t FROM (SELECT id FROM $<tenant>_orders) x) a JOIN (SELECT id, kind FROM $<tenant>_jobs) b ON a.t = b.tenant
-- case: grouped by the tenant's position
SELECT b.kind FROM (SELECT tenant, count(*) AS n FROM (SELECT id FROM $<tenant>_orders) x GROUP BY 1) a JOIN (SELECT id, kind FROM $<tenant>_jobs) b ON a.n = b.id
-- case: grouped by something else
SELECT b.kind FROM (SELECT count(*) AS n FROM (SELECT id FROM $<tenant>_orders) x GROUP BY id) a JOIN (SELECT id, kind FROM $<tenant>_jobs) b ON a.n = b.id
-- case: LATERAL on the tenant
SELECT a.id, c.kind FROM (SELECT id FROM $<tenant>_orders) a, LATERAL (SELECT kind FROM (SELECT id, kind FROM $<tenant>_jobs) b WHERE b.tenant = a.tenant AND b.id = a.id) c
-- case: LATERAL on the id
SELECT a.id, c.kind FROM (SELECT id FROM $<tenant>_orders) a, LATERAL (SELECT kind FROM (SELECT id, kind FROM $<tenant>_jobs) b WHERE b.id = a.id) c
-- case: LATERAL that counts, on the id
SELECT a.id, c.n FROM (SELECT id FROM $<tenant>_orders) a, LATERAL (SELECT count(*) AS n FROM (SELECT id, kind FROM $<tenant>_jobs) b WHERE b.id = a.id) c
-- case: IN with the tenant
SELECT id FROM (SELECT id FROM $<tenant>_orders) a WHERE (tenant, id) IN (SELECT tenant, id FROM (SELECT id, kind FROM $<tenant>_jobs) b)
-- case: IN without the tenant
SELECT id FROM (SELECT id FROM $<tenant>_orders) a WHERE id IN (SELECT id FROM (SELECT id, kind FROM $<tenant>_jobs) b)
-- case: <> ALL without the tenant
SELECT id FROM (SELECT id FROM $<tenant>_orders) a WHERE id <> ALL (SELECT id FROM (SELECT id, kind FROM $<tenant>_jobs) b)
-- case: IN the fleet's values
SELECT id FROM (SELECT id FROM $<tenant>_orders) a WHERE id IN (SELECT id FROM (SELECT id, kind FROM $<tenant>_jobs) b GROUP BY id)
-- case: IN with a constant
SELECT id FROM (SELECT id FROM $<tenant>_orders) a WHERE 'a' IN (SELECT kind FROM (SELECT id, kind FROM $<tenant>_jobs) b)
-- case: IN over a local relation
SELECT plan FROM plans WHERE plan IN (SELECT kind FROM (SELECT id, kind FROM $<tenant>_jobs) b)
-- case: IN, tied inside
SELECT id FROM (SELECT id FROM $<tenant>_orders) a WHERE id IN (SELECT id FROM (SELECT id, kind FROM $<tenant>_jobs) b WHERE b.tenant = a.tenant)
-- case: EXISTS with the tenant
SELECT id FROM (SELECT id FROM $<tenant>_orders) a WHERE EXISTS (SELECT 1 FROM (SELECT id, kind FROM $<tenant>_jobs) b WHERE (b.id, b.tenant) = (a.id, a.tenant))
-- case: EXISTS without the tenant
SELECT id FROM (SELECT id FROM $<tenant>_orders) a WHERE NOT EXISTS (SELECT 1 FROM (SELECT id, kind FROM $<tenant>_jobs) b WHERE b.id = a.id)
-- case: a scalar sub-select, names without qualifiers
SELECT (SELECT count(*) FROM (SELECT id AS other FROM $<tenant>_jobs) b WHERE other = id) AS n FROM (SELECT id FROM $<tenant>_orders) a
-- case: a comparison that is no equality
SELECT (SELECT count(*) FROM (SELECT id, kind FROM $<tenant>_jobs) b WHERE b.id > a.id) AS n FROM (SELECT id FROM $<tenant>_orders) a
