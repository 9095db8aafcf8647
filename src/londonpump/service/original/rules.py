"""What the original's 19 values mean to the model, and what of them nobody knows.

A text that is in no list is "not stated": the original broke on it. What the client leaves out has the original's
default, as its contract says; both stand in `filled`. A station that does not exist is refused: there is no time
from nowhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from londonpump.brigade import kinds
from londonpump.brigade.clock import LONDON
from londonpump.brigade.stations import Station
from londonpump.models.bundle import Bundle
from londonpump.service.errors import Unprocessable
from londonpump.service.original.shapes import TimePumpAsked

M_PER_KM = 1000.0
NOT_STATED, DEFAULT = "not stated", "default"
STATION, GROUND = "Station_Code_of_ressource", "IncidentStationGround_Code"
SKY = frozenset(
    {"Clear", "Partially cloudy", "Overcast", "Rain", "Snow", "Ice", "Freezing Drizzle/Freezing Rain"}
)
"""Words of Visual Crossing; several stand with commas between."""
MOST_PUMPS = 50
FIRST_DAY = 13
"""The days from the 13th on are the middle of a month, and the clocks never change on them."""
WEDNESDAY, SUNDAY = 2, 6


@dataclass(frozen=True, slots=True)
class Understood:
    """texts, numbers: columns of `features.runs`, None unknown. filled: `value=source`."""

    station: Station
    ground_code: str
    distance_m: float
    at: datetime
    texts: Mapping[str, str | None]
    numbers: Mapping[str, float | None]
    filled: list[str]

    @property
    def at_hour(self) -> int:
        """Of London."""
        return self.at.astimezone(LONDON).hour


def understood(
    asked: TimePumpAsked, bundle: Bundle, stations: Mapping[str, Station], now: datetime
) -> Understood:
    """Raises: Unprocessable for a station or ground that cannot be used."""
    told = asked.model_fields_set
    filled = [label for name, label in _DEFAULTS.items() if name not in told]
    station = _station(asked.Station_Code_of_ressource.upper(), stations, now)
    ground_code = asked.IncidentStationGround_Code.upper()
    if ground_code not in stations:
        raise Unprocessable((GROUND, f"{ground_code!r} is no station. Use a code such as G30"))
    known = _Known(asked, filled)
    texts = {
        "deployed_from": known.text("DeployedFromLocation", _LOCATIONS) or kinds.HOME_STATION,
        "appliance": known.text("Appliance", _APPLIANCES),
        "property_category": known.text("PropertyCategory", bundle.domain.texts["property_category"]),
        "address_qualifier": known.text("AddressQualifier", bundle.domain.texts["address_qualifier"]),
        "incident_type": known.text("IncidentType", _TYPES),
        "conditions": known.conditions(),
    }
    numbers = {
        "pumps_out": float(asked.TotalOfPumpInLondon_Out),
        "ground_pumps_available": known.pumps_available(),
        "recent_ground_calls": None,
        "temp_c": asked.temp,
        "precip_mm": asked.precip,
        "cloudcover_pct": asked.cloudcover,
        "visibility_km": asked.visibility,
        "congestion_rate": asked.congestion_rate,
        "is_school_holiday": float(asked.school_holidays),
        "is_working_day": float(asked.workingday),
    }
    at = moment_meant(asked.month, asked.workingday == 1, now)
    return Understood(station, ground_code, asked.Distance * M_PER_KM, at, texts, numbers, filled)


def moment_meant(month: int, is_working_day: bool, now: datetime) -> datetime:
    """The time of day that it is in London, in the middle of a month of this year: on a Wednesday, or a Sunday for
    a day without work. UTC."""
    clock = now.astimezone(LONDON)
    first = clock.replace(month=month, day=FIRST_DAY, fold=0)
    days = ((WEDNESDAY if is_working_day else SUNDAY) - first.weekday()) % 7
    return (first + timedelta(days=days)).astimezone(UTC)


_DEFAULTS = {name: f"{name}={DEFAULT}" for name in TimePumpAsked.model_fields}
_LOCATIONS = frozenset({kinds.HOME_STATION, kinds.OTHER_STATION})
_APPLIANCES = frozenset(kinds.APPLIANCES.values())
_TYPES = frozenset(kinds.INCIDENT_TYPES)


@dataclass(frozen=True, slots=True)
class _Known:
    """What of the texts is known; the rest is noted in `filled`."""

    asked: TimePumpAsked
    filled: list[str]

    def text(self, name: str, known: frozenset[str]) -> str | None:
        value: str = getattr(self.asked, name)
        if value in known:
            return value
        self._not_stated(name)
        return None

    def conditions(self) -> str | None:
        value = self.asked.conditions
        if all(word.strip() in SKY for word in value.split(",")):
            return value
        self._not_stated("conditions")
        return None

    def pumps_available(self) -> float | None:
        value = self.asked.PumpAvailable
        if value.isascii() and value.isdigit() and len(value) <= 2 and int(value) <= MOST_PUMPS:
            return float(value)
        self._not_stated("PumpAvailable")
        return None

    def _not_stated(self, name: str) -> None:
        if _DEFAULTS[name] in self.filled:
            self.filled.remove(_DEFAULTS[name])
        self.filled.append(f"{name}={NOT_STATED}")


def _station(code: str, stations: Mapping[str, Station], now: datetime) -> Station:
    station = stations.get(code)
    if station is None:
        raise Unprocessable((STATION, f"{code!r} is no station. Use a code such as G30"))
    if station.status == "river":
        raise Unprocessable((STATION, f"{station.name} has no road pump"))
    if not station.is_open_on(now.astimezone(LONDON).date()):
        raise Unprocessable((STATION, f"{station.name} is not open today"))
    return station
