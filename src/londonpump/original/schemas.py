"""Requests and responses of the original's routes, with its spelling. Fields that we added come last in each schema."""

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from londonpump.domain.columns import RANGES, VISUAL_CROSSING_NAMES
from londonpump.service.field_formats import ApiModel, in_range

MAX_TEXT_LENGTH = 200
PUMPS_OUT = RANGES["pumps_out"]
READY = {"message": "Bienvenue sur l'api", "statut": "Ready"}


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _in_range(original_name: str) -> Any:
    return in_range(RANGES[VISUAL_CROSSING_NAMES[original_name]])


Text = Annotated[str, BeforeValidator(_stripped), Field(max_length=MAX_TEXT_LENGTH)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Flag = Annotated[int, Field(ge=0, le=1)]


class TimePumpRequest(ApiModel):
    """The 19 values of the original, each with its default."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, frozen=True)

    DeployedFromLocation: Text = Field("Home Station", description="Home Station or Other Station")
    Appliance: Text = Field("Pump Ladder", description="Pump Ladder or Pump Dual Ladder")
    PropertyCategory: Text = Field("Other Residential", description="Property category as in the records")
    AddressQualifier: Text = Field("Correct incident location", description="How exact the address is")
    IncidentType: Text = Field("Fire", description="One of the five types of incident")
    Distance: Annotated[Finite, Field(ge=0, le=1_000)] = Field(0.608, description="km, station to incident")
    TotalOfPumpInLondon_Out: Annotated[int, Field(ge=PUMPS_OUT.low, le=PUMPS_OUT.high)] = Field(
        3, description="Mobilisations of other incidents under way"
    )
    Station_Code_of_ressource: Text = Field("G30", description="Code of the station the pump leaves from")
    IncidentStationGround_Code: Text = Field("G30", description="Code of the ground of the incident")
    PumpAvailable: Text = Field("2", description="Pumps available on the ground, as text")
    month: Annotated[int, Field(ge=1, le=12)] = Field(1, description="Month, 1 to 12")
    temp: Annotated[float, _in_range("temp")] = Field(2.6, description="degrees C")
    precip: Annotated[float, _in_range("precip")] = Field(0.0, description="mm in the hour")
    cloudcover: Annotated[float, _in_range("cloudcover")] = Field(0.0, description="%")
    visibility: Annotated[float, _in_range("visibility")] = Field(28.3, description="km")
    conditions: Text = Field("Clear", description="Conditions of Visual Crossing, such as Rain, Overcast")
    workingday: Flag = Field(1, description="1: Monday to Friday and no bank holiday")
    school_holidays: Flag = Field(0, description="1: a day without school")
    congestion_rate: Annotated[float, in_range(RANGES["congestion_rate"])] = Field(
        0.04, description="0 is free flow"
    )


class TimePump(ApiModel):
    """The predicted time of a pump."""

    time_pump: str = Field(examples=["316 secondes"])
    """Seconds from mobilisation to arrival, as text in the original's form."""
    risk_underestimated: bool
    """Whether the pump may take much longer than announced."""
    time_pump_s: float
    """Median seconds from mobilisation to arrival."""
    p10_s: float
    """Seconds within which 10 % of such dispatches have arrived."""
    p90_s: float
    """Seconds within which 90 % of such dispatches have arrived."""
    risk_reasons: list[str]
    """Reasons for the warning; empty without one."""
    imputed: list[str]
    """`value=source` for each value that was not given or not known."""
    id: str
    """Id of this prediction in `/historique`, 24 hexadecimal digits."""
    model: str
    """Name of the model that answered."""


class HistoryEntry(ApiModel):
    """One prediction of the history."""

    id: str
    """Id of the prediction, 24 hexadecimal digits; of a prediction of `/v1/predictions` the first 24 digits of its
    id."""
    userId: str | None  # noqa: N815 - the original's name
    """Id of the account that asked, as `/me` shows it; null if it is not known."""
    prediction: int
    """Announced seconds, a whole number."""
    risk_underestimated: bool | None
    """Whether a warning was given; null if it is not known."""
    created_at: str = Field(examples=["2025-06-02 09:30:00.250000"])
    """When it was predicted, UTC without an offset."""


class Ready(ApiModel):
    """The status of the service, in the form of the original."""

    message: str
    """Greeting of the original."""
    statut: str
    """Always `Ready`."""
