"""What the original's routes take and give, in its own spelling. Additions of ours stand at the end of each."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

LONGEST_TEXT = 200
READY = {"message": "Bienvenue sur l'api", "statut": "Ready"}


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_stripped), Field(max_length=LONGEST_TEXT)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Flag = Annotated[int, Field(ge=0, le=1)]


class TimePumpAsked(BaseModel):
    """The 19 values of the original, each with its default."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, frozen=True)

    DeployedFromLocation: Text = Field("Home Station", description="Home Station or Other Station")
    Appliance: Text = Field("Pump Ladder", description="Pump Ladder or Pump Dual Ladder")
    PropertyCategory: Text = "Other Residential"
    AddressQualifier: Text = "Correct incident location"
    IncidentType: Text = Field("Fire", description="One of the five types of incident")
    Distance: Annotated[Finite, Field(ge=0, le=1_000)] = Field(0.608, description="km, station to incident")
    TotalOfPumpInLondon_Out: Annotated[int, Field(ge=0, le=1_000)] = 3
    Station_Code_of_ressource: Text = Field("G30", description="Code of the station the pump leaves from")
    IncidentStationGround_Code: Text = Field("G30", description="Code of the ground of the incident")
    PumpAvailable: Text = Field("2", description="Pumps available on the ground, as text")
    month: Annotated[int, Field(ge=1, le=12)] = 1
    temp: Annotated[Finite, Field(ge=-40, le=50)] = Field(2.6, description="degrees C")
    precip: Annotated[Finite, Field(ge=0, le=300)] = Field(0.0, description="mm in the hour")
    cloudcover: Annotated[Finite, Field(ge=0, le=100)] = Field(0.0, description="%")
    visibility: Annotated[Finite, Field(ge=0, le=200)] = Field(28.3, description="km")
    conditions: Text = Field("Clear", description="Words of Visual Crossing, such as Rain, Overcast")
    workingday: Flag = 1
    school_holidays: Flag = 0
    congestion_rate: Annotated[Finite, Field(ge=0, le=10)] = Field(0.04, description="0 is free flow")


class TimePump(BaseModel):
    """time_pump: as the original says it. time_pump_s: the median. risk_because: why the warning, empty without one.

    filled: `value=source` of whatever was not told, or told in words that nobody knows.
    """

    time_pump: str = Field(examples=["316 secondes"])
    risk_underestimated: bool
    time_pump_s: float
    p10_s: float
    p90_s: float
    risk_because: list[str]
    filled: list[str]
    id: str
    model: str


class HistoryEntry(BaseModel):
    """prediction: whole seconds. created_at: UTC, as the original wrote it. userId: null if nobody knows whose."""

    id: str
    userId: str | None  # noqa: N815 - the original's name
    prediction: int
    risk_underestimated: bool | None
    created_at: str = Field(examples=["2025-06-02 09:30:00.250000"])


class Ready(BaseModel):
    """That the service runs, in the original's words."""

    message: str
    statut: str
