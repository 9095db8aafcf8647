#!/bin/sh
# Makes the database at the first start as docker.io/library/postgres does, then serves it.
set -eu
data=/var/lib/postgresql/data
if [ ! -s "$data/PG_VERSION" ]; then
  initdb --pgdata "$data" --username "$POSTGRES_USER" --auth scram-sha-256 --pwfile "$POSTGRES_PASSWORD_FILE" --encoding UTF8 >/dev/null
  echo 'host all all all scram-sha-256' >> "$data/pg_hba.conf"
  PGPASSWORD="$(cat "$POSTGRES_PASSWORD_FILE")"
  export PGPASSWORD
  pg_ctl --pgdata "$data" --options "-c listen_addresses='' -c unix_socket_directories=/tmp" --wait start >/dev/null
  psql --host /tmp --username "$POSTGRES_USER" --dbname postgres --quiet --command "CREATE DATABASE $POSTGRES_DB"
  for file in /docker-entrypoint-initdb.d/*.sql; do
    [ ! -f "$file" ] || psql --host /tmp --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --quiet --file "$file"
  done
  pg_ctl --pgdata "$data" --wait stop >/dev/null
fi
exec postgres -D "$data" -c "listen_addresses=*" -c unix_socket_directories=/tmp
