"""The plan of a rehearsed year: its months, when their records arrive, and when each event happens.

Month 0 is the first whose records arrive during the rehearsal; months with negative numbers are history.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from londonpump.domain.errors import BadValue
from londonpump.simulation.plan import SimulationPlan

# From this day on the simulation has more special services and fewer fires, as London had.
SERVICES_GROW_FROM = date(2018, 1, 1)
# Soho, the busiest station of the simulation.
CLOSED_STATION = "A24"
# Records are published about eight weeks after the last day of their month.
PUBLISHED_AFTER = timedelta(days=57)
MIN_MONTHS, MAX_MONTHS = 3, 36
# While the records of a month arrive, the service answers calls that are this many months later.
LATENESS_MONTHS = 2
# Limits that give each draw of each month of each plan a seed of its own.
MAX_SEEDS, MAX_DRAWS = 1_000, 100


class Event(StrEnum):
    """An event of the year."""

    TRAINING_KILLED = "a training is killed"
    BAD_DATA = "bad records arrive"
    STATION_CLOSED = "a station closes"
    SERVICES_GROWN = "special services grow"
    BUNDLE_DAMAGED = "a bundle is damaged on disk"
    ROLLED_BACK = "a model is rolled back"


@dataclass(frozen=True, slots=True)
class YearPlan:
    """The size and the seed of a year. Raises: BadValue."""

    months: int = 12
    """Months whose records arrive one after another."""
    incidents_per_month: int = 3_000
    history_months: int = 12
    """Months of records before the first."""
    seed: int = 1

    def __post_init__(self) -> None:
        if not MIN_MONTHS <= self.months <= MAX_MONTHS:
            raise BadValue("months", self.months, f"give {MIN_MONTHS} to {MAX_MONTHS} months")
        if not MIN_MONTHS <= self.history_months <= MAX_MONTHS:
            allowed = f"give {MIN_MONTHS} to {MAX_MONTHS} months of records before the first"
            raise BadValue("history_months", self.history_months, allowed)
        if not 0 <= self.seed < MAX_SEEDS:
            raise BadValue("seed", self.seed, f"give a seed from 0 to {MAX_SEEDS - 1}")

    def number_of(self, event: Event) -> int:
        """Return the month of an event. The station closes half-way; special services grow one month later."""
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
        """Return the events of a month."""
        return tuple(event for event in Event if self.number_of(event) == number)

    def first_day(self, number: int) -> date:
        """Return the first London day of a month."""
        # counted back from the growth of special services, which has a fixed date in the simulation
        months = (
            12 * SERVICES_GROW_FROM.year
            + SERVICES_GROW_FROM.month
            - 1
            + number
            - self.number_of(Event.SERVICES_GROWN)
        )
        return date(months // 12, months % 12 + 1, 1)

    def decided_at(self, number: int) -> datetime:
        """Return when the records of a month are there and its models are evaluated (UTC)."""
        day = self.first_day(number + 1) - timedelta(days=1) + PUBLISHED_AFTER
        return datetime(day.year, day.month, day.day, 2, tzinfo=UTC)

    def simulation(self, number: int, draw: int = 0) -> SimulationPlan:
        """Return the simulation of a month. draw: 0 for what happens, others for equally likely months.

        Other draws have no injected faults, because the oracle needs the true values.
        """
        first, is_closed = self.first_day(number), number >= self.number_of(Event.STATION_CLOSED)
        months = 12 * first.year + first.month
        return SimulationPlan(
            incidents=self.incidents_per_month,
            start=first,
            days=(self.first_day(number + 1) - first).days,
            # unique per month, draw and plan
            seed=(months * MAX_DRAWS + draw) * MAX_SEEDS + self.seed,
            closed_stations=(CLOSED_STATION,) if is_closed else (),
            is_clean=draw > 0,
        )
