"""What the operator is told. Answers are built as plain values and stored as text; these shapes document them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from londonpump.service.board.rules import State
from londonpump.service.field_formats import ApiModel


class Shown(ApiModel):
    """Nothing is told that does not stand here."""

    model_config = ConfigDict(extra="forbid")


class ModelTold(Shown):
    """The model that answered. trained_until: the day from which it has seen nothing."""

    name: str
    """Name of the model."""
    is_simulated: bool
    """Whether the model was trained on simulated records."""
    trained_until: str | None
    """Day from which it has seen no records."""


class StationTold(Shown):
    """A fire station."""

    code: str
    """Code of the station."""
    name: str
    """Name of the station."""


class PlaceTold(Shown):
    """The place as understood. For a place that is only named, easting_m and northing_m are the middle of the
    `points` past places that stand for it; station_ground: null where they lie on more than one."""

    easting_m: float
    """Easting of the British grid."""
    northing_m: float
    """Northing of the British grid."""
    named: str | None
    """District or ground, if the place was only named."""
    points: int
    """Number of past places that represent a place that was only named; 1 for coordinates."""
    station_ground: StationTold | None
    """Station on whose ground the place is; null if the places lie on several grounds."""


class PumpsNeeded(Shown):
    """How many pumps such calls get. chances: of 1, 2, 3, 4, and 5 or more."""

    number: int
    """Most likely number of pumps."""
    chances: dict[str, float]
    """Chance of 1, 2, 3, 4, and 5 or more pumps."""


class ReasonTold(Shown):
    """What adds to the p50, or takes from it; together they are the p50."""

    about: str
    """Input that the reason is about."""
    seconds: float
    """Seconds that it adds to the p50; below 0 if it takes some away."""
    words: str
    """The reason in words."""


class Warned(Shown):
    """risk_underestimated: it may take much longer than announced."""

    risk_underestimated: bool
    """Whether the pump may take much longer than announced."""
    words: str | None
    """The warning in words; null without one."""


class CandidateTold(Shown):
    """A pump, from being mobilised to arriving. distance_m: straight; for a place that is only named, the mean.

    home_station: where the pump sets out from another. state: by the board; is_assumed where nobody knows.
    filled: what was filled in or lies outside the records for this pump alone.
    """

    pump: str
    """Code of the pump."""
    station: StationTold
    """Station from which the pump sets out."""
    home_station: StationTold | None
    """The pump's own station, where it sets out from another one."""
    distance_m: float
    """Straight distance to the place; the mean for a place that was only named."""
    mean_s: float
    """Expected seconds from mobilisation to arrival."""
    p10_s: float
    """Seconds by which 10 % of such runs have arrived."""
    p50_s: float
    """Seconds by which half of such runs have arrived: the announced time."""
    p90_s: float
    """Seconds by which 90 % of such runs have arrived."""
    chance_within_s: dict[str, float]
    """Chance of arriving within so many seconds."""
    warning: Warned
    """Whether the announced time is likely to be too low."""
    state: State
    """What the pump does, by the board."""
    is_assumed: bool
    """Whether the state is not known and was assumed."""
    reported_at: datetime | None
    """When the state was last reported; null if never."""
    filled: list[str]
    """What was filled in or lies outside the records for this pump alone, `column=source`."""
    reasons: list[ReasonTold]
    """What the p50 is made of."""


class SecondPump(Shown):
    """When two pumps are there, if the first two candidates are sent: the later of the two.

    They are taken to go together as far as they do in simulated records: what slows down one slows down the other."""

    pump: str
    """Code of the pump that arrives second."""
    p10_s: float
    """Seconds by which both have arrived in 10 % of such pairs."""
    p50_s: float
    """Seconds by which both have arrived in half of such pairs."""
    p90_s: float
    """Seconds by which both have arrived in 90 % of such pairs."""


class ContextTold(Shown):
    """One value. source: `call` as stated, a publisher, or what the model puts in place (`climate`, `profile`,
    `default`). is_filled: it stands in for one that is not known."""

    value: float | bool | str | None
    """The value that was used; null if there is none."""
    unit: str | None
    """Unit of the value."""
    source: str | None
    """`call` as stated, a publisher, or what the model puts in place (`climate`, `profile`, `default`)."""
    observed_at: datetime | None
    """When the value was observed."""
    age_min: float | None
    """Age of the observation."""
    is_filled: bool
    """Whether it replaces a value that is not known."""


class PredictionShown(Shown):
    """candidates: by p50. pumps_out, ground_pumps_available, recent_ground_calls: null where the board is not known.

    filled: `column=source` of what the question did not say. missing: what nobody knows, in words.
    warning: about the answer as a whole: no pump can be ranked, or the board is old, could not be read, or is not known
    for the time asked about.
    """

    id: str
    """Id of the prediction."""
    at: datetime
    """Time of the mobilisation that was predicted for."""
    incident_number: str | None
    """Number of the incident, as asked."""
    model: ModelTold
    """The model that answered."""
    place: PlaceTold
    """The place as it was understood."""
    pumps_needed: PumpsNeeded
    """How many pumps such calls get."""
    candidates: list[CandidateTold]
    """Pumps that can be sent, the quickest (p50) first."""
    second_pump: SecondPump | None
    """When two pumps have arrived, if the first two candidates are sent."""
    ranked: int = Field(description="Pumps that were ranked; no more than `return_at_most` are told.")
    context: dict[str, ContextTold]
    """Inputs by name, each with its source and age."""
    pumps_out: float | None
    """Mobilisations of other incidents under way; null where the board is not known."""
    ground_pumps_available: float | None
    """Free pumps of the incident's ground; null where the board is not known."""
    recent_ground_calls: float | None
    """Other calls on the same ground in the 30 minutes before; null where the board is not known."""
    filled: list[str]
    """`column=source` of what the question did not say."""
    missing: list[str]
    """What is not known, in words."""
    board_age_s: float | None = None
    """Seconds since the board was last known to be that of the database; null where no board was used."""
    warning: str | None
    """Warning about the answer as a whole; null without one."""


class ItemProblem(Shown):
    """Why one question of a batch has no answer."""

    status: Literal[422]
    """Status that the question alone would have been answered with."""
    detail: str
    """What is wrong with the question."""
    errors: list[dict[str, Any]]
    """Each value that cannot be used."""


class BatchItem(Shown):
    """An answer, or why there is none."""

    answer: PredictionShown | None
    """The prediction; null if there is none."""
    problem: ItemProblem | None
    """Why there is no prediction; null if there is one."""


class BatchShown(Shown):
    """One item a question, in their order."""

    items: list[BatchItem]
    """One item per question, in their order."""
