"""The page on the quality of the prepared records: what was kept, repaired and rejected, by rule, month and file."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields

from londonpump.presentation.report.pages import Cell, Table, load_page
from londonpump.presentation.report.sheets import Sheet
from londonpump.presentation.texts.prepare import Preparation, format_completeness

KEPT, REPAIRED, REJECTED = "kept", "repaired", "rejected"
NO_MONTH = "no date"
TEXTS = {
    "unreadable_": "a value of this column cannot be read",
    "incomplete_": "this column is empty",
    "no_incident_number": "the incident number is missing",
    "bad_incident_number": "the incident number has an unknown form",
    "no_call_date": "the date of the call is missing",
    "no_call_time": "the time of the call is missing",
    "hour_does_not_exist": "the clocks of London skip that hour in March",
    "date_not_of_number": "the date of the call is more than a day from the date in the incident number",
    "over_the_border": "the incident is outside London",
    "no_location": "no location is published",
    "impossible_location": "the location is far outside London",
    "no_incident_type": "stop code and special service belong to no known incident type",
    "exact_duplicate": "an earlier row is the same",
    "conflicting_duplicate": "an earlier row has the same number and other content",
    "incident_not_found": "no incident record has that number",
    "incident_rejected": "the incident record was rejected, by its own rule",
    "mobilised_far_from_call": "the pump was mobilised more than a day from the call",
    "no_attendance_time": "a pump of the incident has no attendance time",
    "no_turnout": "a pump of the incident has no turnout time, and none can be computed",
    "no_travel": "a pump of the incident has no travel time",
    "impossible_time": "turnout, travel or attendance is below 0 or above 20 minutes",
    "dartford": "a pump of Dartford attended, whose records belong to another brigade",
    "unknown_station": "the station is not in the list of stations",
    "later_wave": "sent after the first pumps: sound, but not what the models predict",
    "warm_up": "sent in the first 12 hours of the records: sound, but busy pumps are not known yet",
    "clock_shown_twice": "the call is in the hour that clocks show twice in October: the first is used",
    "second_showing_from_mobilisation": "such a call whose pumps left in the second showing: the second is used",
    "exact_location_ignored": "the exact location is far from London: its 100 m cell is used",
    "cell_from_exact_location": "the 100 m cell is missing or wrong: computed from the exact location",
    "zero_latitude_ignored": "latitude and longitude are 0: they are not used",
    "special_service_from_stop_code": "the special service is missing: taken from the stop code",
    "mobile_far_from_mobilised": "the departure is more than a day from the mobilisation: not used",
    "arrived_far_from_mobilised": "the arrival is more than a day from the mobilisation: not used",
    "left_far_from_mobilised": "the time of leaving is days from the mobilisation: not used",
    "turnout_from_attendance": "turnout and travel are missing: shares of the attendance time are used",
    "mobile_and_arrived_exchanged": "departure and arrival are in the wrong order: exchanged",
    "station_from_its_name": "the code of the station is missing: taken from its name",
    "station_from_resource_code": "code and name of the station are missing: taken from the code of the pump",
    "location_from_codes": "home or other station is not stated: taken from the codes",
    "appliance_unknown": "the code of the pump does not say what kind of pump it is",
    "left_from_mean_on_site": "the time of leaving is missing: the usual time on site is used",
    "left_before_arrived": "the time of leaving is before the arrival: the usual time on site is used",
}
"""What each rule says of a row, for people; names that begin with one of the first two are of one column."""


@dataclass(frozen=True, slots=True)
class QualityCount:
    """Rows of one file and month that were kept, repaired or rejected by one rule."""

    table: str
    file: str
    month: str
    """Of the call, or of the mobilisation; empty if the row has no date."""
    verdict: str
    rule: str
    """Empty for rows that were kept; a repaired row is counted among the kept too."""
    rows: int


@dataclass(frozen=True, slots=True)
class Example:
    """The first row that a rule rejected or repaired."""

    table: str
    verdict: str
    rule: str
    file: str
    row: int
    texts: str


@dataclass(frozen=True, slots=True)
class DataQuality:
    """The values of the page."""

    report: Preparation
    counts: Sequence[QualityCount]
    examples: Sequence[Example]


def describe_rule(rule: str) -> str:
    """Return what a rule says of a row; the name of the column for a rule of one column."""
    for prefix in ("unreadable_", "incomplete_"):
        if rule.startswith(prefix):
            return f"{TEXTS[prefix]}: {rule.removeprefix(prefix)}"
    return TEXTS[rule]


def quality_sheet(quality: DataQuality) -> Sheet:
    """Return every count as one table."""
    head = [each.name for each in fields(QualityCount)]
    return Sheet(
        "quality",
        "Rows by table, file, month, verdict and rule",
        head,
        [astuple(one) for one in quality.counts],
    )


def render_quality(quality: DataQuality) -> str:
    """Render the page as one self-contained HTML file."""
    return load_page("quality.html.j2").render(
        quality=quality,
        report=quality.report,
        headline=list(_headline(quality.report)),
        completeness=list(format_completeness(quality.report.completeness)),
        tables=[
            (name, [*_rules(quality, name), _groups(quality, name, "file")], _groups(quality, name, "month"))
            for name in quality.report.tables
        ],
    )


def _headline(report: Preparation) -> Iterator[str]:
    for name, table in report.tables.items():
        share = f" ({_pct(table.kept, table.read)} %)" if table.read else ""
        yield f"Of {table.read:,} {name}, {table.kept:,} were kept{share} and {table.read - table.kept:,} were rejected."
    yield f"From them {report.examples:,} examples were made, one per pump that was sent and arrived."


def _rules(quality: DataQuality, name: str) -> Iterator[Table]:
    """Yield the table of rules that rejected rows and that of repairs, the most frequent first."""
    examples = {(one.table, one.verdict, one.rule): one for one in quality.examples}
    read = quality.report.tables[name].read
    for verdict, caption in ((REJECTED, "Rejected"), (REPAIRED, "Kept, but repaired")):
        counted: Counter[str] = Counter()
        for one in quality.counts:
            if one.table == name and one.verdict == verdict:
                counted[one.rule] += one.rows
        # Files come and go; the first row of the first file that shows a rule is example enough.
        rows = []
        for rule, n in counted.most_common():
            first = examples[name, verdict, rule]
            where = f"{first.file}, data row {first.row}: {first.texts}"
            rows.append((rule, [Cell(describe_rule(rule)), Cell(f"{n:,}"), Cell(_pct(n, read)), Cell(where)]))
        if rows:
            yield Table(caption, ["Rule", "What is wrong", "Rows", "% of all", "First example"], rows)


def _groups(quality: DataQuality, name: str, by: str) -> Table:
    """Return the rows read, kept and rejected by file or month, with the rule that rejected most."""
    counts: dict[str, Counter[str]] = {}
    rejected: dict[str, Counter[str]] = {}
    for one in quality.counts:
        if one.table == name and one.verdict != REPAIRED:
            key = getattr(one, by) or NO_MONTH
            counts.setdefault(key, Counter())[one.verdict] += one.rows
            if one.verdict == REJECTED:
                rejected.setdefault(key, Counter())[one.rule] += one.rows
    rows = []
    for key, found in sorted(counts.items()):
        most = rejected.get(key, Counter()).most_common(1)
        cells = [
            f"{found.total():,}",
            f"{found[KEPT]:,}",
            f"{found[REJECTED]:,}",
            _pct(found[REJECTED], found.total()),
        ]
        cells.append(f"{most[0][0]} ({most[0][1]:,})" if most else "")
        rows.append((key, [Cell(text) for text in cells]))
    head = [by.capitalize(), "Rows", "Kept", "Rejected", "Rejected, %", "Mostly by"]
    return Table(f"By {by}", head, rows)


def _pct(part: int, whole: int) -> str:
    share = 100 * part / whole if whole else 0.0
    # One row in ten thousand must not read as none.
    return "< 0.1" if 0 < share < 0.1 else f"{share:.1f}"
