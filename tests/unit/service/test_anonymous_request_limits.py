"""Issue 11, A4: few requests without a token run at a time, and sources take turns."""

import asyncio
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette

from londonpump.service.anonymous_requests import (
    BODY_BYTES,
    HEALTH_PATHS,
    MAX_CONCURRENT,
    MAX_QUEUED,
    MAX_QUEUED_PER_SOURCE,
    AnonymousRequestLimiter,
    Overloaded,
    SlotQueue,
    rest_s,
)


async def turns() -> None:
    """Run all ready callbacks of the event loop."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(is_so) -> None:
    async with asyncio.timeout(30):
        while not is_so():
            await asyncio.sleep(0.001)


class Work:
    """Requests that hold their slot until they are released."""

    def __init__(self, places: SlotQueue) -> None:
        self.places = places
        self.began: list[str] = []
        self.slots: list = []
        self.max_slots = 0

    async def request(self, source: str) -> None:
        place = await self.places.acquire(source)
        self.began.append(source)
        self.slots.append(place)
        self.max_slots = max(self.max_slots, len(self.slots))

    def end_one(self) -> None:
        self.slots.pop(0).release()


def test_no_more_than_a_few_are_at_work_at_once() -> None:
    async def flood() -> int:
        work = Work(SlotQueue())
        requests = [asyncio.create_task(work.request("a")) for _ in range(20)]
        while len(work.began) < len(requests):
            await until(lambda: work.slots)
            work.end_one()
        await asyncio.gather(*requests)
        return work.max_slots

    assert asyncio.run(flood()) <= MAX_CONCURRENT


def test_a_source_that_asks_once_does_not_wait_for_one_that_asks_without_end() -> None:
    async def flood() -> list[str]:
        work = Work(SlotQueue(max_concurrent=1))
        requests = [asyncio.create_task(work.request("many")) for _ in range(10)]
        await turns()
        requests.append(asyncio.create_task(work.request("one")))
        await turns()
        while len(work.began) < len(requests):
            await until(lambda: work.slots)
            work.end_one()
        await asyncio.gather(*requests)
        return work.began

    assert asyncio.run(flood()).index("one") == 2


def test_one_source_too_many_times_is_refused_and_another_is_not() -> None:
    async def flood() -> tuple[int, bool]:
        work = Work(SlotQueue(max_concurrent=1))
        requests = [asyncio.create_task(work.request("many")) for _ in range(MAX_QUEUED_PER_SOURCE + 6)]
        other = asyncio.create_task(work.request("one"))
        await turns()
        rejected = sum(task.done() and isinstance(task.exception(), Overloaded) for task in requests)
        is_waiting = not other.done()
        for task in (*requests, other):
            task.cancel()
        return rejected, is_waiting

    assert asyncio.run(flood()) == (5, True)


def test_who_waits_too_long_is_refused() -> None:
    async def wait() -> None:
        places = SlotQueue(max_concurrent=1, queue_timeout_s=0.01)
        await places.acquire("a")
        await places.acquire("a")

    with pytest.raises(Overloaded):
        asyncio.run(wait())


def test_places_of_those_who_went_away_are_given_on() -> None:
    async def release() -> str:
        places = SlotQueue(max_concurrent=1)
        await places.acquire("a")
        waiting = [asyncio.create_task(places.acquire("a")) for _ in range(3)]
        await turns()
        waiting[0].cancel()
        await turns()
        places._pass_on()
        # its turn was granted, and the task did not run yet
        waiting[1].cancel()
        async with asyncio.timeout(30):
            await waiting[2]
        return "served"

    assert asyncio.run(release()) == "served"


def test_a_place_given_back_twice_is_one_place() -> None:
    async def twice() -> bool:
        places = SlotQueue(max_concurrent=1)
        place = await places.acquire("a")
        place.release()
        place.release()
        await places.acquire("a")
        waiting = asyncio.create_task(places.acquire("a"))
        await asyncio.sleep(0.1)
        waiting.cancel()
        return not waiting.done()

    assert asyncio.run(twice())


def waiting(places: SlotQueue, source: str) -> asyncio.Task:
    return asyncio.create_task(places.acquire(source))


def rejected(tasks: list[asyncio.Task]) -> list[int]:
    return [
        number
        for number, task in enumerate(tasks)
        if task.done() and isinstance(task.exception(), Overloaded)
    ]


def test_sources_that_fill_all_that_may_wait_do_not_keep_out_another() -> None:
    async def flood() -> tuple[list[int], list[int]]:
        places = SlotQueue(max_concurrent=1)
        await places.acquire("first")
        many = [waiting(places, f"s{number // MAX_QUEUED_PER_SOURCE}") for number in range(MAX_QUEUED)]
        await turns()
        others = [waiting(places, "other"), waiting(places, "another")]
        await turns()
        waiting_shares = rejected(many), rejected(others)
        for task in (*many, *others):
            task.cancel()
        return waiting_shares

    # the newest request of each of the two longest queues
    assert asyncio.run(flood()) == ([MAX_QUEUED_PER_SOURCE - 1, 2 * MAX_QUEUED_PER_SOURCE - 1], [])


def test_among_sources_that_wait_once_the_one_that_comes_last_is_refused() -> None:
    async def flood() -> tuple[list[int], list[int]]:
        places = SlotQueue(max_concurrent=1)
        await places.acquire("first")
        many = [waiting(places, f"s{number}") for number in range(MAX_QUEUED)]
        await turns()
        others = [waiting(places, "other")]
        await turns()
        waiting_shares = rejected(many), rejected(others)
        for task in (*many, *others):
            task.cancel()
        return waiting_shares

    assert asyncio.run(flood()) == ([], [0])


def test_those_who_waited_too_long_count_no_more() -> None:
    async def flood() -> list[int]:
        places = SlotQueue(max_concurrent=1, queue_timeout_s=0.01)
        await places.acquire("a")
        early = [waiting(places, "a") for _ in range(MAX_QUEUED_PER_SOURCE)]
        await asyncio.wait(early)
        late = [waiting(places, "a")]
        await turns()
        # would be rejected at once if earlier requests were still counted
        waiting_shares = rejected(late)
        await asyncio.wait([*early, *late])
        for task in (*early, *late):
            task.exception()
        return waiting_shares

    assert asyncio.run(flood()) == []


async def unwanted(_) -> None:
    """Ignore a response."""


class Served:
    """Middleware around an application that records requests and whose sign-in never ends."""

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self.strangers = AnonymousRequestLimiter(self.app, 0, 1_000_000)

    async def app(self, scope, receive, send) -> None:
        self.arrived.append(scope["path"])
        if scope["path"] == "/login":
            await asyncio.Event().wait()

    async def ask(self, path: str, source: str, *messages: dict, length: int = 0) -> None:
        scope = {
            "type": "http",
            "app": Starlette(),
            "method": "POST" if length else "GET",
            "path": path,
            "query_string": b"",
            "headers": [(b"content-length", b"%d" % length)] if length else [],
            "client": (source, 5000),
            "state": {},
        }
        left = list(messages)

        async def receive() -> dict:
            return left.pop(0) if left else {"type": "http.disconnect"}

        await self.strangers(scope, receive, unwanted)


@pytest.mark.parametrize("path", HEALTH_PATHS)
def test_health_does_not_wait_for_those_who_sign_in(path) -> None:
    async def flood() -> list[str]:
        served = Served()
        requests = [asyncio.create_task(served.ask("/login", f"10.0.0.{number}")) for number in range(40)]
        await turns()
        await asyncio.wait_for(served.ask(path, "10.0.1.1"), 30)
        for task in requests:
            task.cancel()
        return served.arrived

    assert asyncio.run(flood()) == ["/login"] * MAX_CONCURRENT + [path]


@pytest.mark.parametrize("n_parts", [0, 1, 2])
def test_a_body_that_broke_off_is_not_served(n_parts) -> None:
    part = {"type": "http.request", "body": b"{}", "more_body": True}
    served = Served()
    asyncio.run(served.ask("/register", "10.0.0.1", *[part] * n_parts, length=9))
    assert served.arrived == []


def test_a_whole_body_is_served() -> None:
    whole: partial[dict[str, Any]] = partial(dict, type="http.request", body=b"{}")
    served = Served()
    asyncio.run(served.ask("/register", "10.0.0.1", whole(more_body=True), whole(more_body=False), length=4))
    assert served.arrived == ["/register"]


def test_strangers_rest_longer_while_others_ask() -> None:
    assert rest_s(0.001, has_signed_in_traffic=True) > rest_s(0.001, has_signed_in_traffic=False) > 0


@pytest.mark.parametrize("path", ["/login", "/v1/predictions"])
def test_a_refusal_waits_for_a_place_as_an_answer_does(path) -> None:
    scope = {
        "type": "http",
        "app": FastAPI(),
        "path": path,
        "query_string": b"",
        "client": ("192.0.2.1", 1),
        "headers": [(b"content-length", str(BODY_BYTES + 1).encode())],
        "state": {},
    }
    sent: list = []

    async def send(message) -> None:
        sent.append(message)

    async def request_refused() -> tuple[list, int]:
        strangers = AnonymousRequestLimiter(FastAPI(), 0, 1_000_000)
        slots = [await strangers._slots.acquire("another") for _ in range(MAX_CONCURRENT)]
        requests = asyncio.create_task(strangers(scope, None, send))
        await turns()
        before = list(sent)
        slots[0].release()
        async with asyncio.timeout(30):
            await requests
        return before, sent[0]["status"]

    assert asyncio.run(request_refused()) == ([], 413 if path == "/login" else 401)
