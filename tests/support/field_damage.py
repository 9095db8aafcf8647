"""Values that are damaged as other programs damage them, with the expected result of each damaged file."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from support.field_expectations import Examples, Expectation, KeepsResults
from support.field_files import changed
from support.field_month import Month, N

SAME_MOBILISED = KeepsResults(incidents=N, like="mobilised")
SAME_ATTENDING = KeepsResults(incidents=N, like="attending")
TIMES = ("DateAndTimeMobilised", "DateAndTimeMobile", "DateAndTimeArrived", "DateAndTimeLeft")
ODD_BLANKS = ("\u00a0", "\t", "\u2003", "\u3000", "\u202f", "\u2009")
MARKERS = ("NA", "N/A", "#N/A", "<NA>", "nan", "null", r"\N", "-")
STATION_NAMES = ("FirstPumpArriving_DeployedFromStation", "SecondPumpArriving_DeployedFromStation")
COORDINATES = ("Easting_m", "Northing_m", "Easting_rounded", "Northing_rounded")
DECIMALS = (*COORDINATES, "Latitude", "Longitude", "UPRN")
COUNTS = ("NumPumpsAttending", "NumStationsWithPumpsAttending", "NumCalls")


@dataclass(frozen=True)
class Variant:
    """A damaged variant. write: writes the files and returns the arguments of the command. right: the expected result."""

    write: Callable[[Month], list[str]]
    right: Expectation


def as_date(form: str) -> Callable[[str], str]:
    """Return a published date (05-Jun-23) in another format."""
    return lambda text: datetime.strptime(text, "%d-%b-%y").strftime(form)


def as_timestamp(form: str, later: timedelta = timedelta(0)) -> Callable[[str], str]:
    """Return a published timestamp (05/06/2023 01:17) in another format, or shifted."""
    return lambda text: (datetime.strptime(text, "%d/%m/%Y %H:%M") + later).strftime(form)


def padded(text: str) -> str:
    """Return a text between two non-breaking blanks."""
    first = len(text) % len(ODD_BLANKS)
    return ODD_BLANKS[first] + text + ODD_BLANKS[first - 1]


def comma(text: str) -> str:
    """Return a number with a decimal comma."""
    return text.replace(".", ",")


def scientific(text: str) -> str:
    """Return a number as Excel shows a wide one: 520850 is 5.21E+05."""
    return f"{float(text):.2E}"


def in_time(month: Month, form: str) -> list[str]:
    """Write both tables with timestamps in another format. Returns: the arguments of the command."""
    return month.damaged(mobilisations=changed(month.mobilisations, TIMES, as_timestamp(form)))


def one_spelling(column: str) -> Callable[[Examples], str]:
    """Return a check that no two values of a column differ in case only."""

    def check(examples: Examples) -> str:
        values = {row[column] for row in examples if row[column] is not None}
        return (
            ""
            if len(values) == len({value.casefold() for value in values})
            else f"{column}: {sorted(values)}"
        )

    return check


def near_its_call(examples: Examples) -> str:
    """Check that each mobilisation lies within half an hour of its call."""
    apart = max(abs((row["mobilised_at"] - row["call_at"]).total_seconds()) for row in examples)
    return "" if apart <= 1_800 else f"a mobilisation lies {apart:.0f} s from its call"
