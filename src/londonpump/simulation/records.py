"""The records of a simulation: published dispatches, figures per incident, station grounds, and mutual aid."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.attendance_targets import FIRST_PUMP_TARGET_S, MAX_PUBLISHED_S, SECOND_PUMP_TARGET_S
from londonpump.domain.stations import known_stations
from londonpump.simulation.calls import Calls
from londonpump.simulation.city import City
from londonpump.simulation.dispatch import Dispatches
from londonpump.simulation.fleet import Fleet
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.text_formats import DAY_S, year_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

DELAY_CODES = (
    (12, "Not held up"),
    (9, "Traffic, roadworks, etc"),
    (8, "Traffic calming measures"),
    (5, "Address incomplete/wrong"),
    (7, "Arrived but held up - Other reason"),
    (13, "On outside duty when mobilised"),
    (11, "Mob/Radio problems when mobilised"),
    (10, "Weather conditions"),
    (6, "Appliance/Equipment defect"),
    (3, "At drills when mobilised"),
)
DELAY_SHARES = np.array([149_987, 51_281, 17_898, 9_366, 2_735, 2_343, 2_274, 1_772, 1_138, 568])
# Pounds per pump-hour by calendar year; 388 from April 2023.
COSTS = ((2009, 255), (2016, 298), (2018, 328), (2020, 339), (2021, 352), (2022, 364))
# Running numbers per published incident, because several calls often report one incident.
NUMBERS_PER_CALL = 1.63
# Share of incidents without a timed pump that also lack the number of pumps.
UNCOUNTED = 0.2
REACH_KM = 6.0
# Share of dispatches near the border that a nearer neighbour makes.
SHARE_SENT = 0.25


@dataclass(frozen=True, slots=True)
class Records:
    """A simulation as it is published. Shapes are (m,) per published dispatch and (n,) per call."""

    calls: Calls
    dispatches: Dispatches
    """Published dispatches only."""
    fleet: Fleet
    city: City
    order: Ints
    """(m,) order of arrival in the incident, from 1 on."""
    mobilisation_id: Ints
    delay: Ints
    """(m,) rows of DELAY_CODES; -1 if the target was met."""
    first: Ints
    """(n,) the first pump as a row of `dispatches`; -1 for none. `second` likewise."""
    second: Ints
    pumps: Ints
    """(n,) pumps attending; 0 if missing. `stations` likewise."""
    stations: Ints
    pump_count: Ints
    pump_minutes: Ints
    cost_pounds: Ints
    number: Ints
    """(n,) running number in the year."""
    out_of_house: Flags
    """(m,) True if the pump came from another station than its home."""

    @property
    def distance_km(self) -> Floats:
        """(m,) straight-line distance from the deployed station to the centre of the 100 m square."""
        east, north = (
            np.array([getattr(s, a) for s in known_stations()]) for a in ("easting_m", "northing_m")
        )
        location = self.calls.location[self.dispatches.call]
        dx = east[self.dispatches.station] - self.city.location_east_m[location]
        return np.asarray(
            np.hypot(dx, north[self.dispatches.station] - self.city.location_north_m[location]) / 1000
        )


def publish(
    calls: Calls, dispatches: Dispatches, fleet: Fleet, city: City, rng: np.random.Generator
) -> Records:
    """Drop the dispatches that are not published and number the others."""
    n = len(calls)
    sent = np.bincount(dispatches.call, minlength=n)
    from_stations = _distinct(dispatches.call, dispatches.station, n)
    busy_s = np.bincount(dispatches.call, weights=dispatches.left_at - dispatches.arrived_at, minlength=n)
    minutes = np.maximum(60, busy_s // 60).astype(np.int64)
    is_shown = ~calls.is_untimed[dispatches.call] & (dispatches.attendance_s <= MAX_PUBLISHED_S)
    shown = Dispatches(*(getattr(dispatches, name)[is_shown] for name in Dispatches.__slots__))
    order = _order_of_arrival(shown)
    position = np.full((3, n), -1, dtype=np.int64)
    position[np.minimum(order, 3) - 1, shown.call] = np.arange(len(shown))
    is_uncounted = (position[0] < 0) & (rng.random(n) < UNCOUNTED)
    # some large incidents have a higher PumpCount than the pumps that were sent at first
    grown = np.where((sent > 3) & (rng.random(n) < 0.15), rng.integers(1, 12, n), 0)
    home = np.array([pump.station for pump in fleet.pumps])
    return Records(
        calls=calls,
        dispatches=shown,
        fleet=fleet,
        city=city,
        order=order,
        mobilisation_id=_mobilisation_ids(shown, rng),
        delay=_delays(shown, order, rng),
        first=position[0],
        second=position[1],
        pumps=np.where(is_uncounted, 0, np.maximum(sent, 1)),
        stations=np.where(is_uncounted, 0, np.maximum(from_stations, 1)),
        pump_count=np.maximum(sent, 1) + grown,
        pump_minutes=minutes,
        cost_pounds=np.rint(_cost_per_hour(calls) * minutes / 60).astype(np.int64),
        number=_running_numbers(calls, rng),
        out_of_house=home[shown.pump] != shown.station,
    )


def with_deployed_stations(records: Records, station: Ints) -> Records:
    """Return the records with other deployed stations, (m,)."""
    return replace(records, dispatches=replace(records.dispatches, station=station))


def _order_of_arrival(dispatches: Dispatches) -> Ints:
    """Return the order of arrival at each incident, (m,), from 1 on."""
    by_arrival = np.lexsort((np.arange(len(dispatches)), dispatches.arrived_at, dispatches.call))
    call = dispatches.call[by_arrival]
    starts = np.append(True, call[1:] != call[:-1])[: len(call)]
    # the row minus the first row of its incident is the position within the incident
    row = np.arange(len(call))
    order = np.empty(len(call), dtype=np.int64)
    order[by_arrival] = row - np.maximum.accumulate(np.where(starts, row, 0)) + 1
    return order


def _distinct(call: Ints, station: Ints, n: int) -> Ints:
    """Return the number of different stations per call, (n,)."""
    # one number per pair of call and station: there are fewer than 1,000 stations
    pairs = np.unique(call * 1_000 + station)
    return np.bincount(pairs // 1_000, minlength=n)


def _mobilisation_ids(dispatches: Dispatches, rng: np.random.Generator) -> Ints:
    """Draw rising ids that start near the real ones of the first day (38,426 in 2009, 5.77 million in 2021)."""
    if len(dispatches) == 0:
        return np.zeros(0, dtype=np.int64)
    # day 14,245 is 1 January 2009, the first of the published records
    day = int(dispatches.mobilised_at[0]) // DAY_S - 14_245
    return 38_426 + day * 1_308 + np.cumsum(rng.integers(1, 3, len(dispatches), endpoint=True))


def _delays(dispatches: Dispatches, order: Ints, rng: np.random.Generator) -> Ints:
    """Draw rows of DELAY_CODES for missed targets, -1 for others."""
    target_s = np.where(order == 1, FIRST_PUMP_TARGET_S, SECOND_PUMP_TARGET_S)
    late = (dispatches.attendance_s > target_s) & (order <= 2)
    drawn = rng.choice(len(DELAY_CODES), len(dispatches), p=DELAY_SHARES / DELAY_SHARES.sum())
    return np.where(late, drawn, -1)


def _cost_per_hour(calls: Calls) -> Ints:
    day = calls.london_s // DAY_S
    year = year_of(day)
    starts = [start for start, _ in COSTS]
    pounds = np.array([cost for _, cost in COSTS])[np.searchsorted(starts, year, side="right") - 1]
    # the rate of 2023 changed with the financial year, not with the calendar year
    april_2023 = 19_448
    return np.where(day >= april_2023, 388, pounds)


def _running_numbers(calls: Calls, rng: np.random.Generator) -> Ints:
    """Draw the running call number in the London year, (n,), in the order of the calls."""
    by_call = np.argsort(calls.called_at, kind="stable")
    year = year_of(calls.london_s[by_call] // DAY_S)
    steps = rng.geometric(1 / NUMBERS_PER_CALL, len(calls))
    total = np.cumsum(steps)
    starts = np.append(True, year[1:] != year[:-1])
    before = np.where(starts, total - steps, 0)
    new_year = int(np.datetime64(f"{year[0]}-01-01").astype(np.int64))
    days_gone = int(calls.london_s[by_call[0]] // DAY_S) - new_year
    # a simulation that starts within a year continues the numbers of the days before
    usual_per_day = max(len(calls) / max((calls.london_s.max() - calls.london_s.min()) / DAY_S, 1), 1)
    offset = np.where(year == year[0], int(days_gone * usual_per_day * NUMBERS_PER_CALL), 0)
    number = np.empty(len(calls), dtype=np.int64)
    number[by_call] = total - np.maximum.accumulate(before) + offset
    return number


def station_grounds(calls: Calls, city: City, plan: SimulationPlan) -> Ints:
    """Return the station ground of each call, (n,): that of the next open station if the plan closes its own.

    The published files do the same: calls before the closures of 2014 have the grounds of today.
    """
    stations = known_stations()
    closed = plan.closed_codes()
    heir = np.arange(len(stations))
    open_rows = np.array(
        [i for i, s in enumerate(stations) if s.status == "open" and s.code not in closed], dtype=np.int64
    )
    for row, station in enumerate(stations):
        if station.code in closed and len(open_rows):
            apart = [
                np.hypot(
                    stations[i].easting_m - station.easting_m, stations[i].northing_m - station.northing_m
                )
                for i in open_rows
            ]
            heir[row] = open_rows[int(np.argmin(apart))]
    return np.asarray(heir[city.cell_ground[city.location_cell[calls.location]]])


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A station of a neighbouring brigade, or a county if no station is known."""

    code: str
    name: str
    resource: str
    """The code of its engine."""
    easting_m: float
    northing_m: float
    is_listed: bool
    """True if the station is in the list of stations of the Brigade."""


