"""`/v1/models/champion` and `/v1/models/decisions`."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from londonpump.domain.json_values import JsonObject
from londonpump.persistence.repositories.decisions import read_decisions
from londonpump.service.field_formats import ApiModel
from londonpump.service.rights import Analyst, SignedIn
from londonpump.service.state import State


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
