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

active="$(londonpump models as-of "$(date -u +%Y-%m-%dT%H:%MZ)")"
case "$active" in
  *' no model was active.') ;;
  *) echo "Nothing to train. $active"; exit 0 ;;
esac
work="$LONDONPUMP_HOME/example"
# A start that was killed may have left half of it.
rm -rf "$work"
londonpump simulate --out "$work/raw" --incidents "$EXAMPLE_INCIDENTS"
londonpump prepare --simulated --out "$work/data" --incidents "$work/raw/incidents.csv" \
  --mobilisations "$work/raw/mobilisations.csv" --stations "$work/raw/stations.csv" \
  --weather "$work/raw/weather_hourly.csv" --traffic "$work/raw/traffic_index.csv" \
  --school-holidays "$work/raw/school_holidays.csv"
londonpump train --data "$work/data"
londonpump models promote "$LONDONPUMP_HOME/bundle" --why 'the first model, trained on a simulated Brigade'
rm -rf "$work"
