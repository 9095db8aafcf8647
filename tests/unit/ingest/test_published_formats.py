"""One format a file and column, from an explicit list; what does not parse is counted, too much is refused."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table
from support.compiled_once import CompiledOnce
from support.run_size import examples

from londonpump.cleaning.rules import StoreStep
from londonpump.domain.errors import BadFile
from londonpump.domain.published_columns import DATE, INCIDENT_NUMBER, INTEGER, REAL, TIME_OF_DAY, TIMESTAMP
from londonpump.ingest.published.parsing import FORMATS, Format, value_of

MOBILISATIONS = "mobilisations"
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

DATE_WRITERS = {
    "yyyy-mm-dd": lambda d: d.isoformat(),
    "yyyy-mm-dd 00:00:00": lambda d: f"{d.isoformat()} 00:00:00",
    "dd/mm/yyyy": lambda d: f"{d.day:02d}/{d.month:02d}/{d.year}",
    "d/m/yyyy": lambda d: f"{d.day}/{d.month}/{d.year}",
    "dd.mm.yyyy": lambda d: f"{d.day:02d}.{d.month:02d}.{d.year}",
    "d.m.yyyy": lambda d: f"{d.day}.{d.month}.{d.year}",
    "dd Mon yyyy": lambda d: f"{d.day:02d} {MONTHS[d.month - 1]} {d.year}",
    "dd-Mon-yy": lambda d: f"{d.day:02d}-{MONTHS[d.month - 1]}-{d.year % 100:02d}",
}
TIMESTAMP_WRITERS = {
    "dd/mm/yyyy HH:MM:SS": lambda m: f"{m.day:02d}/{m.month:02d}/{m.year} {m:%H:%M:%S}",
    "dd/mm/yyyy HH:MM": lambda m: f"{m.day:02d}/{m.month:02d}/{m.year} {m:%H:%M}",
    "d/m/yyyy H:MM:SS": lambda m: f"{m.day}/{m.month}/{m.year} {m.hour}:{m:%M:%S}",
    "d/m/yyyy H:MM": lambda m: f"{m.day}/{m.month}/{m.year} {m.hour}:{m:%M}",
    "yyyy-mm-dd HH:MM:SS": lambda m: m.isoformat(sep=" "),
    "yyyy-mm-dd HH:MM": lambda m: m.isoformat(sep=" ", timespec="minutes"),
    "dd.mm.yyyy HH:MM:SS": lambda m: f"{m:%d.%m}.{m.year} {m:%H:%M:%S}",
    "dd.mm.yyyy HH:MM": lambda m: f"{m:%d.%m}.{m.year} {m:%H:%M}",
    "d.m.yyyy H:MM:SS": lambda m: f"{m.day}.{m.month}.{m.year} {m.hour}:{m:%M:%S}",
    "d.m.yyyy H:MM": lambda m: f"{m.day}.{m.month}.{m.year} {m.hour}:{m:%M}",
}
CLOCK_WRITERS = {
    "HH:MM:SS": lambda m: f"{m:%H:%M:%S}",
    "HH:MM": lambda m: f"{m:%H:%M}",
    "H:MM:SS": lambda m: f"{m.hour}:{m:%M:%S}",
    "H:MM": lambda m: f"{m.hour}:{m:%M}",
    "1899-12-31 HH:MM:SS": lambda m: f"1899-12-31 {m:%H:%M:%S}",
}
timestamps = st.lists(
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31, 23, 59, 59)).map(
        lambda m: m.replace(microsecond=0)
    ),
    min_size=1,
    max_size=40,
)


@cache
def engine() -> Backend:
    return ibis.duckdb.connect(threads=1)


@cache
def parsing(dtype: str, form: Format | None) -> CompiledOnce:
    """The parsing of texts as one type, in one format."""

    def build(tables: Mapping[str, Table], _: StoreStep) -> Table:
        rows = tables["rows"]
        return rows.select("place", value=value_of(rows.text, dtype, form)).order_by("place")

    return CompiledOnce(engine(), f"{dtype} {form.name if form else 'in any format'}", build)


def parsed(dtype: str, texts: list[str], form: Format | None = None) -> list[object]:
    rows = pa.table({"place": list(range(len(texts))), "text": pa.array(texts, pa.string())})
    return parsing(dtype, form)(rows=rows)["value"].to_pylist()


def form_named(dtype: str, name: str) -> Format:
    return next(form for form in FORMATS[dtype] if form.name == name)


@pytest.mark.parametrize("name", [form.name for form in FORMATS[TIMESTAMP]])
@settings(max_examples=examples(15), deadline=None)
@given(written=timestamps)
def test_any_moment_in_any_listed_format_reads_back(name, written):
    texts = [TIMESTAMP_WRITERS[name](timestamp) for timestamp in written]
    has_seconds = "SS" in name
    expected = [timestamp if has_seconds else timestamp.replace(second=0) for timestamp in written]
    assert parsed(TIMESTAMP, texts, form_named(TIMESTAMP, name)) == expected


@pytest.mark.parametrize("name", [form.name for form in FORMATS[DATE]])
@settings(max_examples=examples(15), deadline=None)
@given(written=timestamps)
def test_any_date_in_any_listed_format_reads_back(name, written):
    days = [timestamp.date() for timestamp in written]
    assert parsed(DATE, [DATE_WRITERS[name](day) for day in days], form_named(DATE, name)) == days


@pytest.mark.parametrize("name", [form.name for form in FORMATS[TIME_OF_DAY]])
@settings(max_examples=examples(15), deadline=None)
@given(written=timestamps)
def test_any_time_of_day_in_any_listed_format_reads_back(name, written):
    texts = [CLOCK_WRITERS[name](timestamp) for timestamp in written]
    seconds = [timestamp.second if "SS" in name else 0 for timestamp in written]
    expected = [m.hour * 3600 + m.minute * 60 + s for m, s in zip(written, seconds, strict=True)]
    assert parsed(TIME_OF_DAY, texts, form_named(TIME_OF_DAY, name)) == expected


@pytest.mark.parametrize("dtype", [DATE, TIMESTAMP, TIME_OF_DAY])
def test_python_and_the_database_agree_on_which_texts_fit_a_format(dtype):
    texts = ["2023-03-19", "03/19/2023", "19/03/2023 24:00", "1/1/2025 0:02", "9:61", "0:08:54", "28-mar-23"]
    for form in FORMATS[dtype]:
        by_python = [re.fullmatch(form.pattern, text) is not None for text in texts]
        assert [value is not None for value in parsed(dtype, texts, form)] == by_python


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("yyyy-mm-dd", "2023-02-29"),
        ("dd/mm/yyyy", "31/04/2023"),
        ("d/m/yyyy", "3/19/2023"),
        ("dd-Mon-yy", "28-Mrz-23"),
        ("dd Mon yyyy", "00 Jan 2009"),
    ],
)
def test_a_day_that_does_not_exist_is_not_read(name, text):
    assert parsed(DATE, [text], form_named(DATE, name)) == [None]


def test_day_and_month_never_swap():
    form = form_named(DATE, "dd/mm/yyyy")
    assert parsed(DATE, ["01/02/2023", "12/11/2023"], form) == [date(2023, 2, 1), date(2023, 11, 12)]
    timestamp = form_named(TIMESTAMP, "d/m/yyyy H:MM")
    assert parsed(TIMESTAMP, ["1/2/2025 0:02"], timestamp) == [datetime(2025, 2, 1, 0, 2)]


def test_fractions_of_a_second_and_the_letter_t_are_iso():
    form = form_named(TIMESTAMP, "yyyy-mm-dd HH:MM:SS")
    texts = ["2023-03-19T14:11:51", "2023-03-19 14:11:51.250", "2023-03-19 24:00:00", "2023-03-19T14:11:51Z"]
    first = datetime(2023, 3, 19, 14, 11, 51)
    assert parsed(TIMESTAMP, texts, form) == [first, first.replace(microsecond=250_000), None, first]


@pytest.mark.parametrize("text", ["416", "416.", "416.0", "416.00", "+416"])
def test_a_whole_number_in_any_spelling(text):
    assert parsed(INTEGER, [text]) == [416]


@pytest.mark.parametrize("text", ["416.5", "1_000", "1e3", "0x10", "1,000", "four", "9" * 16])
def test_what_is_no_whole_number_is_not_rounded_into_one(text):
    assert parsed(INTEGER, [text]) == [None]


def test_a_real_number_is_a_finite_decimal():
    assert parsed(REAL, ["-0.25", "51", "1e-05", "inf", "1_0", "51,5"]) == [
        -0.25,
        51.0,
        1e-05,
        None,
        None,
        None,
    ]


def test_the_three_spellings_of_an_incident_number_are_one():
    texts = ["235138081", "235138081.0", "235138081.00", "000010-01012016", "2.35E+08", "x1"]
    assert parsed(INCIDENT_NUMBER, texts) == ["235138081"] * 3 + ["000010-01012016", None, None]


def late(day: int) -> dict[str, str]:
    return {"DateAndTimeMobile": f"2025-02-{day:02d} 07:03:00"}


def test_two_formats_in_one_column_are_refused_with_a_row_of_each(read, write):
    path = write(MOBILISATIONS, {}, {}, {}, late(3), late(4))
    with pytest.raises(BadFile) as caught:
        read(MOBILISATIONS, path)
    assert caught.value.problem == (
        "DateAndTimeMobile mixes two formats: dd/mm/yyyy HH:MM ('01/02/2025 07:03' in data row 1) and "
        "yyyy-mm-dd HH:MM:SS ('2025-02-03 07:03:00' in data row 4)"
    )


def test_two_columns_may_be_written_in_two_formats(read, write):
    published = read(MOBILISATIONS, write(MOBILISATIONS, late(1), late(1)))
    assert published.files[0].formats["mobile_at"] == "yyyy-mm-dd HH:MM:SS"
    assert published.files[0].formats["mobilised_at"] == "dd/mm/yyyy HH:MM"


def test_rows_without_the_padding_below_the_first_thousand_settle_the_format(read, write):
    padded = [{"DateAndTimeLeft": "11/12/2025 10:57"}] * 1000
    published = read(
        MOBILISATIONS, write(MOBILISATIONS, *padded, *[{"DateAndTimeLeft": "1/2/2025 7:57"}] * 9)
    )
    assert published.files[0].formats["left_at"] == "d/m/yyyy H:MM"
    assert published.typed.unreadable.count().to_pyarrow().as_py() == 0


def test_one_stray_row_is_marked_with_its_column_and_kept(read, write, rows_of):
    path = write(MOBILISATIONS, {}, {"TurnoutTimeSeconds": "soon", "DateAndTimeLeft": "later"}, {})
    rows = rows_of(read(MOBILISATIONS, path).typed)
    assert [row["unreadable"] for row in rows] == [None, "left_at", None]
    assert rows[1]["turnout_s"] is None
    assert rows[1]["travel_s"] == 133


def test_one_row_in_a_thousand_is_the_limit(read, write):
    stray = {"TravelTimeSeconds": "x"}
    assert read(MOBILISATIONS, write(MOBILISATIONS, *[{}] * 1998, stray, stray)).files[0].rows == 2000
    with pytest.raises(BadFile) as caught:
        read(MOBILISATIONS, write(MOBILISATIONS, *[{}] * 1997, stray, stray, stray))
    assert caught.value.problem == (
        "3 of 2000 rows cannot be read (the limit is 2), most of them for TravelTimeSeconds: "
        "'x' in data row 1998"
    )


def test_a_file_of_one_row_must_be_readable(read, write):
    with pytest.raises(BadFile, match="the limit is 0"):
        read(MOBILISATIONS, write(MOBILISATIONS, {"TravelTimeSeconds": "x"}))


def test_month_first_is_refused_with_advice(read, write):
    path = write("incidents", {"DateOfCall": "03/19/2025"}, {"DateOfCall": "03/20/2025"})
    with pytest.raises(BadFile) as caught:
        read("incidents", path)
    assert caught.value.problem == "DateOfCall cannot be read: '03/19/2025' in data row 1"
    assert caught.value.advice == "That is month first: write day first, dd/mm/yyyy, as the Brigade does"


def test_a_column_in_no_known_format_lists_the_known_ones(read, write):
    with pytest.raises(BadFile, match=r"TimeOfCall cannot be read: '11:51\.0' in data row 1") as caught:
        read("incidents", write("incidents", {"TimeOfCall": "11:51.0"}))
    assert "H:MM:SS" in caught.value.advice


def test_a_year_that_denies_its_date_is_refused(read, write):
    with pytest.raises(BadFile, match="CalYear disagrees with the date in 2 of 3 rows, first in data row 2"):
        read("incidents", write("incidents", {}, {"CalYear": "2024"}, {"CalYear": "2024"}))


def test_an_hour_that_denies_its_time_is_refused(read, write):
    with pytest.raises(BadFile, match="HourOfCall disagrees with the time in 2 of 2 rows"):
        read("incidents", write("incidents", {"HourOfCall": "8"}, {"HourOfCall": "8"}))


def test_the_hour_of_a_mobilisation_is_local_and_may_differ_from_its_gmt_time(read, write):
    assert (
        read(MOBILISATIONS, write(MOBILISATIONS, {"HourOfCall": "8"}, {"HourOfCall": "8"})).files[0].rows == 2
    )


def test_an_empty_column_has_no_format(read, write):
    published = read(
        MOBILISATIONS, write(MOBILISATIONS, {"DateAndTimeLeft": "NULL"}, {"DateAndTimeLeft": ""})
    )
    assert published.files[0].formats["left_at"] == "empty"
    assert str(published.typed.left_at.type()).startswith("timestamp")
