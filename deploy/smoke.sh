#!/bin/sh
# Asks a running service whether it can be used: /livez, /readyz, sign-in, one prediction.
#   deploy/smoke.sh BASE_URL [USERNAME] < PASSWORD     an account of the role service; its name is `smoke` unless given
#   deploy/smoke.sh --new-password BASE_URL [USERNAME] where londonpump and its database are: the account gets a random
#                                                      password, which nobody sees, and is created if there is none
# Neither password nor token is shown or becomes an argument of a process. Needs python3 only, so it runs in the worker's image.
# SMOKE_WAIT_S: how long /livez and /readyz may take to answer 200 (default 120).
# Exit code 0: all four work. 1: one does not; what failed is on standard error. 2: wrong use.
set -eu
is_new=false
if [ "${1:-}" = --new-password ]; then is_new=true; shift; fi
case "${1:-}" in
  http://?* | https://?*) ;;
  *) echo 'smoke.sh: usage: deploy/smoke.sh [--new-password] BASE_URL [USERNAME], for example http://localhost:8000' >&2; exit 2 ;;
esac
user="${2:-smoke}"
if "$is_new"; then
  password="$(python3 -c 'import secrets; print(secrets.token_urlsafe(24))')"
  if londonpump users list | tr -s ' \t' ' ' | cut -d ' ' -f 1 | grep -qxF -e "$user"; then
    printf '%s\n' "$password" | londonpump users set-password --password-stdin "$user" >&2
  else
    printf '%s\n' "$password" | londonpump users create --service --password-stdin "$user" >&2
  fi
else
  IFS= read -r password || [ -n "$password" ] || { echo 'smoke.sh: standard input holds no password.' >&2; exit 2; }
fi

printf '%s' "$password" | python3 -c "$(cat << 'PROGRAM'
import json, os, sys, time, urllib.error, urllib.parse, urllib.request

base, user, wait_s = sys.argv[1].rstrip("/"), sys.argv[2], float(os.environ.get("SMOKE_WAIT_S") or 120)
QUESTION = {"location": {"latitude": 51.508, "longitude": -0.128}, "incident_type": "Fire"}


def ask(route, data=None, headers={}):
    """Return status and body; status 0: no answer, the body says why."""
    try:
        with urllib.request.urlopen(urllib.request.Request(base + route, data, headers), timeout=20) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        return 0, str(error).encode()


def fail(route, status, body, hint):
    got = f"answered {status}" if status else "did not answer"
    sys.exit(f"smoke.sh: {base}{route} {got}: {body[:500].decode(errors='replace')}\n{hint}")


deadline = time.monotonic() + wait_s
for route, hint in (
    ("/livez", "The service does not run, or its address is wrong."),
    ("/readyz", "The answer names the part that fails."),
):
    while (answer := ask(route))[0] != 200:
        if time.monotonic() >= deadline:
            fail(route, *answer, f"Waited {wait_s:g} s. {hint}")
        time.sleep(2)
    print("ok ", route, flush=True)

form = urllib.parse.urlencode({"username": user, "password": sys.stdin.read()}).encode()
status, body = ask("/login", form)
if status != 200:
    fail("/login", status, body, f"Is there an account {user} with this password? See londonpump users.")
print("ok  /login", flush=True)

headers = {"Authorization": "Bearer " + json.loads(body)["access_token"], "Content-Type": "application/json"}
status, body = ask("/v1/predictions", json.dumps(QUESTION).encode(), headers)
if status != 200 or not json.loads(body)["candidates"]:
    fail("/v1/predictions", status, body, "A prediction with at least one pump was expected.")
print("ok  /v1/predictions")
PROGRAM
)" "$1" "$user"
