"""`/v1/models`: the active model, the ledger, and decisions of supervisors."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from londonpump.domain.json_values import JsonObject
from londonpump.persistence.repositories.decisions import read_decisions
from londonpump.service.board.schemas import Reason
from londonpump.service.field_formats import BUNDLE, ApiModel, Responses, Strict
from londonpump.service.models.changes import promote_model, roll_back_model
from londonpump.service.rights import Analyst, SignedIn, Supervisor
from londonpump.service.state import State

BundleName = Annotated[str, Field(pattern=BUNDLE)]


class ChampionResponse(ApiModel):
    """The active model."""

    model: str
    """Name of the model that answers."""
    active_since_at: datetime
    """Time since which this model is active."""
    is_simulated: bool
    """Whether the model was trained on simulated records."""
    trained_from: str | None
    """First day of its training records."""
    trained_until: str | None
    """Day from which on it has seen no records."""
    training_rows: int | None
    """Number of training records."""
    features: list[str]
    """Names of the inputs that the model reads."""
    ledger_model: str | None
    """Name of the model that the ledger says is active."""
    problem: str | None
    """Reason why the model of the ledger is not active yet; null if it is."""


class DecisionResponse(ApiModel):
    """One line of the ledger."""

    id: int
    """Number of the line in the ledger."""
    decided_at: datetime
    """Time of the decision."""
    action: str
    """Action that was taken, such as `promote` or `roll back`."""
    champion_before: str | None
    """Model in production before the decision."""
    champion_after: str | None
    """Model in production after the decision."""
    challenger: str | None
    """Model that was compared with the champion."""
    verdict: str
    """Outcome of the comparison."""
    reason: str
    """Reason for the decision."""
    evidence: JsonObject
    """Figures that the decision was based on."""
    actor: str
    """Person or scheduled command that decided."""


class PromotionChange(Strict):
    """Request to activate a model."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"bundle": "8fc5eb8eaa6fb6fd", "why": "Better in all boroughs"}]}
    )

    bundle: BundleName
    """Name of a model that was compared with the active one, or was active before."""
    why: Reason
    """Reason, kept in the ledger."""


class RollBackChange(Strict):
    """Request to replace the active model by an earlier one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"why": "Late in Croydon since Monday"}]})

    why: Reason
    """Reason, kept in the ledger."""
    to: BundleName | None = None
    """Name of a model that was active before; the one that the active model replaced, if left out."""


class ModelChangeResponse(ApiModel):
    """The active model before and after a decision."""

    before: str | None
    """Model that was active before; null if none was."""
    after: str
    """Model that is active now."""
    is_new: bool
    """Whether it was activated by this request; if not, it was active already."""


router = APIRouter(prefix="/v1/models", tags=["models"])
# the largest integer of PostgreSQL: a larger one would be a database error instead of a 422
LARGEST_ID = 2**31 - 1


@router.get("/champion", operation_id="get_active_model", response_description="The active model.")
async def champion(_: SignedIn, state: State) -> ChampionResponse:
    """Return the active model; 503 while there is none."""
    active = state.champion.require()
    card = active.bundle.card
    return ChampionResponse(
        model=active.name,
        active_since_at=active.since_at,
        is_simulated=active.is_simulated,
        trained_from=card.data.trained_from.isoformat() if card.data.trained_from else None,
        trained_until=card.data.trained_until.isoformat(),
        training_rows=card.rows,
        features=list(card.features),
        ledger_model=state.champion.ledger_model,
        problem=state.champion.problem,
    )


@router.get(
    "/decisions", operation_id="list_decisions", response_description="Lines of the ledger, the newest first."
)
async def decisions(
    _: Analyst,
    state: State,
    at_most: Annotated[int, Query(ge=1, le=500, description="Number of decisions to return")] = 50,
    before_id: Annotated[
        int | None,
        Query(ge=1, le=LARGEST_ID, description="Only decisions before this id, for the next page"),
    ] = None,
) -> list[DecisionResponse]:
    """List the decisions about models, the newest first."""
    found = await state.store.read(lambda connection: read_decisions(connection, at_most, before_id))
    return [DecisionResponse(**asdict(decision)) for decision in found]


UNCHANGED: Responses = {409: {"description": "The model cannot be activated. Nothing was changed."}}


@router.post(
    "/promote", operation_id="promote_model", response_description="The active model.", responses=UNCHANGED
)
async def promote(person: Supervisor, state: State, change: PromotionChange) -> ModelChangeResponse:
    """Activate a model that was compared with the active one (also if it did not win), or was active before.

    A test in a process of its own first shows that it loads and predicts, which takes some seconds.
    """
    return ModelChangeResponse(**asdict(await promote_model(state, person, change.bundle, change.why)))


@router.post(
    "/roll-back",
    operation_id="roll_back_model",
    response_description="The active model.",
    responses=UNCHANGED,
)
async def roll_back(person: Supervisor, state: State, change: RollBackChange) -> ModelChangeResponse:
    """Activate an earlier model again, after the same test."""
    return ModelChangeResponse(**asdict(await roll_back_model(state, person, change.to, change.why)))
