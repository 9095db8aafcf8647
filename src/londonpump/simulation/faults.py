"""Faults of published files, injected on purpose and recorded row by row.

Every fault has a name and a measured rate. Rows are drawn without overlap, so that the result of the cleaning of a row
depends on one fault only.

Rates: LFB records 2021 to 2025 (930,521 mobilisations), 2024 (134,043 incidents) and 2009 to 2014.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from londonpump.simulation.plan import Vintage
from londonpump.simulation.records import neighbours
from londonpump.simulation.text_formats import TextColumn, replace_rows

Ints = NDArray[np.int64]
Columns = dict[str, TextColumn]
Change = Callable[[Columns, Ints], None]

# With at least this many rows, every type of fault occurs at least once.
MIN_ROWS_FOR_ALL_FAULTS = 2_000
Flags = NDArray[np.bool_]
DUPLICATED = 0.0003
CONFLICTING = 43 / 930_521
LOST_INCIDENT, LOST_DISPATCHES = 0.0004, 0.0015
LONGEST_CONFLICT_S = 900
# Only longer dispatches get times out of order: at full minutes, times of a shorter one could stay in order.
MIN_TRAVEL_S = 120


@dataclass(frozen=True, slots=True)
class Fault:
    """One injected fault."""

    fault_type: str
    file: str
    """`incidents` or `mobilisations`."""
    row: int
    """1 for the first row of data."""
    incident: str


@dataclass(slots=True)
class Sheet:
    """One file that is being written: its columns, and the faults in its rows so far."""

    file: str
    columns: Columns
    key: Ints
    """The row of the incident, (rows,), which connects the two files."""
    done: list[tuple[str, Ints]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Number of rows of data."""
        return len(self.key)

    def apply(self, fault_type: str, rows: Ints, change: Change) -> None:
        """Change some rows and record the fault."""
        if len(rows):
            rows = np.sort(rows)
            change(self.columns, rows)
            self.done.append((fault_type, rows))

    def rebuild(self, dropped: Ints, repeated: Ints) -> Ints:
        """Drop some rows and repeat others. Recorded faults move with the first copy of their row.

        Returns: the rows of the second copies, in the order of `repeated`.
        """
        copies = np.ones(self.rows, dtype=np.int64)
        copies[dropped] = 0
        copies[repeated] += 1
        first = np.cumsum(copies) - copies
        source = np.repeat(np.arange(self.rows), copies)
        self.columns = {name: column.take(pa.array(source)) for name, column in self.columns.items()}
        self.key = self.key[source]
        self.done = [(fault_type, first[rows[copies[rows] > 0]]) for fault_type, rows in self.done]
        return np.asarray(first[repeated] + 1)

    def faults(self) -> list[Fault]:
        """Return every recorded fault, by type and row."""
        number = self.columns["IncidentNumber"]
        return [
            Fault(fault_type, self.file, row + 1, number[row].as_py())
            for fault_type, rows in sorted(self.done, key=lambda pair: pair[0])
            for row in np.sort(rows).tolist()
        ]


class RowSampler:
    """A sampler of rows that never draws two rows of one incident."""

    def __init__(self, rng: np.random.Generator, key: Ints, allowed: NDArray[np.bool_]) -> None:
        """Args: key: the incident of each row, (rows,). allowed: the rows that may be drawn, (rows,)."""
        self.rng = rng
        self.key = key
        self.left = rng.permutation(np.flatnonzero(allowed))
        self.all_rows = len(key)

    def draw(self, share: float, among: NDArray[np.bool_] | None = None) -> Ints:
        """Draw about `share` of all rows, sorted. among: the rows that may be drawn, (rows,)."""
        # the random part rounds up or down so that small shares are right on average
        n_rows = int(share * self.all_rows + self.rng.random())
        if self.all_rows >= MIN_ROWS_FOR_ALL_FAULTS:
            n_rows = max(n_rows, 1)
        is_allowed = np.ones(len(self.left), dtype=bool) if among is None else among[self.left]
        picked = self.left[is_allowed]
        # the first row drawn of each incident, still in random order
        picked = picked[np.sort(np.unique(self.key[picked], return_index=True)[1])][:n_rows]
        # every row of a drawn incident is used up, also the rows that were not picked
        self.left = self.left[~np.isin(self.key[self.left], self.key[picked])]
        return np.sort(picked)


def no_change(columns: Columns, rows: Ints) -> None:
    """Change nothing, for a fault that the records have already (such as mutual aid)."""


def blank(*names: str) -> Change:
    """Return a change that sets columns to null."""

    def change(columns: Columns, rows: Ints) -> None:
        for name in names:
            columns[name] = replace_rows(columns[name], rows, [None] * len(rows))

    return change


def set_text(**values: str) -> Change:
    """Return a change that sets columns to a fixed text."""

    def change(columns: Columns, rows: Ints) -> None:
        for name, value in values.items():
            columns[name] = replace_rows(columns[name], rows, [value] * len(rows))

    return change


