"""School years and bank holidays in the database."""

from datetime import date, timedelta

from londonpump.domain.columns import BankHoliday, SchoolHoliday
from londonpump.persistence.repositories.context import (
    StoredYears,
    read_bank_holidays,
    read_school_holidays,
    school_years,
    store_bank_holidays,
    store_school_holidays,
)

CHRISTMAS = BankHoliday(date(2024, 12, 25), "Christmas Day", "gov_uk")


def holidays(year: int, days: int, source: str = "page") -> list[SchoolHoliday]:
    """Return the first days of a year."""
    return [SchoolHoliday(date(year, 1, 1) + timedelta(days=day), source) for day in range(days)]


def bank_holidays(year: int, days: int) -> list[BankHoliday]:
    return [BankHoliday(date(year, 2, 1 + day), "a day", "library") for day in range(days)]


def test_a_year_is_added_when_it_appears(engine) -> None:
    stored = store_school_holidays(engine, [*holidays(2024, 2), *holidays(2023, 3)])
    assert stored == StoredYears(added=(2023, 2024))


def test_days_come_back_in_order(engine) -> None:
    store_school_holidays(engine, [*holidays(2024, 2), *holidays(2023, 1)])
    assert read_school_holidays(engine) == [*holidays(2023, 1), *holidays(2024, 2)]


def test_a_year_that_an_answer_lacks_stays(engine) -> None:
    store_school_holidays(engine, holidays(2023, 3))
    store_school_holidays(engine, holidays(2024, 3))
    assert school_years(engine) == {2023, 2024}


def test_an_empty_answer_takes_nothing_away(engine) -> None:
    store_school_holidays(engine, holidays(2023, 3))
    assert store_school_holidays(engine, [], replace=True) == StoredYears()
    assert read_school_holidays(engine) == holidays(2023, 3)


def test_the_same_source_with_more_days_replaces_a_year(engine) -> None:
    store_school_holidays(engine, holidays(2023, 3))
    stored = store_school_holidays(engine, holidays(2023, 4))
    assert (stored, read_school_holidays(engine)) == (StoredYears(replaced=(2023,)), holidays(2023, 4))


def test_the_same_source_with_fewer_days_changes_nothing(engine) -> None:
    store_school_holidays(engine, holidays(2023, 3))
    stored = store_school_holidays(engine, holidays(2023, 2))
    assert (stored, read_school_holidays(engine)) == (StoredYears(kept=(2023,)), holidays(2023, 3))


def test_another_source_with_more_days_changes_nothing(engine) -> None:
    store_school_holidays(engine, holidays(2023, 3))
    stored = store_school_holidays(engine, holidays(2023, 9, "csv"))
    assert (stored, read_school_holidays(engine)) == (StoredYears(kept=(2023,)), holidays(2023, 3))


def test_an_import_by_hand_can_replace_a_year(engine) -> None:
    store_school_holidays(engine, [*holidays(2022, 2), *holidays(2023, 3)])
    stored = store_school_holidays(engine, holidays(2023, 1, "csv"), replace=True)
    assert stored == StoredYears(replaced=(2023,))
    assert read_school_holidays(engine) == [*holidays(2022, 2), *holidays(2023, 1, "csv")]


def test_what_was_put_by_hand_is_not_replaced_by_the_page(engine) -> None:
    store_school_holidays(engine, holidays(2023, 1, "csv"))
    assert store_school_holidays(engine, holidays(2023, 9)) == StoredYears(kept=(2023,))


def test_a_day_told_twice_is_one_day(engine) -> None:
    store_school_holidays(engine, [*holidays(2023, 2), *holidays(2023, 2)])
    assert read_school_holidays(engine) == holidays(2023, 2)


def test_bank_holidays_come_back(engine) -> None:
    store_bank_holidays(engine, [CHRISTMAS])
    assert read_bank_holidays(engine) == [CHRISTMAS]


def test_a_moved_bank_holiday_does_not_stay_in_a_whole_year(engine) -> None:
    store_bank_holidays(engine, [CHRISTMAS])
    store_bank_holidays(engine, bank_holidays(2024, 8))
    assert read_bank_holidays(engine) == bank_holidays(2024, 8)


def test_a_part_of_a_year_takes_nothing_away(engine) -> None:
    store_bank_holidays(engine, [CHRISTMAS])
    store_bank_holidays(engine, bank_holidays(2024, 7))
    assert read_bank_holidays(engine) == [*bank_holidays(2024, 7), CHRISTMAS]


def test_bank_holidays_of_other_years_stay(engine) -> None:
    store_bank_holidays(engine, [CHRISTMAS])
    store_bank_holidays(engine, bank_holidays(2025, 8))
    assert read_bank_holidays(engine) == [CHRISTMAS, *bank_holidays(2025, 8)]