# Stations in the records that the list does not have, so that their coordinates are unknown.
UNLISTED = (
    Neighbour("R31", "Cheshunt", "R311", 535_600, 202_700, is_listed=False),
    Neighbour("ESX", "Essex", "C241", 556_200, 196_300, is_listed=False),
    Neighbour("BUC", "Buckinghamshire", "C511", 503_300, 190_600, is_listed=False),
)


@cache
def neighbours() -> tuple[Neighbour, ...]:
    """Return every neighbouring station that may send an engine."""
    listed = tuple(
        Neighbour(s.code, s.name, f"{s.code}1", s.easting_m, s.northing_m, is_listed=True)
        for s in known_stations()
        if s.status == "border" and s.code != "KNT"
    )
    return listed + UNLISTED


@cache
def station_names() -> list[str]:
    """Return the names of `known_stations()`, then those of UNLISTED."""
    return [s.name for s in known_stations()] + [n.name for n in UNLISTED]


@cache
def station_codes() -> list[str]:
    """Return the codes of `known_stations()`, then those of UNLISTED."""
    return [s.code for s in known_stations()] + [n.code for n in UNLISTED]


def add_mutual_aid(records: Records, rng: np.random.Generator) -> tuple[Records, Ints]:
    """Let neighbouring brigades make some of the dispatches near them.

    Returns: the records with other deployed stations, and rows of `neighbours()`, (m,), -1 for pumps of London.
    """
    dispatches, location = records.dispatches, records.calls.location[records.dispatches.call]
    east, north = records.city.location_east_m[location], records.city.location_north_m[location]
    own_km, station = records.distance_km, dispatches.station.copy()
    visitor = np.full(len(dispatches), -1, dtype=np.int64)
    for row, neighbour in enumerate(neighbours()):
        apart_km = np.hypot(east - neighbour.easting_m, north - neighbour.northing_m) / 1000
        # a neighbour only comes if it is about as near as the pump of London
        near = (apart_km < REACH_KM) & (np.abs(apart_km - own_km) < 1.0 + 0.3 * own_km) & (visitor < 0)
        sent = near & (rng.random(len(dispatches)) < SHARE_SENT)
        visitor[sent] = row
        station[sent] = station_codes().index(neighbour.code)
    return with_deployed_stations(records, station), visitor
