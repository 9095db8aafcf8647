"""Hashing: argon2id, two at a time, with the same work for unknown accounts."""

import asyncio
import os
import sys
from threading import Barrier, Lock, get_native_id

import bcrypt
import pytest

from londonpump.service.auth.errors import HashingBusy
from londonpump.service.auth.passwords import (
    DUMMY_BCRYPT,
    MAX_QUEUED,
    MAX_QUEUED_PER_SOURCE,
    N_THREADS,
    NICENESS,
    HashCost,
    Passwords,
    refusal_delay_s,
)

CHEAP = HashCost(time=1, memory_kib=8, lanes=1)


@pytest.fixture
def passwords():
    made = Passwords(CHEAP)
    yield made
    made.close()


def test_a_hash_is_argon2id_at_its_cost(passwords) -> None:
    assert passwords.make_now("three quiet lanterns").startswith("$argon2id$v=19$m=8,t=1,p=1$")


def test_the_right_password_is_right(passwords) -> None:
    assert passwords.check_now("lantern", passwords.make_now("lantern")) == (True, None)


def test_a_wrong_password_is_wrong(passwords) -> None:
    assert passwords.check_now("lanterns", passwords.make_now("lantern")) == (False, None)


def test_nobodys_password_is_never_right(passwords) -> None:
    assert passwords.check_now("", None)[0] is False


def test_nobodys_hash_costs_what_a_real_one_costs(passwords) -> None:
    nobodys, real = passwords._dummy_hash, passwords.make_now("lantern")
    assert nobodys.rsplit("$", 2)[0] == real.rsplit("$", 2)[0]
    assert [len(part) for part in nobodys.split("$")] == [len(part) for part in real.split("$")]


def test_a_hash_of_another_cost_is_made_anew(passwords) -> None:
    dearer = Passwords(HashCost(time=2, memory_kib=8, lanes=1))
    is_right, anew = passwords.check_now("lantern", dearer.make_now("lantern"))
    dearer.close()
    assert is_right
    assert anew.startswith("$argon2id$v=19$m=8,t=1,p=1$")


def test_two_ways_to_type_a_letter_are_one_password(passwords) -> None:
    assert passwords.check_now("cafe\u0301 noir", passwords.make_now("café noir"))[0]


def test_any_text_can_be_checked(passwords) -> None:
    assert passwords.check_now("\ud800\x00", passwords.make_now("lantern"))[0] is False


def of_the_original(password: str) -> str:
    """Return a hash as the original made it, at a cost for tests. It used at most 72 bytes."""
    return bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()


@pytest.mark.parametrize("password", ["three quiet lanterns", "cafe\u0301 noir", "\u00e9" * 40, "a" * 128])
def test_a_password_of_the_original_is_checked_and_hashed_anew_with_argon2id(passwords, password) -> None:
    """Issue 11, C2: the new hash covers the whole password, even if the old one covered less."""
    is_right, anew = passwords.check_now(password, of_the_original(password))
    assert is_right
    assert anew.startswith("$argon2id$")
    assert passwords.check_now(password, anew) == (True, None)
    assert passwords.check_now(password[:-1], anew) == (False, None)


@pytest.mark.parametrize("password", ["lanterns", "", "\ud800\x00", "x" * 200])
def test_a_wrong_password_of_the_original_is_wrong(passwords, password) -> None:
    """Issue 11, C2."""
    assert passwords.check_now(password, of_the_original("lantern")) == (False, None)


@pytest.mark.parametrize("is_right", [True, False])
@pytest.mark.parametrize("kind", ["bcrypt", "argon2id", "nobody"])
def test_every_check_costs_the_same_while_a_bcrypt_hash_is_left(
    passwords, monkeypatch, kind, is_right
) -> None:
    """Issue 11, C2: response times do not reveal which accounts still have imported hashes."""
    work = []
    for hasher, names in ((passwords._bcrypt, ("verify",)), (passwords._hasher, ("hash", "verify"))):
        for name in (*names, *(("verify_and_update",) if hasher is passwords._hasher else ())):
            real = getattr(hasher, name)

            def noted(*arguments, real=real, of=hasher):
                work.append(of)
                return real(*arguments)

            monkeypatch.setattr(hasher, name, noted)
    stored = {"bcrypt": of_the_original("lantern"), "argon2id": Passwords(CHEAP).make_now("lantern")}.get(
        kind
    )
    passwords.check_now("lantern" if is_right else "lanterns", stored, is_bcrypt_in_use=True)
    assert work == [passwords._bcrypt, passwords._hasher]


