"""Concurrent requests are batched, and a failing request does not affect the others."""

import asyncio
from collections.abc import Sequence

import pytest

from londonpump.domain.errors import BadValue, DatabaseFailed
from londonpump.service.micro_batching import MAX_WAIT_S, MicroBatcher


class Rounds:
    """Work that doubles numbers and records each batch. holds: event that a batch waits for."""

    def __init__(self, most: int = 8) -> None:
        self.seen: list[list[int]] = []
        self.holds = asyncio.Event()
        self.holds.set()
        self.together: MicroBatcher[int, int] = MicroBatcher(self._double, most)

    async def _double(self, values: Sequence[int]) -> list[int | Exception]:
        self.seen.append(list(values))
        await self.holds.wait()
        if 13 in values:
            raise ZeroDivisionError
        if 14 in values:
            raise DatabaseFailed("away")
        if 15 in values:
            return []
        if 16 in values:
            raise BadValue("n", 16, "is nobody else's")
        return [ValueError("odd") if number % 2 else number * 2 for number in values]

    def ask(self, *numbers: int) -> asyncio.Future:
        return asyncio.gather(*(self.together(number) for number in numbers), return_exceptions=True)


def run(work) -> None:
    asyncio.run(asyncio.wait_for(work(), 10))


def test_what_comes_at_once_is_one_round_and_each_has_its_own_answer() -> None:
    async def work() -> None:
        rounds = Rounds()
        assert await rounds.ask(2, 4, 6) == [4, 8, 12]
        assert rounds.seen == [[2, 4, 6]]

    run(work)


def test_one_alone_does_not_wait_for_a_clock() -> None:
    async def work() -> None:
        rounds = Rounds()
        loop = asyncio.get_running_loop()
        waited = loop.create_task(rounds.together(2))
        for _ in range(5):
            await asyncio.sleep(0)
        assert waited.done()

    run(work)


def test_no_round_holds_more_than_it_may() -> None:
    async def work() -> None:
        rounds = Rounds(most=2)
        assert await rounds.ask(2, 4, 6, 8, 10) == [4, 8, 12, 16, 20]
        assert [len(each) for each in rounds.seen] == [2, 2, 1]

    run(work)


def test_those_that_come_while_others_are_worked_on_begin_together() -> None:
    async def work() -> None:
        rounds = Rounds()
        rounds.holds.clear()
        first = rounds.ask(2)
        await asyncio.sleep(0.001)
        later = [rounds.ask(4)]
        await asyncio.sleep(0)
        later.append(rounds.ask(6))
        await asyncio.sleep(0)
        rounds.holds.set()
        await asyncio.gather(first, *later)
        assert rounds.seen == [[2], [4, 6]]

    run(work)


def test_a_round_that_hangs_does_not_keep_the_next_from_beginning() -> None:
    async def work() -> None:
        rounds = Rounds()
        rounds.holds.clear()
        values = [rounds.ask(2)]
        for number, after_s in ((4, 0.001), (6, MAX_WAIT_S * 4), (8, MAX_WAIT_S * 8)):
            await asyncio.sleep(after_s)
            values.append(rounds.ask(number))
        await asyncio.sleep(MAX_WAIT_S * 4)
        assert rounds.seen == [[2], [4], [6], [8]]
        rounds.holds.set()
        await asyncio.gather(*values)

    run(work)


def test_after_a_round_of_several_the_first_waits_for_the_others() -> None:
    async def work() -> None:
        rounds = Rounds()
        await rounds.ask(2, 4)
        first = rounds.ask(6)
        await asyncio.sleep(0)
        second = rounds.ask(8)
        await asyncio.gather(first, second)
        assert rounds.seen == [[2, 4], [6, 8]]

    run(work)


def test_nobody_waits_long_for_company_that_does_not_come() -> None:
    async def work() -> None:
        rounds = Rounds()
        await rounds.ask(2, 4)
        assert await rounds.ask(6) == [12]
        assert await rounds.ask(8) == [16]

    run(work)


def test_an_error_of_one_is_that_ones_alone() -> None:
    async def work() -> None:
        answers = await Rounds().ask(2, 3, 4)
        assert [type(answer) for answer in answers] == [int, ValueError, int]

    run(work)


def test_one_that_breaks_the_round_does_not_spoil_the_others() -> None:
    async def work() -> None:
        rounds = Rounds()
        answers = await rounds.ask(2, 13, 4)
        assert [type(answer) for answer in answers] == [int, ZeroDivisionError, int]
        assert rounds.seen == [[2, 13, 4], [2], [13], [4]]

    run(work)


@pytest.mark.parametrize(("bad", "error"), [(15, AssertionError), (16, BadValue)])
def test_neither_does_one_whose_work_loses_answers_or_whose_value_is_wrong(bad, error) -> None:
    async def work() -> None:
        answers = await Rounds().ask(2, bad, 4)
        assert [type(answer) for answer in answers] == [int, error, int]

    run(work)


def test_what_befalls_all_is_told_to_all_and_not_tried_again() -> None:
    async def work() -> None:
        rounds = Rounds()
        answers = await rounds.ask(2, 14)
        assert [type(answer) for answer in answers] == [DatabaseFailed, DatabaseFailed]
        assert len(rounds.seen) == 1

    run(work)


def test_when_the_work_is_ended_nobody_waits_on() -> None:
    async def work() -> None:
        rounds = Rounds()
        rounds.holds.clear()
        waits = asyncio.create_task(rounds.together(2))
        await asyncio.sleep(0.001)
        (at_work,) = (task for task in asyncio.all_tasks() if "_answer" in str(task.get_coro()))
        at_work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits

    run(work)


def test_one_who_left_does_not_trouble_the_others() -> None:
    async def work() -> None:
        rounds = Rounds()
        rounds.holds.clear()
        gone = asyncio.create_task(rounds.together(2))
        stays = asyncio.create_task(rounds.together(4))
        await asyncio.sleep(0.001)
        gone.cancel()
        await asyncio.sleep(0)
        rounds.holds.set()
        assert await stays == 8
        with pytest.raises(asyncio.CancelledError):
            await gone

    run(work)
