"""Waits after numbers of attempts."""

from datetime import UTC, datetime, timedelta

from londonpump.persistence.repositories.users import Count
from londonpump.service.auth.throttle import Pace

NOW = datetime(2025, 6, 2, 9, 30, tzinfo=UTC)
PACE = Pace(free=3, leak_s=60, longest_s=100)


def after(n: int) -> Count | None:
    count = None
    for _ in range(n):
        count = PACE.after(count, NOW)
    return count


def test_a_few_mistakes_are_free() -> None:
    assert [PACE.wait_s(after(n), NOW) for n in range(3)] == [0, 0, 0]


def test_waits_double_up_to_the_longest() -> None:
    assert [PACE.wait_s(after(n), NOW) for n in range(3, 12)] == [1, 2, 4, 8, 16, 32, 64, 100, 100]


def test_a_wait_passes() -> None:
    assert PACE.wait_s(after(5), NOW + timedelta(seconds=3.5)) == 1
    assert PACE.wait_s(after(5), NOW + timedelta(seconds=4)) == 0


def test_attempts_are_forgotten_with_time() -> None:
    assert PACE.after(after(3), NOW + timedelta(seconds=120)).level == 2


def test_a_clock_put_back_makes_no_wait_longer() -> None:
    assert PACE.wait_s(after(5), NOW - timedelta(seconds=50)) == 4


def test_a_clock_put_back_far_makes_no_wait_without_end() -> None:
    assert PACE.wait_s(after(5), NOW - timedelta(days=1)) == 0
    assert PACE.wait_s(PACE.after(after(5), NOW - timedelta(days=1)), NOW - timedelta(days=1)) == 8


def test_no_number_of_attempts_is_too_much() -> None:
    assert PACE.wait_s(Count(1e9, NOW), NOW) == 100
