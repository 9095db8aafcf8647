#!/bin/sh
# Asks a running service whether it can be used: /livez, /readyz, sign-in, one prediction.
#   deploy/smoke.sh BASE_URL [USERNAME] < PASSWORD     (the account needs the role service; its name is `smoke` unless given)
# The password is read from standard input. Neither it nor the token is shown or becomes an argument of a process.
# SMOKE_WAIT_S: how long /livez and /readyz may take to answer 200 (default 120). Needs curl.
# Exit code 0: all four work. 1: one does not; what failed is on standard error. 2: wrong use.
set -eu
base="${1:-}" user="${2:-smoke}" wait_s="${SMOKE_WAIT_S:-120}"
case "$base" in
  http://?* | https://?*) base="${base%/}" ;;
  *) echo 'smoke.sh: usage: deploy/smoke.sh BASE_URL [USERNAME] < PASSWORD, for example http://localhost:8000' >&2; exit 2 ;;
esac
IFS= read -r password || [ -n "$password" ] || { echo 'smoke.sh: standard input holds no password.' >&2; exit 2; }
umask 077
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# ask ROUTE [curl's arguments]: the body goes to $work/body, the status to $status (000: no answer).
ask() {
  route="$1"; shift
  status="$(curl --silent --max-time 20 --output "$work/body" --write-out '%{http_code}' "$@" "$base$route")" || status=000
}
fail() {
  echo "smoke.sh: $base$1 answered $status instead of a usable 200 (000: no answer). $2" >&2
  if [ -s "$work/body" ]; then head -c 500 "$work/body" >&2; echo >&2; fi
  exit 1
}
# wait_for ROUTE HINT: asks until the answer is 200.
wait_for() {
  until ask "$1"; [ "$status" = 200 ]; do
    [ "$(date +%s)" -lt "$deadline" ] || fail "$1" "Waited $wait_s s. $2"
    sleep 2
  done
  echo "ok  $1"
}

deadline=$(($(date +%s) + wait_s))
wait_for /livez 'The service does not run, or its address is wrong.'
wait_for /readyz 'The answer names the part that fails.'

printf '%s' "$password" > "$work/password"
ask /login --data-urlencode "username=$user" --data-urlencode "password@$work/password"
rm "$work/password"
token="$(sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p' "$work/body")"
# An answer that may hold tokens is never shown.
if [ "$status" = 200 ]; then rm "$work/body"; fi
if [ -z "$token" ]; then fail /login "Is there an account $user with this password? See londonpump users create."; fi
printf 'Authorization: Bearer %s\n' "$token" > "$work/header"
echo 'ok  /login'

ask /v1/predictions --header "@$work/header" --header 'Content-Type: application/json' \
  --data '{"location": {"latitude": 51.508, "longitude": -0.128}, "incident_type": "Fire"}'
if [ "$status" != 200 ] || ! grep -q '"candidates" *: *\[ *{' "$work/body"; then
  fail /v1/predictions 'A prediction with at least one pump was expected.'
fi
echo 'ok  /v1/predictions'
