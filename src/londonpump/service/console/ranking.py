"""Rows and foot of the list of New call, from the JSON of a stored prediction: pure values for the template."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, hypot

from londonpump.domain.json_values import JsonObject
from londonpump.domain.mobilisations import RANKED
from londonpump.domain.national_grid import to_degrees
from londonpump.domain.stations import Station
from londonpump.service.board.rules import PumpState
from londonpump.service.console.pages import london_time
from londonpump.service.console.texts import text
from londonpump.service.incidents.view import is_wide

S_PER_MIN = 60
MAX_SHOWN_S = 1200
"""The records end at 20 minutes, so no longer time is shown as a number."""
GOAL_S, LIMIT_S = 360, 600
"""The Brigade's average for the first pump, and the limit beyond which dots are hollow and orange."""
GRID_MIN = (6, 8, 10)
N_DOTS = 20
SHORT_AXIS_MIN, LONG_AXIS_MIN = 12, 20
WIDTH, HEIGHT, EDGE = 300, 44, 8
DOT_R, COLUMN = 4, 8
CLOSE_LOW, CLOSE_HIGH = 0.2, 0.8
"""Chances between these of arriving before the next one mean that either of two pumps may be first."""


@dataclass(frozen=True, slots=True)
class Dots:
    """A quantile dotplot: positions in the drawing, those beyond the limit apart."""

    early: str
    """Path of the dots up to the limit: a line of no length with round ends for each."""
    late: tuple[tuple[int, int], ...]
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """The common axis of all rows."""

    max_min: int

    def x(self, seconds: float) -> int:
        """Return the position of a time; times beyond the axis lie at its end."""
        share = min(seconds / S_PER_MIN, self.max_min) / self.max_min
        return round(EDGE + share * (WIDTH - 2 * EDGE))

    @property
    def ticks(self) -> list[tuple[int, int]]:
        """Minutes with their positions."""
        return [(minute, self.x(minute * S_PER_MIN)) for minute in range(2, self.max_min + 1, 2)]

    @property
    def lines(self) -> list[tuple[int, int]]:
        """Positions of the lines at 6, 8 and 10 minutes."""
        return [(minute, self.x(minute * S_PER_MIN)) for minute in GRID_MIN]


@dataclass(frozen=True, slots=True)
class RankedPump:
    """One row of the list."""

    pump: str
    station: str
    state: str
    station_code: str = ""
    """Station where the pump stands, from which its route is drawn."""
    there_about: str = ""
    half: str = ""
    nine_in_ten: str = ""
    in_goal: str = ""
    distance: str = ""
    dots: Dots | None = None
    same_as: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    is_ticked: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """A place of the map."""

    easting_m: float
    northing_m: float
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """The list with its foot."""

    rows: tuple[RankedPump, ...]
    understood: str
    point: Point
    prediction_id: str = ""
    area: str | None = None
    """Street or district of which the point is the middle; None for an exact place."""
    is_area_wide: bool = False
    """Whether the middle of the area says little about where the emergency is."""
    needed: str = ""
    both: str = ""
    warnings: tuple[str, ...] = ()
    axis: Axis = Axis(SHORT_AXIS_MIN)


def duration(seconds: float) -> str:
    """Return a duration as minutes and seconds; above twenty minutes, that it is above."""
    if seconds > MAX_SHOWN_S:
        return text("call.over")
    # rounded before it is split, or 59.6 s would be shown as 0:60
    minutes, rest = divmod(round(seconds), S_PER_MIN)
    return f"{minutes}:{rest:02d}"


def twentieths(chance: float) -> str:
    """Return a chance in twentieths."""
    return f"{round(chance * N_DOTS)}/{N_DOTS}"


