"""Write the bank holidays of England out of the `holidays` library: `python scripts/write_bank_holidays.py`.

The library knows all countries and takes 0.15 s to load, which is why what serves reads its days from a file. A test
holds the file to the library.
"""

import csv
import io

import holidays

from londonpump.domain.london_clock import FILE, FIRST_YEAR, LAST_YEAR


def bank_holidays_csv() -> str:
    """Return the content of the file."""
    found = holidays.country_holidays("GB", subdiv="ENG", years=range(FIRST_YEAR, LAST_YEAR + 1))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("date", "name"))
    writer.writerows((day.isoformat(), name) for day, name in sorted(found.items()))
    return text.getvalue()


if __name__ == "__main__":
    FILE.write_text(bank_holidays_csv(), encoding="utf-8")
