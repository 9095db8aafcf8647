#!/bin/sh
# Fills an empty stack, once: an admin, then a model trained on a simulated Brigade, so that calls are answered at once.
# Whatever is there already stays. Run in the worker's image, after the migration.
set -eu
: "${EXAMPLE_INCIDENTS:=110000}" "${ADMIN:=admin}" "${ADMIN_PASSWORD_FILE:=}"

if ! londonpump users list 2>/dev/null | grep -q .; then
  # Where logs are kept for long, the password comes from a secret and is not printed.
  if [ -n "$ADMIN_PASSWORD_FILE" ]; then
    londonpump users create --admin --password-stdin "$ADMIN" < "$ADMIN_PASSWORD_FILE"
  else
    password="$(python3 -c 'import secrets; print(secrets.token_urlsafe(15))')"
    printf '%s\n' "$password" | londonpump users create --admin --password-stdin "$ADMIN"
    # The database holds a hash.
    printf '\nThe account %s has the password %s. Keep it: it is stored nowhere but in the log of this container.\n\n' "$ADMIN" "$password"
  fi
fi

# The steps and the seed of `londonpump demo`: the same question gets the same answer here.
londonpump example --incidents "$EXAMPLE_INCIDENTS"
