#!/bin/sh
# Runs a job of Container Apps once and waits for its end: deploy/azure/run-job.sh RESOURCE_GROUP JOB
# Needs `az`, signed in. RUN_JOB_TRIES: how often it asks, every 10 s (default 90).
# Exit code 0: it succeeded. 1: it did not, or not in time; its log is in Log Analytics.
set -eu
[ $# = 2 ] || { echo 'run-job.sh: usage: deploy/azure/run-job.sh RESOURCE_GROUP JOB' >&2; exit 1; }
tries="${RUN_JOB_TRIES:-90}" status=unknown
run="$(az containerapp job start --resource-group "$1" --name "$2" --query name --output tsv)"
echo "Started $run"
while [ "$tries" -gt 0 ]; do
  status="$(az containerapp job execution show --resource-group "$1" --name "$2" --job-execution-name "$run" \
    --query properties.status --output tsv)"
  case "$status" in
    Succeeded) echo "$run succeeded"; exit 0 ;;
    Failed | Stopped | Degraded) break ;;
  esac
  tries=$((tries - 1))
  sleep 10
done
echo "run-job.sh: $run is '$status' instead of Succeeded. Its log is in Log Analytics: ContainerAppConsoleLogs_CL." >&2
exit 1