def copy_column(target: str, source: str) -> Change:
    """Return a change that copies the text of one column to another."""

    def change(columns: Columns, rows: Ints) -> None:
        columns[target] = replace_rows(
            columns[target], rows, columns[source].take(pa.array(rows)).to_pylist()
        )

    return change


def swap_columns(one: str, other: str) -> Change:
    """Return a change that exchanges the texts of two columns."""

    def change(columns: Columns, rows: Ints) -> None:
        here, there = (columns[name].take(pa.array(rows)).to_pylist() for name in (one, other))
        columns[one], columns[other] = (
            replace_rows(columns[one], rows, there),
            replace_rows(columns[other], rows, here),
        )

    return change


def rewrite(name: str, spell: Callable[[str], str]) -> Change:
    """Return a change that rewrites each text of a column."""

    def change(columns: Columns, rows: Ints) -> None:
        texts = columns[name].take(pa.array(rows)).to_pylist()
        columns[name] = replace_rows(
            columns[name], rows, [None if text is None else spell(text) for text in texts]
        )

    return change


def apply_all(*changes: Change) -> Change:
    """Return a change that makes several changes in the same rows."""

    def change(columns: Columns, rows: Ints) -> None:
        for one in changes:
            one(columns, rows)

    return change


def null_marker(vintage: Vintage) -> str:
    """Return a text for null that the vintage itself does not use."""
    return "" if vintage.mobilisation_null else "NULL"


@dataclass(frozen=True, slots=True)
class _Rule:
    fault_type: str
    share: float
    change: Change
    is_for_long_dispatches: bool = False


def inject_faults(
    incidents: Sheet, mobilisations: Sheet, traits: "Traits", vintage: Vintage, rng: np.random.Generator
) -> list[Fault]:
    """Inject every fault and return the list. The sheets are changed in place.

    Args: traits: facts about the rows before any fault.
    """
    mutual_aid_incidents = _record_mutual_aid(incidents, mobilisations, traits)
    mobilisation_rows = RowSampler(rng, mobilisations.key, ~np.isin(mobilisations.key, mutual_aid_incidents))
    for rule in _mobilisation_rules(vintage):
        among = traits.travel_s >= MIN_TRAVEL_S if rule.is_for_long_dispatches else None
        mobilisations.apply(rule.fault_type, mobilisation_rows.draw(rule.share, among), rule.change)
    twice, conflicting = (
        mobilisation_rows.draw(DUPLICATED),
        mobilisation_rows.draw(CONFLICTING, traits.travel_s < LONGEST_CONFLICT_S),
    )
    # no incident gets a fault of its own if one of its mobilisations has one
    untouched = np.isin(incidents.key, mobilisation_rows.key[mobilisation_rows.left]) | ~np.isin(
        incidents.key, mobilisation_rows.key
    )
    incident_rows = RowSampler(rng, incidents.key, untouched)
    for rule in _incident_rules(vintage):
        incidents.apply(
            rule.fault_type, incident_rows.draw(rule.share, traits.eligible_for(rule.fault_type)), rule.change
        )
    has_dispatches = np.isin(incidents.key, mobilisations.key)
    lost, bare = (
        incident_rows.draw(LOST_INCIDENT, has_dispatches),
        incident_rows.draw(LOST_DISPATCHES, has_dispatches),
    )
    # mobilisations of a dropped incident stay, and are recorded as rows without an incident
    orphans = np.flatnonzero(np.isin(mobilisations.key, incidents.key[lost]))
    mobilisations.apply("mobilisation_without_incident", orphans, no_change)
    incidents.apply("incident_without_mobilisation", bare, no_change)
    gone = np.flatnonzero(np.isin(mobilisations.key, incidents.key[bare]))
    incidents.apply("duplicate_incident", incidents.rebuild(lost, incident_rows.draw(DUPLICATED)), no_change)
    copies = mobilisations.rebuild(gone, np.concatenate([twice, conflicting]))
    mobilisations.apply("duplicate_mobilisation", copies[: len(twice)], no_change)
    mobilisations.apply("conflicting_mobilisation", copies[len(twice) :], _SEVEN_MORE)
    return incidents.faults() + mobilisations.faults()


@dataclass(frozen=True, slots=True)
class Traits:
    """Facts about the rows without faults: first those of dispatches, (m,), then those of incidents, (n,)."""

    visitor: Ints
    """Rows of `neighbours()`; -1 for a pump of London."""
    travel_s: Ints
    is_located: Flags
    """True if the exact location is published."""
    is_special: Flags
    """True for a special service."""
    is_at_the_edge: Flags
    """True far from the centre of London."""

    def eligible_for(self, fault_type: str) -> Flags | None:
        """Return the incidents that can have a fault; None for any."""
        fit = {
            "latitude_zero": self.is_located,
            "missing_special_service_type": self.is_special,
            "over_the_border": self.is_at_the_edge,
        }
        return fit.get(fault_type)


