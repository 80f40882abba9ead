-- case: labels
SELECT kind FROM $<tenant:plan=enterprise,region!=eu>_entities
-- case: name pattern
SELECT kind FROM $<tenant:~"^acme-.*$">_entities
-- case: label patterns
SELECT kind FROM $<tenant:plan=~"pro|free",region!~"^eu">_entities
-- case: names
SELECT kind FROM $<tenant:acme|globex>_entities
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
-- case: two selectors in one block
SELECT 1 FROM $<tenant:plan=pro>_entities, $<tenant:plan=free>_orders
-- case: two selectors in two blocks
SELECT kind FROM $<tenant:plan=pro>_entities UNION ALL SELECT kind FROM $<tenant:plan=free>_jobs
-- case: two selectors, one in a sub-select of the same arm
SELECT 1 FROM $<tenant:plan=pro>_entities WHERE EXISTS (SELECT 1 FROM $<tenant:plan=free>_orders)
-- case: a selector in an inner block only
SELECT 1 FROM $<tenant>_entities WHERE EXISTS (SELECT 1 FROM $<tenant:plan=pro>_orders)
-- case: selector in a literal
SELECT '$<tenant:plan=pro>' AS who FROM $<tenant>_entities
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