def test_the_hash_that_nobodys_password_is_checked_against_costs_what_the_original_s_did(passwords) -> None:
    assert DUMMY_BCRYPT.startswith("$2b$12$")
    assert passwords.check_now("", None, is_bcrypt_in_use=True) == (False, None)


class Counting(Passwords):
    """Counter of concurrent hashes; none ends before two have begun."""

    running, max_at_once, lock, pair = 0, 0, Lock(), Barrier(2, timeout=20)

    def make_now(self, password: str) -> str:
        with self.lock:
            self.running += 1
            self.max_at_once = max(self.max_at_once, self.running)
        self.pair.wait()
        made = super().make_now(password)
        with self.lock:
            self.running -= 1
        return made


def test_no_more_than_two_hash_at_once() -> None:
    passwords = Counting(CHEAP)

    async def many() -> None:
        await asyncio.gather(*(passwords.make("lantern") for _ in range(12)))

    asyncio.run(many())
    passwords.close()
    assert passwords.max_at_once == N_THREADS


def test_a_queue_that_is_too_long_is_told(passwords) -> None:
    async def too_many() -> list[object]:
        waiting = (passwords.make("lantern") for _ in range(MAX_QUEUED + 1))
        return await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(one) for one in asyncio.run(too_many())].count(HashingBusy) == 1


def test_the_cost_of_a_hash_is_above_owasp_s_minimum_in_one_lane() -> None:
    """Issue 11, A5."""
    cost = HashCost()
    assert cost.lanes == 1
    assert cost.time >= 2
    assert cost.memory_kib >= 19 * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority for each thread")
def test_passwords_are_hashed_behind_everything_else(passwords) -> None:
    """Issue 11, A5."""

    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, get_native_id())

    async def of_a_hash() -> int:
        return await passwords._in_turn(niceness)

    assert asyncio.run(of_a_hash()) == min(niceness() + NICENESS, 19)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority for each thread")
@pytest.mark.parametrize("name", ["getpriority", "setpriority"])
def test_passwords_are_checked_where_the_priority_of_a_thread_may_not_be_changed(monkeypatch, name) -> None:
    """Issue 11, A5: a sandbox refuses it."""

    def busy(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, name, busy)
    passwords = Passwords(CHEAP)
    made = asyncio.run(passwords.make("lantern"))
    assert asyncio.run(passwords.check("lantern", made)) == (True, None)
    passwords.close()


def test_one_source_leaves_room_for_others_to_have_their_password_checked(passwords) -> None:
    """Issue 11, A5."""

    async def many_passwords() -> list[object]:
        flood = [passwords.check("guess", None, source="192.0.2.1") for _ in range(MAX_QUEUED_PER_SOURCE + 1)]
        others = [passwords.make("lantern", source=f"192.0.2.{last}") for last in range(2, 12)]
        return await asyncio.gather(*flood, *others, return_exceptions=True)

    raised = [type(one) for one in asyncio.run(many_passwords())]
    assert [position for position, kind in enumerate(raised) if kind is HashingBusy] == [
        MAX_QUEUED_PER_SOURCE
    ]
    assert asyncio.run(passwords.check("guess", None, source="192.0.2.1"))[0] is False


@pytest.mark.parametrize(("took_s", "left_s"), [(0.0, 0.5), (0.125, 0.375), (0.5, 0.5), (0.625, 0.375)])
def test_a_refusal_comes_at_the_same_times_whatever_the_hash_cost(took_s, left_s) -> None:
    """Issue 11, A5: hashes of four lanes take longer to check."""
    assert refusal_delay_s(took_s, 0.5) == left_s
