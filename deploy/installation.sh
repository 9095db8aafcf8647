# Sourced by backup.sh and restore.sh: reads [--compose] FOLDER, and says where the parts of the installation are.
# shellcheck shell=sh disable=SC2034
set -eu
umask 077
name="${0##*/}"
die() { printf '%s: %s\n' "$name" "$1" >&2; exit 2; }
usage="Usage: $name [--compose] FOLDER. Without --compose: the londonpump on PATH, with its settings in the environment."

place=plain
if [ "${1:-}" = --compose ]; then place=compose; shift; fi
case "${1:-}" in '' | -*) die "$usage" ;; esac
[ $# -eq 1 ] || die "$usage"
case "$1" in /*) folder="$1" ;; *) folder="$PWD/$1" ;; esac
here="$(cd "$(dirname "$0")" && pwd)"

if [ "$place" = compose ]; then
  cd "$here/.."
  engine=postgresql database='host=127.0.0.1 user=londonpump dbname=londonpump'
  bundles=/var/lib/londonpump/bundle roads=/var/lib/londonpump/roads secret="$here/secrets/token-secret"
  # COMPOSE may be two words
  compose() { ${COMPOSE:-docker compose} "$@"; }
  # shellcheck disable=SC2016
  pg() { compose exec -T postgres sh -c 'PGPASSWORD="$(cat /run/secrets/database-password)" exec "$@"' sh "$@"; }
  in_home() { compose run --rm --no-deps -T --entrypoint sh worker -euc "$@"; }
  lp() { compose run --rm --no-deps -T worker "$@" < /dev/null; }
else
  command -v londonpump > /dev/null || die 'londonpump is not on PATH. Activate its environment, or pass --compose.'
  # the interpreter that londonpump was installed with, which has its packages; PYTHON if its script names none
  python="${PYTHON:-$(sed -n '1s/^#!//p' "$(command -v londonpump)")}"
  found="$("$python" "$here/installation.py")" || exit 2
  eval "$found"
  if [ -n "$password" ]; then export PGPASSWORD="$password"; fi
  pg() { command -v "$1" > /dev/null || die "$1 is not installed. Install it: apt-get install postgresql-client"; "$@"; }
  in_home() { sh -euc "$@"; }
  lp() { londonpump "$@"; }
fi