def _mobilisation_rules(vintage: Vintage) -> list[_Rule]:
    is_old = vintage.number == "sequence"
    gone = ("DateAndTimeMobile", "TurnoutTimeSeconds", "TravelTimeSeconds")
    origin = ("DeployedFromStation_Code", "DeployedFromStation_Name")
    marker = null_marker(vintage)
    rules = [
        _Rule("missing_turnout", 0.02 if is_old else 0.0044, blank(*gone)),
        _Rule("mobile_after_arrived", 0.0003, _SWAPPED, is_for_long_dispatches=True),
        _Rule("mobile_equals_arrived", 0.0003, _STANDING),
        _Rule("missing_station", 0.0002, blank(*origin)),
        _Rule("missing_location", 0.001, blank("DeployedFromLocation")),
        _Rule("resource_code_ending", 0.0002, rewrite("Resource_Code", lambda code: code[:-1] + "3")),
        _Rule("visitor_resource_code", 0.0002, rewrite("Resource_Code", lambda code: "C" + code[1:])),
        _Rule("missing_left_time", 0.05 if is_old else 0.0004, blank("DateAndTimeLeft")),
        _Rule("left_before_arrived", 0.0002, copy_column("DateAndTimeLeft", "DateAndTimeMobilised"), True),
        _Rule("unparsable_time", 0.00003, set_text(DateAndTimeArrived="31/02/2023 25:61")),
        _Rule("mixed_null_marker", 0.002, set_text(DelayCodeId=marker, DelayCode_Description=marker)),
    ]
    if vintage.has_area:
        rules.append(_Rule("missing_area", 0.004, blank("BoroughName", "WardName")))
    if is_old:
        rules.append(
            _Rule("incident_number_with_decimals", 0.002, rewrite("IncidentNumber", lambda n: f"{n}.00"))
        )
    return rules


# As found in records: the durations follow from the exchanged times, so the turnout is the whole time.
_SWAPPED = apply_all(
    swap_columns("DateAndTimeMobile", "DateAndTimeArrived"),
    swap_columns("TurnoutTimeSeconds", "AttendanceTimeSeconds"),
    blank("TravelTimeSeconds"),
)
_STANDING = apply_all(
    copy_column("DateAndTimeMobile", "DateAndTimeArrived"),
    copy_column("TurnoutTimeSeconds", "AttendanceTimeSeconds"),
    blank("TravelTimeSeconds"),
)


def _incident_rules(vintage: Vintage) -> list[_Rule]:
    marker = null_marker(vintage) or "NULL"
    rules = [
        _Rule("missing_call_date", 0.0002 / 2, blank("DateOfCall")),
        _Rule("missing_incident_group", 3 / 134_043, blank("IncidentGroup", "StopCodeDescription")),
        _Rule("missing_property", 3 / 134_043, blank("PropertyCategory", "PropertyType")),
        _Rule("missing_address_qualifier", 1 / 134_043, blank("AddressQualifier")),
        _Rule("missing_special_service_type", 0.0002, blank("SpecialServiceType")),
        _Rule("wild_coordinates", 0.00003, set_text(Easting_rounded="611150", Northing_rounded="302450")),
        _Rule("latitude_zero", 0.002, set_text(Latitude="0.0", Longitude="0.0")),
        _Rule("missing_ward", 0.002, blank("IncGeo_WardCode", "IncGeo_WardName", "IncGeo_WardNameNew")),
        _Rule("mixed_null_marker", 0.001, set_text(Postcode_full=marker)),
        _Rule("unparsable_time", 0.00003, set_text(TimeOfCall="24:61:00")),
    ]
    if vintage.number == "sequence":
        rules.append(_Rule("over_the_border", 0.005, _OVER_THE_BORDER))
    return rules


_OVER_THE_BORDER = set_text(
    FRS="OverTheBorder",
    IncGeo_BoroughCode="E00000000",
    IncGeo_BoroughName="NOT GEO-CODED",
    ProperCase="Not geo-coded",
    IncGeo_WardCode="E00000000",
    IncGeo_WardName="Not geo-coded",
    IncGeo_WardNameNew="Not geo-coded",
    IncidentStationGround="OverTheBorder",
)


def _record_mutual_aid(incidents: Sheet, mobilisations: Sheet, traits: Traits) -> Ints:
    """Record the dispatches of neighbouring brigades. Returns: the incidents that they attended."""
    for row, neighbour in enumerate(neighbours()):
        here = np.flatnonzero(traits.visitor == row)
        fault_type = "border_station" if neighbour.is_listed else "border_station_unknown"
        if neighbour.name == "Dartford":
            fault_type = "dartford_attended"
            attended = np.unique(mobilisations.key[here])
            incidents.apply(fault_type, np.flatnonzero(np.isin(incidents.key, attended)), no_change)
        mobilisations.apply(fault_type, here, no_change)
    return np.unique(mobilisations.key[traits.visitor >= 0])


def _seven_more(seconds: str) -> str:
    return f"{float(seconds) + 7:.1f}" if "." in seconds else str(int(seconds) + 7)


_SEVEN_MORE = apply_all(
    rewrite("TravelTimeSeconds", _seven_more), rewrite("AttendanceTimeSeconds", _seven_more)
)
