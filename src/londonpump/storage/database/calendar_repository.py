"""School holidays by calendar year, and bank holidays. All raise DatabaseFailed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, Engine, delete, extract, func, select

from londonpump.domain.context_records import BankHoliday, SchoolHoliday
from londonpump.storage.database.engine import reading, writing
from londonpump.storage.database.schema import bank_holidays, school_holidays
from londonpump.storage.database.schema import school_years as years_table
from londonpump.storage.database.upserts import as_row, upsert

MIN_BANK_HOLIDAYS = 8
"""England has had eight or more each year since 1978: fewer are a part of a year."""


@dataclass(frozen=True, slots=True)
class StoredYears:
    """What became of each calendar year that was given."""

    added: tuple[int, ...] = ()
    replaced: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()


def store_school_holidays(
    engine: Engine, holidays: Sequence[SchoolHoliday], *, replace: bool = False
) -> StoredYears:
    """Add the years that are new. A year that is there stays, unless its own source now names more days of it.

    Args: replace: the given years take the place of what is there (an import by hand); others stay.
    A year never goes because an answer lacks it.
    """
    with writing(engine) as connection:
        return put_school_holidays(connection, holidays, replace=replace)


def put_school_holidays(
    connection: Connection, holidays: Sequence[SchoolHoliday], *, replace: bool = False
) -> StoredYears:
    """As `store_school_holidays`, inside a transaction of the caller's."""
    by_year: dict[int, dict[date, SchoolHoliday]] = defaultdict(dict)
    for holiday in holidays:
        by_year[holiday.day.year][holiday.day] = holiday
    known = _days_and_source(connection)
    added, replaced, kept = [], [], []
    for year, days in sorted(by_year.items()):
        source = days[min(days)].source
        if year not in known:
            added.append(year)
        elif replace or (source == known[year][1] and len(days) > known[year][0]):
            replaced.append(year)
        else:
            kept.append(year)
            continue
        _write_year(connection, year, source, [days[day] for day in sorted(days)])
    return StoredYears(tuple(added), tuple(replaced), tuple(kept))


def read_school_holidays(engine: Engine) -> list[SchoolHoliday]:
    """Every school holiday, by day."""
    query = select(school_holidays.c.day, school_holidays.c.source).order_by(school_holidays.c.day)
    with reading(engine) as connection:
        return [SchoolHoliday(**row) for row in connection.execute(query).mappings()]


def school_years(engine: Engine) -> set[int]:
    """The calendar years whose school holidays are known. A day of another year is unknown, not school."""
    with reading(engine) as connection:
        return set(connection.execute(select(years_table.c.year)).scalars())


def store_bank_holidays(engine: Engine, days: Sequence[BankHoliday]) -> int:
    """Add bank holidays. A calendar year given whole is exactly that afterwards: a holiday can be moved.

    A year of fewer than eight days is no whole year: its days are added to what is there. Returns: days given.
    """
    by_day = {day.day: as_row(day) for day in days}
    years = [day.year for day in by_day]
    complete_years = {year for year in years if years.count(year) >= MIN_BANK_HOLIDAYS}
    with writing(engine) as connection:
        connection.execute(
            delete(bank_holidays).where(extract("year", bank_holidays.c.day).in_(complete_years))
        )
        upsert(connection, bank_holidays, list(by_day.values()))
    return len(by_day)


def read_bank_holidays(engine: Engine) -> list[BankHoliday]:
    """Every bank holiday, by day."""
    with reading(engine) as connection:
        found = connection.execute(select(bank_holidays).order_by(bank_holidays.c.day)).mappings()
        return [BankHoliday(**row) for row in found]


def _days_and_source(connection: Connection) -> dict[int, tuple[int, str]]:
    query = (
        select(years_table.c.year, years_table.c.source, func.count(school_holidays.c.day))
        .outerjoin(school_holidays, school_holidays.c.year == years_table.c.year)
        .group_by(years_table.c.year, years_table.c.source)
    )
    return {year: (n_days, source) for year, source, n_days in connection.execute(query)}


def _write_year(connection: Connection, year: int, source: str, holidays: Sequence[SchoolHoliday]) -> None:
    now = datetime.now(UTC)
    upsert(connection, years_table, [{"year": year, "source": source, "added_at": now}])
    connection.execute(delete(school_holidays).where(school_holidays.c.year == year))
    rows = [{**as_row(holiday), "year": year, "added_at": now} for holiday in holidays]
    upsert(connection, school_holidays, rows)
