-- case: prefix
SELECT kind FROM $<tenant>_entities
-- case: schema
SELECT kind FROM $<tenant>.entities
-- case: suffix
SELECT 1 FROM entities_$<tenant>
-- case: infix
SELECT 1 FROM app_$<tenant>_entities
-- case: quoted prefix
SELECT kind FROM "$<tenant>_entities"
-- case: quoted, with a case of its own
SELECT 1 FROM "$<tenant>_Entities"
-- case: quoted schema
SELECT kind FROM "$<tenant>"."entities"
-- case: three parts are refused
SELECT 1 FROM elsewhere.$<tenant>.entities
-- case: alias of a relation
SELECT e.kind FROM $<tenant>_entities AS e
-- case: columns by the relation's own name
SELECT $<tenant>_entities.kind FROM $<tenant>_entities
-- case: columns by schema and relation
SELECT $<tenant>.entities.kind FROM $<tenant>.entities
-- case: alone as a value
SELECT $<tenant> FROM $<tenant>_entities
-- case: alone as a value with an alias
SELECT $<tenant> AS who, count(*) FROM $<tenant>_entities GROUP BY $<tenant>
-- case: in a literal
SELECT '$<tenant>' AS who, 'db-$<tenant>' AS db FROM $<tenant>_entities
-- case: in a national literal
SELECT N'$<tenant>' AS who FROM $<tenant>_entities
-- case: in a condition
SELECT id FROM $<tenant>_orders WHERE status = '$<tenant>' OR status = $<tenant>
-- case: between operators that a lexer would run together
SELECT 'x'||$<tenant>||'y' AS label, id>$<tenant>::bigint FROM $<tenant>_orders
-- case: in comments
SELECT kind -- of $<tenant> and $<nobody
FROM $<tenant>_entities /* not $<tenant>, /* nor $<tenant> */ nor $__what() */
-- case: in a dollar quote
SELECT $$ of $<tenant> $$ FROM $<tenant>_entities
-- case: in a tagged dollar quote
SELECT $q$ of $<tenant> $q$ FROM $<tenant>_entities
-- case: in an escape string
SELECT E'\n$<tenant>' FROM $<tenant>_entities
-- case: in a Unicode string
SELECT U&'$<tenant>' FROM $<tenant>_entities
-- case: in a Unicode identifier
SELECT 1 FROM U&"$<tenant>_entities"
-- case: in a bit string
SELECT B'$<tenant>' FROM $<tenant>_entities
-- case: after AS
SELECT count(*) AS n_$<tenant> FROM $<tenant>_entities
-- case: alone after AS
SELECT count(*) AS $<tenant> FROM $<tenant>_entities
-- case: quoted after AS
SELECT count(*) AS "n $<tenant>" FROM $<tenant>_entities
-- case: as an alias without AS
SELECT count(*) n_$<tenant> FROM $<tenant>_entities
-- case: as a relation's alias
SELECT 1 FROM $<tenant>_entities e_$<tenant>
-- case: as a sub-select's alias
SELECT 1 FROM (SELECT id FROM $<tenant>_entities) s_$<tenant>
-- case: as a sub-select's alias in a copied block
SELECT 1 FROM $<tenant>_orders, (SELECT 1) s_$<tenant>
-- case: as a type
SELECT 'x'::$<tenant> FROM $<tenant>_entities
-- case: as a type of CAST
SELECT CAST('x' AS $<tenant>) FROM $<tenant>_entities
-- case: as a function
SELECT $<tenant>_total(id) FROM $<tenant>_entities
-- case: as a function's schema
SELECT $<tenant>.total(id) FROM $<tenant>_entities
-- case: as a column
SELECT n_$<tenant> FROM $<tenant>_entities
-- case: as a qualified column
SELECT e.n_$<tenant> FROM $<tenant>_entities e
-- case: as a column of USING
SELECT 1 FROM $<tenant>_entities JOIN $<tenant>_orders USING (id_$<tenant>)
-- case: as a window's name
SELECT count(*) OVER w_$<tenant> FROM $<tenant>_entities WINDOW w_$<tenant> AS (PARTITION BY kind)
-- case: as a WITH query's name
WITH x_$<tenant> AS (SELECT 1) SELECT 1 FROM x_$<tenant>
-- case: as a collation
SELECT kind COLLATE "$<tenant>" FROM $<tenant>_entities
-- case: as an alias of a block that runs once
SELECT sum(n) total_$<tenant> FROM (SELECT count(*) AS n FROM $<tenant>_entities) t
-- case: as a WITH query's column
WITH c(n_$<tenant>) AS (SELECT count(*) FROM $<tenant>_entities) SELECT * FROM c
-- case: a whole row by the relation's own name
SELECT row_to_json($<tenant>_entities) FROM $<tenant>_entities
-- case: unknown placeholder
SELECT 1 FROM $<service>_entities
-- case: without an end
SELECT 1 FROM $<tenant_entities
-- case: without a selector
SELECT 1 FROM $<tenant:>_entities
-- case: across the end of a literal
SELECT '$<tenant:x' FROM t WHERE a>'1'
-- case: Grafana variable that nobody replaced
SELECT 1 FROM $<tenant>_entities WHERE kind = $kind
-- case: reserved names
SELECT 1 FROM __tnt_0___entities
-- case: positions behind characters of several bytes
SELECT 'grüße 🐘', nope(1) FROM $<tenant>_entities
-- case: positions on later lines
SELECT kind,
       $<tenant> AS who,
       '🐘' || nope(kind)
FROM $<tenant>_entities
-- case: no placeholder at all
SELECT 1
-- case: a placeholder in a literal only
SELECT '$<tenant>'
-- case: a placeholder as a value only
SELECT $<tenant>
-- case: a name of 63 bytes with the stand-in
SELECT 1 AS one FROM $<tenant>_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
-- case: a name that PostgreSQL would cut
SELECT 1 AS one FROM $<tenant>_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
-- case: a quoted name that PostgreSQL would cut
SELECT 1 AS one FROM "ääääääääääääääääääääääääääää_$<tenant>"
-- case: a long name behind a schema
SELECT 1 AS one FROM $<tenant>.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
-- case: a long literal
SELECT '$<tenant>_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' AS t FROM $<tenant>_entities
