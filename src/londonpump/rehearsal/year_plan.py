"""A year to be lived in fast motion: which months are simulated, when their records come, and what befalls when.

A month has a number: 0 is the first whose records arrive while it is lived, the ones before are history.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from londonpump.domain.errors import BadValue
from londonpump.simulation.plan import SimulationPlan

SERVICES_GROW_FROM = date(2018, 1, 1)
"""From this day on the calls of a simulation have more special services and fewer fires, as London's had."""
CLOSED_STATION = "A24"
"""Soho, the busiest of the simulation."""
PUBLISHED_AFTER = timedelta(days=57)
"""Records come about eight weeks after the last day of their month."""
MIN_MONTHS, MAX_MONTHS = 3, 36
LATENESS_MONTHS = 2
"""The calls of so many months later are those that the service answers while a month's records arrive."""
MAX_SEEDS, MAX_DRAWS = 1_000, 100
"""Each draw of each month of each seed is drawn by itself."""


class Event(StrEnum):
    """What befalls in a year besides its months."""

    TRAINING_KILLED = "a training is killed"
    BAD_DATA = "a bad month of data comes"
    STATION_CLOSED = "a station closes"
    SERVICES_GROWN = "special services grow"
    BUNDLE_DAMAGED = "a bundle is damaged on disk"
    ROLLED_BACK = "a model is taken back"


@dataclass(frozen=True, slots=True)
class YearPlan:
    """months: whose records arrive one after another; history_months: of records that are there before.

    Raises: BadValue.
    """

    months: int = 12
    incidents_a_month: int = 3_000
    history_months: int = 12
    seed: int = 1

    def __post_init__(self) -> None:
        if not MIN_MONTHS <= self.months <= MAX_MONTHS:
            raise BadValue("months", self.months, f"live {MIN_MONTHS} to {MAX_MONTHS} months")
        if not MIN_MONTHS <= self.history_months <= MAX_MONTHS:
            allowed = f"give {MIN_MONTHS} to {MAX_MONTHS} months of records before the first"
            raise BadValue("history_months", self.history_months, allowed)
        if not 0 <= self.seed < MAX_SEEDS:
            raise BadValue("seed", self.seed, f"give a seed from 0 to {MAX_SEEDS - 1}")

    def number_of(self, event: Event) -> int:
        """The month in which something befalls. Half-way the station closes, a month later special services grow."""
        months = self.months
        return {
            Event.TRAINING_KILLED: max(1, months // 6),
            Event.BAD_DATA: max(1, months // 3),
            Event.STATION_CLOSED: months // 2,
            Event.SERVICES_GROWN: months // 2 + 1,
            Event.BUNDLE_DAMAGED: 2 * months // 3,
            Event.ROLLED_BACK: 3 * months // 4,
        }[event]

    def events_of(self, number: int) -> tuple[Event, ...]:
        """What befalls in a month."""
        return tuple(event for event in Event if self.number_of(event) == number)

    def first_day(self, number: int) -> date:
        """Of a month, London's."""
        months = (
            12 * SERVICES_GROW_FROM.year
            + SERVICES_GROW_FROM.month
            - 1
            + number
            - self.number_of(Event.SERVICES_GROWN)
        )
        return date(months // 12, months % 12 + 1, 1)

    def decided_at(self, number: int) -> datetime:
        """When a month's records are there and the models are judged, UTC: eight weeks after its end."""
        day = self.first_day(number + 1) - timedelta(days=1) + PUBLISHED_AFTER
        return datetime(day.year, day.month, day.day, 2, tzinfo=UTC)

    def simulation(self, number: int, draw: int = 0) -> SimulationPlan:
        """A month of the Brigade. draw: 0 is what happens; the others are what might have happened as well.

        Draws are without faults of publishing: they say what is true.
        """
        first, is_closed = self.first_day(number), number >= self.number_of(Event.STATION_CLOSED)
        months = 12 * first.year + first.month
        return SimulationPlan(
            incidents=self.incidents_a_month,
            start=first,
            days=(self.first_day(number + 1) - first).days,
            seed=(months * MAX_DRAWS + draw) * MAX_SEEDS + self.seed,
            closed_stations=(CLOSED_STATION,) if is_closed else (),
            is_clean=draw > 0,
        )
