"""`/v1/models/champion` and `/v1/models/decisions`."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from londonpump.service.models.schemas import ChampionShown, DecisionShown
from londonpump.service.rights import Analyst, SignedIn
from londonpump.service.state import State
from londonpump.storage.database.decision_repository import read_decisions

router = APIRouter(prefix="/v1/models", tags=["models"])
LARGEST_ID = 2**31 - 1


@router.get("/champion", operation_id="get_active_model", response_description="The model that answers.")
async def champion(_: SignedIn, state: State) -> ChampionShown:
    """The model on duty. 503 while there is none."""
    active = state.champion.require()
    card = active.bundle.card
    return ChampionShown(
        model=active.name,
        on_duty_since_at=active.since_at,
        is_simulated=active.is_simulated,
        trained_from=card.get("trained_from"),
        trained_until=card.get("trained_until"),
        training_rows=card.get("rows"),
        features=list(card.get("features", ())),
        named=state.champion.named,
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
) -> list[DecisionShown]:
    """Who put which model on duty, when and why; the newest first."""
    found = await state.store.read(lambda connection: read_decisions(connection, at_most, before_id))
    return [DecisionShown(**asdict(decision)) for decision in found]
