#!/bin/sh
# Restores a backup of backup.sh into an empty installation: restore.sh [--compose] FOLDER
# The database must be empty and no bundle be there; nothing is overwritten, and all is restored or nothing.
# Exit code 2: nothing was changed. 1: restored, but not the tables of roads, or the audit is not as it was at the backup.
. "$(dirname "$0")/installation.sh"

[ -f "$folder/SHA256SUMS" ] || die "$folder is no backup: it has no SHA256SUMS. Name a folder that backup.sh made."
(cd "$folder" && sha256sum --check --quiet --strict SHA256SUMS) ||
  die "$folder is damaged (see above). Take another backup. Nothing was changed."
if [ "$engine" = sqlite ]; then dump="$folder/londonpump.db"; else dump="$folder/database.dump"; fi
[ -f "$dump" ] || die "$folder holds no backup of $engine. Set LONDONPUMP_DATABASE_URL to a database of the other kind."

# What this run has put in place, to be taken back if a later step fails.
placed_secret='' placed_bundles=''
undo() {
  [ -z "$placed_secret" ] || rm -f "$secret"
  # shellcheck disable=SC2016
  # the folder itself stays if it is a mounted share
  # shellcheck disable=SC2016
  [ -z "$placed_bundles" ] || in_home 'find "$1" -mindepth 1 -delete; rmdir "$1" 2> /dev/null || true' sh "$bundles" < /dev/null
}
trap undo EXIT
trap 'exit 130' INT TERM

if [ -f "$folder/token-secret" ]; then
  if [ ! -e "$secret" ]; then
    mkdir -p "$(dirname "$secret")"
    placed_secret=yes
    cp "$folder/token-secret" "$secret"
    # the stack mounts its secrets for the user of the containers; their folder is its owner's alone
    [ "$place" = plain ] || { chmod 0700 "$(dirname "$secret")"; chmod 0444 "$secret"; }
  elif ! cmp -s "$folder/token-secret" "$secret"; then
    echo "$secret is another secret than that of the backup, and stays. Users refresh their tokens or sign in again." >&2
  fi
fi

if [ "$place" = compose ]; then
  sh deploy/make-secrets.sh
  compose up --detach --wait --no-deps --no-recreate postgres
fi
if [ "$engine" = sqlite ]; then
  for file in "$database" "$database-wal" "$database-shm"; do
    [ ! -e "$file" ] || die "$file is there already. Stop the service and move it away first. Nothing was changed."
  done
else
  tables="$(pg psql -AtXq -c "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'S')" \
    "$database" < /dev/null)" || die 'the database does not answer (see above). Nothing was changed.'
  empty='Create an empty one (createdb NAME), name it in LONDONPUMP_DATABASE_URL, and restore there.'
  [ "$place" = plain ] || empty='To replace all data of this stack: docker compose down --volumes (it deletes them), then restore.'
  [ "$tables" = 0 ] || die "the database is not empty: $tables tables and sequences. $empty Nothing was changed."
fi

# shellcheck disable=SC2016
in_home '
  [ -z "$(ls -A "$1" 2> /dev/null)" ] || { echo "There are bundles in $1 already." >&2; exit 3; }
  mkdir -p "$1" && tar -C "$1" --no-same-owner -xf - || { find "$1" -mindepth 1 -delete; rmdir "$1"; exit 3; }' \
  sh "$bundles" < "$folder/bundles.tar" || die "the bundles were not restored (see above). Move $bundles away first. Nothing was changed."
placed_bundles=yes
if [ "$engine" = sqlite ]; then
  mkdir -p "$(dirname "$database")" && cp "$dump" "$database.part" && sync "$database.part" &&
    mv -n "$database.part" "$database" || { rm -f "$database.part"; die "$database cannot be written (see above). Nothing was changed."; }
else
  # without a table of contents of owners and rights: the tables belong to whoever restores them
  pg pg_restore --exit-on-error --single-transaction --no-owner --no-acl --dbname="$database" < "$dump" ||
    die 'pg_restore failed (see above), and took back what it had done. Nothing was changed.'
fi
trap - EXIT INT TERM

if [ -f "$folder/roads.tar" ]; then
  # last: tables are named by their content, so those that are there stay, and the others are added
  # shellcheck disable=SC2016
  in_home 'mkdir -p "$1" && tar -C "$1" --no-same-owner --skip-old-files -xf -' sh "$roads" < "$folder/roads.tar" || {
    printf '%s: all but the tables of roads is restored. Make room, then: tar -C %s --skip-old-files -xf %s\n' "$name" "$roads" "$folder/roads.tar" >&2
    exit 1
  }
fi

head="$(cat "$folder/audit-head" 2> /dev/null || true)"
lp audit verify ${head:+--head "$head"} || {
  printf '%s: everything is restored, but the audit is not as it was (see above). Do not start the service before you know why.\n' "$name" >&2
  exit 1
}
echo 'Restored. Start the service.'
