-- case: a second statement
SELECT 1 FROM $<tenant>_entities; DROP TABLE x
-- case: a semicolon at the end
SELECT 1 FROM $<tenant>_entities;
-- case: nothing
-- only a comment
-- case: another statement
INSERT INTO $<tenant>_entities VALUES (1)
-- case: SELECT INTO
SELECT kind INTO x FROM $<tenant>_entities
-- case: FOR UPDATE
SELECT kind FROM $<tenant>_entities FOR UPDATE
-- case: a WITH query that writes
WITH d AS (DELETE FROM $<tenant>_entities RETURNING id) SELECT * FROM d
-- case: a function that waits
SELECT pg_sleep(9) FROM $<tenant>_entities
-- case: a function of another schema
SELECT fleet.f(kind) FROM $<tenant>_entities
-- case: a column that is a call
SELECT e.row_of FROM $<tenant>_entities e
-- case: a column that is a call, cast
SELECT e.row_of::text FROM $<tenant>_entities e
-- case: a column that is a call, collated
SELECT e.row_of COLLATE "C" FROM $<tenant>_entities e
-- case: a column that is a call, in a sub-select
SELECT (SELECT e.row_of) FROM $<tenant>_entities e
-- case: a column that is a call, by its composite
SELECT (e).row_of FROM $<tenant>_entities e
-- case: a call that an alias of the same name would vouch for
SELECT ('SELECT 1'::text).ts_stat, 1 AS ts_stat FROM $<tenant>_entities
-- case: a column that a sub-select's function names
SELECT t.count, t.case FROM (SELECT count(*), CASE WHEN true THEN 1 END AS "case" FROM $<tenant>_entities) t
-- case: a system column
SELECT e.ctid FROM $<tenant>_entities e
-- case: a reg cast
SELECT 'x'::regclass FROM $<tenant>_entities
-- case: a row type
SELECT NULL::fleet.thing FROM $<tenant>_entities
-- case: an operator of another schema
SELECT 1 OPERATOR(fleet.+) 1 FROM $<tenant>_entities
-- case: a parameter
SELECT $1 FROM $<tenant>_entities
-- case: TABLESAMPLE
SELECT 1 FROM $<tenant>_entities TABLESAMPLE system (1)
-- case: current_user
SELECT current_user FROM $<tenant>_entities
-- case: syntax
SELECT kind FROM $<tenant>_entities WHERE
-- case: syntax beside a placeholder
SELECT kind FROM $<tenant>_entities $<tenant>
-- case: unterminated string
SELECT 'x FROM $<tenant>_entities
-- case: unterminated comment
SELECT 1 /* x FROM $<tenant>_entities
