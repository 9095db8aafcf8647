"""The counts of attempts in the database: all replicas share them. Inside a transaction of the caller's."""

from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, delete, select

from londonpump.service.auth.throttle import FORGOTTEN_AFTER, Count, Pace
from londonpump.storage.database.engine import upsert
from londonpump.storage.database.schema import sign_in_counts


def key_of(kind: str, *parts: str) -> str:
    """The key of a count; a hash, as people type passwords where the name belongs."""
    return f"{kind}:{sha256(chr(0).join(parts).encode('utf-8', 'surrogatepass')).hexdigest()}"


def count_attempt(
    connection: Connection, limiting: dict[str, Pace], counted: dict[str, Pace], now: datetime
) -> int:
    """Count an attempt under the keys of `counted`, unless one of `held` makes it wait: then for how many seconds."""
    connection.execute(delete(sign_in_counts).where(sign_in_counts.c.counted_at < now - FORGOTTEN_AFTER))
    counts = _read(connection, {*limiting, *counted})
    wait_s = _wait_s(counts, limiting, now)
    if wait_s == 0:
        after = {key: pace.after(counts.get(key), now) for key, pace in counted.items()}
        _write(connection, after)
    return wait_s


def wait_s_of(connection: Connection, limiting: dict[str, Pace], now: datetime) -> int:
    """For how many seconds an attempt has to wait, as `count_attempt`; nothing is counted."""
    return _wait_s(_read(connection, set(limiting)), limiting, now)


def reset_count(connection: Connection, reset_key: str, decremented: tuple[str, ...]) -> None:
    """The attempt was right: one count begins anew, others are one less."""
    connection.execute(delete(sign_in_counts).where(sign_in_counts.c.key == reset_key))
    decrement(connection, decremented)


def decrement(connection: Connection, keys: tuple[str, ...]) -> None:
    """The attempt was none: the counts are one less."""
    counts = _read(connection, set(keys))
    _write(connection, {key: Count(max(0.0, one.level - 1), one.at) for key, one in counts.items()})


def _wait_s(counts: dict[str, Count], limiting: dict[str, Pace], now: datetime) -> int:
    return max((pace.wait_s(counts.get(key), now) for key, pace in limiting.items()), default=0)


def _read(connection: Connection, keys: set[str]) -> dict[str, Count]:
    query = select(sign_in_counts).where(sign_in_counts.c.key.in_(sorted(keys)))
    return {row.key: Count(row.level, row.counted_at) for row in connection.execute(query)}


def _write(connection: Connection, counts: dict[str, Count]) -> None:
    rows = [{"key": key, "level": one.level, "counted_at": one.at} for key, one in sorted(counts.items())]
    upsert(connection, sign_in_counts, rows)
