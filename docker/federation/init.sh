#!/bin/sh
# The federation database: a login that onboards tenants and owns their foreign tables, and one that runs user SQL.
set -eu

psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  -v owner_password="$OWNER_PASSWORD" -v query_password="$QUERY_PASSWORD" <<'SQL'
CREATE ROLE tenantry_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE tenantry_query LOGIN PASSWORD :'query_password';
CREATE DATABASE federation OWNER tenantry_owner;
REVOKE ALL ON DATABASE federation FROM PUBLIC;
GRANT CONNECT ON DATABASE federation TO tenantry_query;
-- A statement that lost its client ends here and on the tenants; Tenantry sets the other limits for each session.
ALTER ROLE tenantry_query SET client_connection_check_interval = '1s';
ALTER ROLE tenantry_query SET temp_file_limit = '256MB';
\connect federation
CREATE EXTENSION postgres_fdw;
GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO tenantry_owner;
SQL
