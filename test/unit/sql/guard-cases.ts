/** Queries that the guard refuses, with what it says. */
export const REFUSED_QUERIES: readonly (readonly [sql: string, message: string])[] = [
  ["SELECT a FROM t FOR UPDATE", "FOR UPDATE and FOR SHARE are not allowed"],
  ["SELECT a FROM (SELECT a FROM t FOR SHARE) s", "FOR UPDATE and FOR SHARE are not allowed"],
  ["SELECT a INTO x FROM t", "SELECT INTO is not allowed"],
  ["SELECT a INTO TEMP x FROM t", "SELECT INTO is not allowed"],
  ["SELECT $1", "parameters such as $1 are not allowed"],
  ["SELECT a FROM t TABLESAMPLE system (1)", "RangeTableSample is not allowed here"],
  ["SELECT * FROM xmltable('/a' PASSING b COLUMNS c int)", "RangeTableFunc is not allowed here"],
  ["SELECT * FROM json_table('{}', '$' COLUMNS (a int))", "JsonTable is not allowed here"],
  ["SELECT xmlelement(name a)", "XmlExpr is not allowed here"],
  ["SELECT xmlserialize(CONTENT a AS text)", "XmlSerialize is not allowed here"],
  ["SELECT json_value('{}', '$')", "JsonFuncExpr is not allowed here"],
  ["SELECT json_object('a': 1)", "JsonObjectConstructor is not allowed here"],
  ["SELECT merge_action()", "MergeSupportFunc is not allowed here"],
  ["VALUES (DEFAULT)", "SetToDefault is not allowed here"],
  ["WITH d AS (DELETE FROM t RETURNING a) SELECT a FROM d", "a WITH query that writes is not allowed"],
  ["WITH d AS (INSERT INTO t VALUES (1) RETURNING a) SELECT a FROM d", "a WITH query that writes is not allowed"],
  ["SELECT (WITH d AS (UPDATE t SET a = 1 RETURNING a) SELECT a FROM d)", "a WITH query that writes is not allowed"],
  // Columns that are really calls, and what reaches objects by their names.
  ["SELECT o.row_of FROM t o", "o.row_of could be a call of the function row_of, which is not allowed"],
  ["SELECT (o).row_of FROM t o", "row_of could be a call of the function row_of, which is not allowed"],
  ["SELECT pg_sleep(1)", "the function pg_sleep is not allowed"],
  ["SELECT 'x'::regclass", "the type regclass is not allowed"],
  ["SELECT a::char(10000000) FROM t", "char(n) and bit(n) may be 10000 long"],
  ["SELECT CAST(a AS bit(99999999999)) FROM t", "char(n) and bit(n) may be 10000 long"],
  [`SELECT a::pg_catalog."bpchar"(b) FROM t`, "char(n) and bit(n) may be 10000 long"],
  ["SELECT format('%1000000000s', a) FROM t", "format needs a literal text without widths"],
  ["SELECT format('%%%1$-999999999s', a) FROM t", "format needs a literal text without widths"],
  ["SELECT format('%*s', 1000000000, a) FROM t", "format needs a literal text without widths"],
  ["SELECT format(a, b) FROM t", "format needs a literal text without widths"],
  ["SELECT format(VARIADIC ARRAY['%s', a]) FROM t", "format needs a literal text without widths"],
  ["SELECT repeat(a, 1000000000) FROM t", "the function repeat is not allowed"],
  ["SELECT bpchar(a, 1000000000, true) FROM t", "the function bpchar is not allowed"],
  ["SELECT polygon(60000000, a) FROM t", "the function polygon is not allowed"],
  ["SELECT '<a/>'::xml", "the type xml is not allowed"],
  ["SELECT ctid FROM t", "the system column ctid is not allowed"],
  ["SELECT tableoid FROM t", "the system column tableoid is not allowed"],
  ["SELECT xmin FROM t", "the system column xmin is not allowed"],
  ["SELECT xmax FROM t", "the system column xmax is not allowed"],
  ["SELECT cmin FROM t", "the system column cmin is not allowed"],
  ["SELECT cmax FROM t", "the system column cmax is not allowed"],
  ["SELECT a OPERATOR(fleet.+) b FROM t", `the operator's schema "fleet" is not allowed`],
  ["SELECT 1 FROM t ORDER BY a USING OPERATOR(fleet.<)", `the operator's schema "fleet" is not allowed`],
  ["SELECT a OPERATOR(fleet.=) ANY (SELECT 1) FROM t", `the operator's schema "fleet" is not allowed`],
  [`SELECT a COLLATE fleet."C" FROM t`, `the collation's schema "fleet" is not allowed`],
  ["SELECT current_user", "functions that tell the session's role or database are not allowed"],
];