def grid_reference(easting_m: float, northing_m: float) -> str:
    """Return a point of London as two letters and eight figures, as operators write it."""
    squares = {(4, 1): "SU", (5, 1): "TQ", (5, 2): "TL", (4, 2): "SP", (6, 1): "TR", (6, 2): "TM"}
    letters = squares.get((int(easting_m // 100_000), int(northing_m // 100_000)), "")
    return f"{letters} {int(easting_m % 100_000) // 10:04d} {int(northing_m % 100_000) // 10:04d}".strip()


def ranking_of(answer: JsonObject, asked_at: datetime, label: str = "") -> Ranking:
    """Return the list of a stored prediction. label: the name of the place that the operator chose."""
    candidates = answer["candidates"]
    shown = [each for candidate in candidates for each in _levels(candidate)]
    # one axis for all rows, long enough that only the last dots of far pumps lie at its end
    axis = Axis(LONG_AXIS_MIN if shown and max(shown) > SHORT_AXIS_MIN * S_PER_MIN * 1.25 else SHORT_AXIS_MIN)
    needed = answer["pumps_needed"]
    usual = _usual(needed)
    rows: list[RankedPump] = []
    n_ticked = 0
    for i, candidate in enumerate(candidates):
        is_ticked = candidate["state"] in RANKED and n_ticked < usual
        n_ticked += is_ticked
        rows.append(
            _row(candidate, candidates[:i], candidates[i + 1 : i + 2], asked_at, axis, is_ticked=is_ticked)
        )
    location = answer["location"]
    return Ranking(
        rows=tuple(rows),
        understood=_understood(location, label),
        point=point_of(location["easting_m"], location["northing_m"]),
        prediction_id=answer["id"],
        area=location["area"],
        is_area_wide=location["area"] is not None and is_wide((location.get("match") or {}).get("radius_m")),
        needed=_needed_text(needed),
        both=_both_text(answer["second_pump"], asked_at) if n_ticked > 1 else "",
        warnings=tuple(filter(None, (answer["warning"], _missing_text(answer["missing"])))),
        axis=axis,
    )


def by_distance(
    pumps: Sequence[PumpState],
    stations: dict[str, Station],
    point: tuple[float, float],
    label: str,
    at_most: int,
) -> Ranking:
    """Return the pumps that can be sent by their straight distance, for a service without a model."""
    easting_m, northing_m = point

    def distance_m(pump: PumpState) -> float:
        station = stations[pump.station_code]
        return hypot(station.easting_m - easting_m, station.northing_m - northing_m)

    nearest = sorted(pumps, key=lambda pump: (distance_m(pump), pump.code))[:at_most]
    rows = tuple(
        RankedPump(
            pump.code,
            stations[pump.station_code].name,
            text("state.assumed") if pump.is_assumed else text("call.at_home"),
            pump.station_code,
            distance=text("call.km", km=f"{distance_m(pump) / 1000:.1f}"),
            is_ticked=i == 0,
        )
        for i, pump in enumerate(nearest)
    )
    understood = " · ".join(filter(None, (label, grid_reference(easting_m, northing_m))))
    return Ranking(rows, understood, point_of(*point), warnings=(text("status.no_model"),))


def point_of(easting_m: float, northing_m: float) -> Point:
    """Return a point with its degrees."""
    latitude, longitude = to_degrees(easting_m, northing_m)
    return Point(easting_m, northing_m, round(float(latitude), 6), round(float(longitude), 6))


def _row(
    candidate: JsonObject,
    above: Sequence[JsonObject],
    below: Sequence[JsonObject],
    asked_at: datetime,
    axis: Axis,
    *,
    is_ticked: bool,
) -> RankedPump:
    warning = candidate["warning"]["text"] and (
        # the dots show how much; what lies outside the training data is said in full
        text("call.late") if candidate["warning"]["risk_underestimated"] else candidate["warning"]["text"]
    )
    # pumps of one station have one row of the model: the same picture twice would look like two facts
    same = next((each["pump"] for each in above if _times(each) == _times(candidate)), "")
    before_next, notes = candidate.get("chance_before_next"), []
    # of two pumps of one station nobody asks which is there first
    is_twin = any(_times(each) == _times(candidate) for each in below)
    if before_next is not None and not is_twin and CLOSE_LOW <= before_next <= CLOSE_HIGH:
        notes.append(text("call.close", chance=twentieths(before_next)))
    notes += [each["text"] for each in candidate["explanations"][:2]]
    chances = candidate["chance_within_s"]
    in_goal = chances.get(str(GOAL_S))
    levels = _levels(candidate)
    return RankedPump(
        pump=candidate["pump"],
        station=candidate["station"]["name"],
        state=_state_text(candidate),
        station_code=candidate["station"]["code"],
        there_about=london_time(asked_at + timedelta(seconds=candidate["p50_s"]), False),
        half=duration(candidate["p50_s"]),
        nine_in_ten=duration(candidate["p90_s"]),
        in_goal="" if in_goal is None else twentieths(in_goal),
        dots=None if same or not levels else _dots(levels, axis),
        same_as=same,
        notes=() if same else tuple(notes),
        warnings=(warning,) if warning and not same else (),
        is_ticked=is_ticked,
    )


def _times(candidate: JsonObject) -> tuple[object, ...]:
    return candidate["station"]["code"], candidate["p10_s"], candidate["p50_s"], candidate["p90_s"]


def _levels(candidate: JsonObject) -> list[float]:
    return candidate.get("quantiles_s") or []


def _dots(levels: Sequence[float], axis: Axis) -> Dots:
    heights: dict[int, int] = {}
    early, late = [], []
    for seconds in levels:
        # dots of one column of the drawing are stacked, as a histogram of twenty runs
        column = axis.x(seconds) // COLUMN
        row = heights[column] = heights.get(column, -1) + 1
        x, y = column * COLUMN + COLUMN // 2, HEIGHT - DOT_R - 2 - row * COLUMN
        if seconds > LIMIT_S:
            late.append((x, y))
        else:
            early.append(f"M{x} {y}h0")
    n = sum(seconds <= GOAL_S for seconds in levels)
    return Dots(
        "".join(early), tuple(late), text("call.dots", n=n, all=len(levels), minutes=GOAL_S // S_PER_MIN)
    )


def _state_text(candidate: JsonObject) -> str:
    if candidate["is_assumed"]:
        return text("state.assumed")
    if candidate["home_station"] is not None:
        return text("call.standby", station=candidate["station"]["name"])
    return text("call.at_home") if candidate["state"] == "available" else text(f"state.{candidate['state']}")


def _understood(location: JsonObject, label: str) -> str:
    ground = location["station_ground"]
    parts = [
        label,
        grid_reference(location["easting_m"], location["northing_m"]),
        text("call.ground", **ground) if ground else "",
        text("call.area") if location["area"] else text("call.exact"),
    ]
    return " · ".join(filter(None, parts))


def _usual(needed: JsonObject) -> int:
    # not the number of the answer, whose weights find rare numbers too: it may be less than what most such calls get
    chances = list(needed["chances"].values())
    return chances.index(max(chances)) + 1


def _needed_text(needed: JsonObject) -> str:
    chances, usual = list(needed["chances"].values()), _usual(needed)
    shares = {"one": chances[0], "two": chances[1], "more": sum(chances[2:])}
    percents = {name: f"{round(share * 100)}" for name, share in shares.items()}
    return text("call.needed_one" if usual == 1 else "call.needed", number=usual, **percents)


def _both_text(second: JsonObject | None, asked_at: datetime) -> str:
    if second is None:
        return ""
    half, nine = (
        # rounded up: "by" must not name a minute that begins before the pump is there
        london_time(asked_at + timedelta(minutes=ceil(second[name] / S_PER_MIN)), False)
        for name in ("p50_s", "p90_s")
    )
    return text("call.both", half=half, nine=nine)


def _missing_text(missing: Sequence[str]) -> str:
    # the status line says the same about the board
    others = [each for each in missing if not each.startswith("the board:")]
    return text("call.missing", what="; ".join(others)) if others else ""
