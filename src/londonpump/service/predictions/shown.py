"""What the operator is told. Answers are built as plain values and stored as text; these shapes document them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from londonpump.service.board.rules import State


class Shown(BaseModel):
    """Nothing is told that does not stand here."""

    model_config = ConfigDict(extra="forbid")


class ModelTold(Shown):
    """The model that answered. trained_until: the day from which it has seen nothing."""

    name: str
    is_simulated: bool
    trained_until: str | None


class StationTold(Shown):
    """A fire station."""

    code: str
    name: str


class PlaceTold(Shown):
    """The place as understood. For a place that is only named, easting_m and northing_m are the middle of the
    `points` past places that stand for it; station_ground: null where they lie on more than one."""

    easting_m: float
    northing_m: float
    named: str | None
    points: int
    station_ground: StationTold | None


class PumpsNeeded(Shown):
    """How many pumps such calls get. chances: of 1, 2, 3, 4, and 5 or more."""

    number: int
    chances: dict[str, float]


class ReasonTold(Shown):
    """What adds to the p50, or takes from it; together they are the p50."""

    about: str
    seconds: float
    words: str


class Warned(Shown):
    """risk_underestimated: it may take much longer than announced."""

    risk_underestimated: bool
    words: str | None


class CandidateTold(Shown):
    """A pump, from being mobilised to arriving. distance_m: straight; for a place that is only named, the mean.

    home_station: where the pump sets out from another. state: by the board; is_assumed where nobody knows.
    filled: what was filled in or lies outside the records for this pump alone.
    """

    pump: str
    station: StationTold
    home_station: StationTold | None
    distance_m: float
    mean_s: float
    p10_s: float
    p50_s: float
    p90_s: float
    chance_within_s: dict[str, float]
    warning: Warned
    state: State
    is_assumed: bool
    reported_at: datetime | None
    filled: list[str]
    reasons: list[ReasonTold]


class SecondPump(Shown):
    """When two pumps are there, if the first two candidates are sent: the later of the two.

    They are taken to go together as far as they do in simulated records: what slows down one slows down the other."""

    pump: str
    p10_s: float
    p50_s: float
    p90_s: float


class ContextTold(Shown):
    """One value. source: `call` as stated, a publisher, or what the model puts in place (`climate`, `profile`,
    `default`). is_filled: it stands in for one that is not known."""

    value: float | bool | str | None
    unit: str | None
    source: str | None
    observed_at: datetime | None
    age_min: float | None
    is_filled: bool


class PredictionShown(Shown):
    """candidates: by p50. pumps_out, ground_pumps_available, recent_ground_calls: null where the board is not known.

    filled: `column=source` of what the question did not say. missing: what nobody knows, in words.
    warning: about the answer as a whole.
    """

    id: str
    at: datetime
    incident_number: str | None
    model: ModelTold
    place: PlaceTold
    pumps_needed: PumpsNeeded
    candidates: list[CandidateTold]
    second_pump: SecondPump | None
    ranked: int = Field(description="Pumps that were ranked; no more than `return_at_most` are told.")
    context: dict[str, ContextTold]
    pumps_out: float | None
    ground_pumps_available: float | None
    recent_ground_calls: float | None
    filled: list[str]
    missing: list[str]
    warning: str | None


class ItemProblem(Shown):
    """Why one question of a batch has no answer."""

    status: Literal[422]
    detail: str
    errors: list[dict[str, Any]]


class BatchItem(Shown):
    """An answer, or why there is none."""

    answer: PredictionShown | None
    problem: ItemProblem | None


class BatchShown(Shown):
    """One item a question, in their order."""

    items: list[BatchItem]
