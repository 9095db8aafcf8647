#!/bin/sh
# Takes a backup while the service runs: backup.sh [--compose] FOLDER
# FOLDER gets the database, the bundles, the tables of roads, the secret of the tokens and the head of the audit, all of it or nothing.
# It holds hashed passwords and a secret: only its owner can read it. Exit code 1: taken, but the audit is not whole.
. "$(dirname "$0")/installation.sh"

[ ! -e "$folder" ] || die "$folder is there already. Name a new folder: a backup is never overwritten."
mkdir -p "$(dirname "$folder")"
part="$(mktemp -d "$folder.part.XXXXXX")"
trap 'rm -rf "$part"' EXIT
trap 'exit 130' INT TERM

# asked first, as a command of londonpump would make an empty one
[ "$engine" != sqlite ] || [ -f "$database" ] || die "there is no database $database. Check LONDONPUMP_HOME and LONDONPUMP_DATABASE_URL."
audit=0
# before the copy, so that the copy holds this row
verified="$(lp audit verify)" || audit=1
if [ "$audit" -eq 0 ]; then printf '%s\n' "${verified##* }" > "$part/audit-head"; fi

if [ "$engine" = sqlite ]; then
  # SQLite's online backup in one step: it reads the newest commits of the write-ahead log too, and no writer waits
  "$python" - "$database" "$part/londonpump.db" << 'PYTHON'
import sqlite3
import sys
from pathlib import Path

source = sqlite3.connect(Path(sys.argv[1]).absolute().as_uri() + "?mode=ro", uri=True)
copy = sqlite3.connect(sys.argv[2])
source.backup(copy)
found = copy.execute("PRAGMA quick_check").fetchone()[0]
copy.close()
sys.exit(0 if found == "ok" else f"backup.sh: the copy of {sys.argv[1]} is damaged ({found}). Nothing was kept.")
PYTHON
else
  pg pg_dump --format=custom --no-owner --no-acl "$database" < /dev/null > "$part/database.dump" ||
    die 'pg_dump failed (see above). Nothing was kept. Its version must be that of the server, or newer.'
  pg pg_restore --list < "$part/database.dump" > /dev/null || die 'the dump cannot be read again. Nothing was kept.'
fi

# after the database: a bundle is stored before the ledger names it
# an installation without a model has no folder of bundles yet
# shellcheck disable=SC2016
in_home 'if [ -e "$1" ]; then tar -C "$1" -cf - .; else tar -cf - -T /dev/null; fi' sh "$bundles" < /dev/null > "$part/bundles.tar" ||
  die "the bundles in $bundles cannot be read (see above). Nothing was kept."
# tables of roads, without which a model that was trained with one is refused; the maps can be fetched again
# shellcheck disable=SC2016
in_home '[ ! -d "$1" ] || tar -C "$1" --exclude=./maps -cf - .' sh "$roads" < /dev/null > "$part/roads.tar" ||
  die "the roads in $roads cannot be read (see above). Nothing was kept."
[ -s "$part/roads.tar" ] || rm "$part/roads.tar"
[ ! -f "$secret" ] || cat "$secret" > "$part/token-secret"
(cd "$part" && sha256sum -- * > SHA256SUMS)
sync -f "$part"
mv -T "$part" "$folder" || die "$folder appeared meanwhile. Name another folder."

du -sh "$folder"
if [ "$audit" -ne 0 ]; then
  printf '%s: the backup was taken, but `londonpump audit verify` failed: %s\n' "$name" "$verified" >&2
  exit 1
fi
echo "Audit head: $(cat "$folder/audit-head"). Keep it elsewhere too."
