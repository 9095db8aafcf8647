#!/bin/sh
# Makes the secrets of the stack in deploy/secrets, each once: what is there already stays. Nothing is shown.
# The folder is its owner's alone; the files can be read in the containers, whose user is another one.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
chmod 0700 secrets

# keep NAME: writes standard input to the secret, unless it is there; whole or not at all.
keep() {
  if [ ! -s "secrets/$1" ]; then
    cat > "secrets/.$1.part"
    chmod 0444 "secrets/.$1.part"
    mv "secrets/.$1.part" "secrets/$1"
  else
    cat > /dev/null
  fi
}
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

random | keep token-secret
random | keep database-password
password="$(cat secrets/database-password)"
printf 'postgresql://londonpump:%s@postgres:5432/londonpump' "$password" | keep database-url
printf 'postgresql+psycopg2://londonpump:%s@postgres:5432/airflow' "$password" | keep airflow-database-url
printf 'postgresql+psycopg2://londonpump:%s@postgres:5432/mlflow' "$password" | keep mlflow-database-url
# The stack takes the user's name from .env too.
user="${AIRFLOW_USER:-$(sed -n 's/^AIRFLOW_USER=//p' ../.env 2>/dev/null || true)}"
user="${user:-admin}"
if [ -f secrets/airflow-passwords ] && ! grep -q "\"$user\"" secrets/airflow-passwords; then
  rm -f secrets/airflow-passwords
fi
printf '{"%s": "%s"}' "$user" "${AIRFLOW_PASSWORD:-$(random)}" | keep airflow-passwords
