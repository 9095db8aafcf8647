"""Translate the original's 19 values into the inputs of the model.

A text that is in no list counts as "not stated" (the original failed on it). A value that is left out has the
original's default, as its contract says. Both are listed in `imputed`. A station that does not exist is rejected.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from londonpump.domain import incident_types
from londonpump.domain.london_clock import LONDON
from londonpump.domain.stations import Station
from londonpump.models.bundle import Bundle
from londonpump.original.schemas import TimePumpRequest
from londonpump.service.errors import Unprocessable

M_PER_KM = 1000.0
NOT_STATED, DEFAULT = "not stated", "default"
STATION, GROUND = "Station_Code_of_ressource", "IncidentStationGround_Code"
SKY = frozenset(
    {"Clear", "Partially cloudy", "Overcast", "Rain", "Snow", "Ice", "Freezing Drizzle/Freezing Rain"}
)
"""Conditions of Visual Crossing; a text may have several, separated by commas."""
MAX_PUMPS = 50
# the week from the 13th is the middle of a month, and the clocks never change in it
FIRST_DAY = 13
WEDNESDAY, SUNDAY = 2, 6


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A request in the terms of the model."""

    station: Station
    ground_code: str
    distance_m: float
    at: datetime
    texts: Mapping[str, str | None]
    """Categorical columns of `features.dispatches`; None if unknown."""
    numbers: Mapping[str, float | None]
    """Numeric columns of `features.dispatches`; None if unknown."""
    imputed: list[str]
    """`value=source` for each value that was left out or not known."""

    @property
    def at_hour(self) -> int:
        """Hour of the day in London."""
        return self.at.astimezone(LONDON).hour


def parse_request(
    request: TimePumpRequest, bundle: Bundle, stations: Mapping[str, Station], now: datetime
) -> ParsedRequest:
    """Translate a request. Raises: Unprocessable for a station or ground that cannot be used."""
    stated = request.model_fields_set
    imputed = [label for name, label in _DEFAULTS.items() if name not in stated]
    station = _station(request.Station_Code_of_ressource.upper(), stations, now)
    ground_code = request.IncidentStationGround_Code.upper()
    if ground_code not in stations:
        raise Unprocessable((GROUND, f"{ground_code!r} is not a station. Use a code such as G30"))
    known = _RequestTexts(request, imputed)
    texts = {
        "deployed_from": known.text("DeployedFromLocation", _LOCATIONS) or incident_types.HOME_STATION,
        "appliance": known.text("Appliance", _APPLIANCES),
        "property_category": known.text(
            "PropertyCategory", bundle.applicability_domain.texts["property_category"]
        ),
        "address_qualifier": known.text(
            "AddressQualifier", bundle.applicability_domain.texts["address_qualifier"]
        ),
        "incident_type": known.text("IncidentType", _TYPES),
        "conditions": known.conditions(),
    }
    numbers = {
        "pumps_out": float(request.TotalOfPumpInLondon_Out),
        "ground_pumps_available": known.pumps_available(),
        "recent_ground_calls": None,
        "temp_c": request.temp,
        "precip_mm": request.precip,
        "cloudcover_pct": request.cloudcover,
        "visibility_km": request.visibility,
        "congestion_rate": request.congestion_rate,
        "is_school_holiday": float(request.school_holidays),
        "is_working_day": float(request.workingday),
    }
    at = inferred_time(request.month, request.workingday == 1, now)
    return ParsedRequest(station, ground_code, request.Distance * M_PER_KM, at, texts, numbers, imputed)


def inferred_time(month: int, is_working_day: bool, now: datetime) -> datetime:
    """Return, in UTC, the present London time of day on a typical day of a month of this year.

    The day is a Wednesday in the middle of the month, or a Sunday if it is not a working day.
    """
    # computed on the London clock, as the UTC offset of the month may differ from that of today
    clock = now.astimezone(LONDON)
    first = clock.replace(month=month, day=FIRST_DAY, fold=0)
    days = ((WEDNESDAY if is_working_day else SUNDAY) - first.weekday()) % 7
    return (first + timedelta(days=days)).astimezone(UTC)


_DEFAULTS = {name: f"{name}={DEFAULT}" for name in TimePumpRequest.model_fields}
_LOCATIONS = frozenset({incident_types.HOME_STATION, incident_types.OTHER_STATION})
_APPLIANCES = frozenset(incident_types.APPLIANCES.values())
_TYPES = frozenset(incident_types.INCIDENT_TYPES)


@dataclass(frozen=True, slots=True)
class _RequestTexts:
    """Read the texts of a request, and list those that are not known in `imputed`."""

    request: TimePumpRequest
    imputed: list[str]

    def text(self, name: str, known: frozenset[str]) -> str | None:
        value: str = getattr(self.request, name)
        if value in known:
            return value
        self._not_stated(name)
        return None

    def conditions(self) -> str | None:
        value = self.request.conditions
        if all(word.strip() in SKY for word in value.split(",")):
            return value
        self._not_stated("conditions")
        return None

    def pumps_available(self) -> float | None:
        value = self.request.PumpAvailable
        # isdigit alone accepts superscripts and digits of other scripts
        if value.isascii() and value.isdigit() and len(value) <= 2 and int(value) <= MAX_PUMPS:
            return float(value)
        self._not_stated("PumpAvailable")
        return None

    def _not_stated(self, name: str) -> None:
        # one label per value: "not stated" replaces "default"
        if _DEFAULTS[name] in self.imputed:
            self.imputed.remove(_DEFAULTS[name])
        self.imputed.append(f"{name}={NOT_STATED}")


def _station(code: str, stations: Mapping[str, Station], now: datetime) -> Station:
    station = stations.get(code)
    if station is None:
        raise Unprocessable((STATION, f"{code!r} is not a station. Use a code such as G30"))
    # the river station has a boat, whose runs are not predicted
    if station.status == "river":
        raise Unprocessable((STATION, f"{station.name} has no road pump"))
    if not station.is_open_on(now.astimezone(LONDON).date()):
        raise Unprocessable((STATION, f"{station.name} is not open today"))
    return station
