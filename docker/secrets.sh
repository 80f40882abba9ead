#!/bin/sh
# Prints random secrets for docker compose. Once, before the first start:  sh docker/secrets.sh > .env
set -eu

random() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
digest() { printf '%s' "$1" | sha256sum | cut -d ' ' -f 1; }

grafana_token=$(random)
prometheus_token=$(random)

cat <<END
POSTGRES_PASSWORD=$(random)
OWNER_PASSWORD=$(random)
QUERY_PASSWORD=$(random)
TENANT_PASSWORD=$(random)
GRAFANA_TOKEN=$grafana_token
GRAFANA_TOKEN_SHA256=$(digest "$grafana_token")
PROMETHEUS_TOKEN=$prometheus_token
PROMETHEUS_TOKEN_SHA256=$(digest "$prometheus_token")
GRAFANA_ADMIN_PASSWORD=$(random)
END
