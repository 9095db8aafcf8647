"""Alarms to wherever people look: one POST of json to the address in LONDONPUMP_ALARM_WEBHOOK, patiently, within bounds.

The address is a secret as a whole (its path often is the key), so no message shows more than its host. A redirect is
not followed. The same alarm may come twice (an answer can be lost on its way): its id and event say so.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from londonpump import __version__
from londonpump.brigade.errors import SourceFailed
from londonpump.sources.http.limits import Limits
from londonpump.sources.http.quiet import keep_addresses_out_of_logs
from londonpump.sources.http.troubles import Trouble, of_error, of_status, too_slow
from londonpump.sources.http.waiting import wait_before_s
from londonpump.sources.http.watch import Watch

SETTING = "LONDONPUMP_ALARM_WEBHOOK"
PATIENCE = Limits(connect_s=5.0, read_s=10.0, total_s=15.0, tries=3, longest_wait_s=20.0)
Sleep = Callable[[float], None]


def post_alarm(
    address: str, told: Mapping[str, Any], limits: Limits = PATIENCE, sleep: Sleep = time.sleep
) -> None:
    """Send one alarm. Raises: SourceFailed if the receiver does not take it (any status but 2xx)."""
    keep_addresses_out_of_logs()
    trouble = _tried(address, told, limits)
    for next_try in range(2, limits.tries + 1):
        if trouble is None or not trouble.is_passing:
            break
        sleep(wait_before_s(next_try, trouble.wait_s, limits))
        trouble = _tried(address, told, limits)
    if trouble is not None:
        host = httpx2.URL(address).host
        problem = f"status {trouble.status}" if trouble.status else trouble.problem
        advice = f"Check {SETTING} and its receiver; the alarm is kept and sent again by the next `londonpump monitor`."
        raise SourceFailed(f"webhook at {host}", problem, advice)


def _tried(address: str, told: Mapping[str, Any], limits: Limits) -> Trouble | None:
    """One try. Returns: what went wrong, None if it was taken."""
    timeout = httpx2.Timeout(limits.read_s, connect=limits.connect_s)
    headers = {"User-Agent": f"londonpump/{__version__}"}
    with Watch(limits.total_s) as watch, httpx2.Client(timeout=timeout, headers=headers) as client:
        try:
            # streamed, as what the receiver says is not read: it may be endless
            with client.stream("POST", address, json=dict(told), extensions={"trace": watch.trace}) as answer:
                return None if answer.is_success else of_status(answer, limits)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return too_slow(limits.total_s) if watch.is_over else of_error(error, limits)
