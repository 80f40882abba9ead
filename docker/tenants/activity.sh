#!/bin/sh
# Keeps the tenants' data changing: every $PAUSE seconds each database of each of $HOSTS gets what has happened since.
# It runs as the servers' owner, in a container of its own, and ends with it.
set -eu

export PGUSER=postgres PGPASSWORD="$POSTGRES_PASSWORD" PGOPTIONS="-c TimeZone=UTC"

while :; do
  for host in $HOSTS; do
    tenants=$(psql -h "$host" -d postgres -Atc "SELECT datname FROM pg_database WHERE datname LIKE 'tenant\_%'") || continue
    for tenant in $tenants; do
      psql --no-psqlrc --quiet -h "$host" -d "$tenant" -v pause="$PAUSE" --file /docker/activity.sql || true
    done
  done
  sleep "$PAUSE"
done
