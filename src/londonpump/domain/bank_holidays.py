"""The bank holidays of England, one-off ones too, 2008 to 2040: `scripts/write_bank_holidays.py` wrote the file."""

import csv
from datetime import date
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("bank_holidays.csv")
FIRST_YEAR, LAST_YEAR = 2008, 2040


@cache
def bank_holidays() -> tuple[date, ...]:
    """In order; the day itself where a holiday falls on a weekend, and its substitute."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return tuple(date.fromisoformat(row["date"]) for row in csv.DictReader(file))
