-- case: labels
SELECT kind FROM $<tenant:plan=pro,region!=eu>_entities
-- case: name pattern
SELECT kind FROM $<tenant:~"^a-.*$">_entities
-- case: label patterns
SELECT kind FROM $<tenant:plan=~"^(pro|team)$",region!~"^eu">_entities
-- case: names
SELECT kind FROM $<tenant:"o'hara"|globex>_entities
-- case: star
SELECT kind FROM $<tenant:*>_entities
-- case: quoted value with > and ,
SELECT kind FROM $<tenant:plan="a>b,c">_entities
-- case: spaces
SELECT kind FROM $<tenant: plan = pro , region != eu >_entities
-- case: a selector and a plain placeholder
SELECT kind, $<tenant> AS who FROM $<tenant:plan=pro>_entities
-- case: the same selector twice
SELECT 1 FROM $<tenant:plan=pro>_entities JOIN $<tenant:plan=pro>_orders ON true
-- case: two selectors in two blocks
SELECT a.n, b.n FROM (SELECT count(*) AS n FROM $<tenant:plan=pro>_entities) a CROSS JOIN (SELECT count(*) AS n FROM $<tenant:plan=free>_entities) b
-- case: two selectors in one block
SELECT 1 FROM $<tenant:plan=pro>_entities, $<tenant:plan=free>_orders
-- case: two selectors in the sides of a UNION
SELECT kind FROM $<tenant:plan=pro>_entities UNION ALL SELECT kind FROM $<tenant:plan=free>_jobs
-- case: two selectors, one in a sub-select of the same arm
SELECT 1 FROM $<tenant:plan=pro>_entities WHERE EXISTS (SELECT 1 FROM $<tenant:plan=free>_orders)
-- case: a selector in an inner block only
SELECT 1 FROM $<tenant>_entities WHERE EXISTS (SELECT 1 FROM $<tenant:plan=pro>_orders)
-- case: selector in a literal
SELECT '$<tenant:plan=pro>' AS who FROM $<tenant>_entities
-- case: a label that no tenant has
SELECT kind FROM $<tenant:zone="">_entities
-- case: a label that no tenant has, with a value
SELECT kind FROM $<tenant:zone=a>_entities
-- case: a pattern that is too long
SELECT 1 FROM $<tenant:~"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">_entities
-- case: missing value
SELECT 1 FROM $<tenant:plan=>_entities
-- case: unknown operator
SELECT 1 FROM $<tenant:plan<5>_entities
-- case: bad pattern
SELECT 1 FROM $<tenant:~"(">_entities
-- case: lookahead is no RE2
SELECT 1 FROM $<tenant:~"(?=a)">_entities
-- case: pg-promise's notation
SELECT 1 FROM $<tenant:raw:json>_entities
