#!/bin/sh
# Creates and fills the tenant databases that $TENANTS names, and a login that may only read them.
set -eu

run() { psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" "$@"; }

run --dbname postgres -v password="$TENANT_PASSWORD" <<'SQL'
CREATE ROLE tenantry_reader LOGIN PASSWORD :'password';
ALTER ROLE tenantry_reader SET default_transaction_read_only = on;
SQL

for tenant in $TENANTS; do
  number=${tenant#tenant_}
  case $number in
    *3) entities=1500 orders=6000 jobs=2000 ;; # enterprise
    *0 | *6 | *9) entities=400 orders=1500 jobs=600 ;; # pro
    *) entities=120 orders=500 jobs=200 ;; # free
  esac
  case $number in 4 | 29 | 63) failed=0.25 ;; *) failed=0.02 ;; esac
  run --dbname postgres -c "CREATE DATABASE $tenant"
  run --dbname "$tenant" -v entities="$entities" -v orders="$orders" -v jobs="$jobs" -v failed="$failed" \
    --file /docker/tenant.sql
done

# A tenant that missed a migration, and two whose entities are refreshed no more.
for tenant in $TENANTS; do
  case $tenant in
    tenant_7) run --dbname "$tenant" -c "ALTER TABLE orders DROP COLUMN status" ;;
    tenant_17 | tenant_42) run --dbname "$tenant" -c "UPDATE entities SET last_updated = last_updated - interval '3 days'" ;;
  esac
done
