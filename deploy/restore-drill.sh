#!/bin/sh
# Proves that a backup taken under load can be restored, by backup.sh and restore.sh themselves, on this machine alone:
#   deploy/restore-drill.sh [--engine sqlite|postgresql] [--bundle FOLDER] [--server postgresql://user@host/postgres]
# Nothing of an installation is touched: all of it happens in a new folder, and in new databases of the server.
# Exit code 0: nothing was lost. 1: something was. 2: the drill could not be run, with what to install.
set -eu
cd "$(dirname "$0")/.."
python="${PYTHON:-.venv/bin/python}"
[ -x "$python" ] || { echo 'restore-drill.sh: there is no .venv. Run: make setup' >&2; exit 2; }
PYTHONPATH="tests${PYTHONPATH:+:$PYTHONPATH}" exec "$python" -m support.restore_drill "$@"