/** Statements that are no SELECT, with what they are called. */
export const REFUSED_STATEMENTS: readonly (readonly [sql: string, name: string])[] = [
  ["INSERT INTO t VALUES (1)", "INSERT"],
  ["UPDATE t SET a = 1", "UPDATE"],
  ["DELETE FROM t", "DELETE"],
  ["MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "MERGE"],
  ["COPY t TO STDOUT", "COPY"],
  ["COPY (SELECT 1) TO PROGRAM 'id'", "COPY"],
  ["EXPLAIN ANALYZE SELECT 1", "EXPLAIN"],
  ["SET statement_timeout = 0", "SET"],
  ["SET ROLE postgres", "SET"],
  ["RESET ALL", "SET"],
  ["SHOW ALL", "SHOW"],
  ["COMMIT", "a transaction command"],
  ["DO $$ BEGIN END $$", "DO"],
  ["PREPARE p AS SELECT 1", "PREPARE"],
  ["EXECUTE p", "EXECUTE"],
  ["LISTEN x", "LISTEN"],
  ["DECLARE c CURSOR WITH HOLD FOR SELECT 1", "DECLARECURSOR"],
  ["CALL p()", "CALL"],
  ["CREATE TABLE x (a int)", "CREATE"],
  ["DROP TABLE x", "DROP"],
  ["TRUNCATE t", "TRUNCATE"],
  ["LOCK TABLE t", "LOCK"],
  ["GRANT ALL ON t TO public", "GRANT"],
  ["VACUUM", "VACUUM"],
  ["DISCARD ALL", "DISCARD"],
];

const DANGEROUS = `
  query_to_xml query_to_xmlschema query_to_xml_and_xmlschema table_to_xml schema_to_xml database_to_xml cursor_to_xml
  ts_stat ts_rewrite pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file lo_import lo_export lo_create lo_from_bytea
  lo_get lo_put pg_reload_conf pg_rotate_logfile set_config current_setting version inet_server_addr inet_client_addr
  pg_sleep pg_sleep_for pg_sleep_until pg_advisory_lock pg_advisory_xact_lock pg_try_advisory_lock pg_notify
  pg_export_snapshot txid_current pg_current_xact_id nextval setval currval lastval pg_terminate_backend pg_cancel_backend
  postgres_fdw_disconnect_all postgres_fdw_disconnect postgres_fdw_get_connections dblink dblink_exec
  pg_stat_get_activity to_regclass to_regproc to_regtype to_regrole has_table_privilege has_database_privilege
  pg_get_viewdef pg_get_functiondef pg_get_userbyid pg_database_size pg_relation_size pg_total_relation_size
  pg_relation_filepath pg_show_all_settings pg_stat_get_backend_activity pg_logical_emit_message pg_create_restore_point
  current_database current_schema current_schemas pg_backend_pid pg_postmaster_start_time obj_description
  col_description row_security_active pg_table_is_visible json_populate_record jsonb_populate_recordset
  pg_input_is_valid pg_input_error_info pg_get_ruledef pg_get_indexdef pg_get_constraintdef pg_get_triggerdef pg_get_expr
  has_schema_privilege has_function_privilege has_column_privilege has_server_privilege pg_has_role to_regnamespace to_regoper
  inet_server_port inet_client_port pg_stat_get_backend_client_addr pg_switch_wal pg_logical_slot_get_changes xpath
  xpath_exists xml_is_well_formed xmlcomment xmlagg lo_open lo_unlink loread lowrite pg_advisory_unlock_all txid_snapshot_xmin
  getdatabaseencoding pg_ls_waldir pg_ls_logdir pg_current_logfile pg_read_file_off_length dblink_connect dblink_send_query
  table_to_xmlschema schema_to_xmlschema database_to_xmlschema table_to_xml_and_xmlschema repeat lpad rpad array_fill factorial
`;

/** Functions with which queries reached other tenants' rows, files, sessions or settings, or ran SQL from a string. */
export const DANGEROUS_FUNCTIONS: readonly string[] = DANGEROUS.trim().split(/\s+/);
