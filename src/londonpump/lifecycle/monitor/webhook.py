"""Sends alarms as JSON with POST to the address in LONDONPUMP_ALARM_WEBHOOK, with retries and time limits.

The whole address is a secret (its path often is the key), so messages show only its host. Redirects are not
followed. An alarm may arrive twice if a response is lost; its id and event identify it.
"""

import time
from collections.abc import Callable

import httpx2

from londonpump import __version__
from londonpump.domain.errors import SourceFailed
from londonpump.domain.json_values import JsonObject
from londonpump.ingest.http.client import suppress_address_logs
from londonpump.ingest.http.errors import Failure, failure_of_error, failure_of_status, timeout_failure
from londonpump.ingest.http.exchange import Deadline
from londonpump.ingest.http.limits import Limits, backoff_s

SETTING = "LONDONPUMP_ALARM_WEBHOOK"
WEBHOOK_LIMITS = Limits(connect_s=5.0, read_s=10.0, total_s=15.0, tries=3, max_wait_s=20.0)
Sleep = Callable[[float], None]


def post_alarm(
    address: str, alarm: JsonObject, limits: Limits = WEBHOOK_LIMITS, sleep: Sleep = time.sleep
) -> None:
    """Send one alarm. Raises: SourceFailed if the receiver does not accept it (any status but 2xx)."""
    suppress_address_logs()
    failure = _attempt(address, alarm, limits)
    for next_try in range(2, limits.tries + 1):
        if failure is None or not failure.is_transient:
            break
        sleep(backoff_s(next_try, failure.wait_s, limits))
        failure = _attempt(address, alarm, limits)
    if failure is not None:
        # The message names the host only, because the rest of the address may be a key.
        host = httpx2.URL(address).host
        problem = f"status {failure.status}" if failure.status else failure.problem
        advice = f"Check {SETTING} and its receiver; the alarm is kept and sent again by the next `londonpump monitor`."
        raise SourceFailed(f"webhook at {host}", problem, advice)


def _attempt(address: str, alarm: JsonObject, limits: Limits) -> Failure | None:
    """Try once. Returns: the failure, None if the receiver accepted the alarm."""
    timeout = httpx2.Timeout(limits.read_s, connect=limits.connect_s)
    headers = {"User-Agent": f"londonpump/{__version__}"}
    with Deadline(limits.total_s) as deadline, httpx2.Client(timeout=timeout, headers=headers) as client:
        try:
            # Streamed, because the body is never read: it may be endless.
            with client.stream(
                "POST", address, json=dict(alarm), extensions={"trace": deadline.trace}
            ) as response:
                return None if response.is_success else failure_of_status(response, limits)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return timeout_failure(limits.total_s) if deadline.is_expired else failure_of_error(error, limits)
