"""Issue 11, A4: few requests without a token are at work at once, and each source has its turn."""

import asyncio

import pytest

from londonpump.service.strangers import AT_WORK, WAITING_OF_SOURCE, Crowded, Places


async def turns() -> None:
    """Let everything that is ready go on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(is_so) -> None:
    async with asyncio.timeout(30):
        while not is_so():
            await asyncio.sleep(0.001)


class Work:
    """Requests that hold their place until they are told to end."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.began: list[str] = []
        self.held: list = []
        self.most = 0

    async def request(self, source: str) -> None:
        place = await self.places.take(source)
        self.began.append(source)
        self.held.append(place)
        self.most = max(self.most, len(self.held))

    def end_one(self) -> None:
        self.held.pop(0).leave()


def test_no_more_than_a_few_are_at_work_at_once() -> None:
    async def flood() -> int:
        work = Work(Places())
        asked = [asyncio.create_task(work.request("a")) for _ in range(20)]
        while len(work.began) < len(asked):
            await until(lambda: work.held)
            work.end_one()
        await asyncio.gather(*asked)
        return work.most

    assert asyncio.run(flood()) <= AT_WORK


def test_a_source_that_asks_once_does_not_wait_for_one_that_asks_without_end() -> None:
    async def flood() -> list[str]:
        work = Work(Places(at_work=1))
        asked = [asyncio.create_task(work.request("many")) for _ in range(10)]
        await turns()
        asked.append(asyncio.create_task(work.request("one")))
        await turns()
        while len(work.began) < len(asked):
            await until(lambda: work.held)
            work.end_one()
        await asyncio.gather(*asked)
        return work.began

    assert asyncio.run(flood()).index("one") == 2


def test_one_source_too_many_times_is_refused_and_another_is_not() -> None:
    async def flood() -> tuple[int, bool]:
        work = Work(Places(at_work=1))
        asked = [asyncio.create_task(work.request("many")) for _ in range(WAITING_OF_SOURCE + 6)]
        other = asyncio.create_task(work.request("one"))
        await turns()
        refused = sum(task.done() and isinstance(task.exception(), Crowded) for task in asked)
        is_waiting = not other.done()
        for task in (*asked, other):
            task.cancel()
        return refused, is_waiting

    assert asyncio.run(flood()) == (5, True)


def test_who_waits_too_long_is_refused() -> None:
    async def wait() -> None:
        places = Places(at_work=1, may_wait_s=0.01)
        await places.take("a")
        await places.take("a")

    with pytest.raises(Crowded):
        asyncio.run(wait())


def test_places_of_those_who_went_away_are_given_on() -> None:
    async def leave() -> str:
        places = Places(at_work=1)
        await places.take("a")
        waiting = [asyncio.create_task(places.take("a")) for _ in range(3)]
        await turns()
        waiting[0].cancel()
        await turns()
        places._pass_on()
        # its turn has come, and it has not heard of it yet
        waiting[1].cancel()
        async with asyncio.timeout(30):
            await waiting[2]
        return "served"

    assert asyncio.run(leave()) == "served"


def test_a_place_given_back_twice_is_one_place() -> None:
    async def twice() -> bool:
        places = Places(at_work=1)
        place = await places.take("a")
        place.leave()
        place.leave()
        await places.take("a")
        waiting = asyncio.create_task(places.take("a"))
        await asyncio.sleep(0.1)
        waiting.cancel()
        return not waiting.done()

    assert asyncio.run(twice())
