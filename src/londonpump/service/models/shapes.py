"""What is told about models."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel


class ChampionShown(BaseModel):
    """The model that answers. named: what the ledger names, and problem why that one does not answer yet."""

    model: str
    on_duty_since_at: datetime
    is_simulated: bool
    trained_from: str | None
    trained_until: str | None
    training_rows: int | None
    features: list[str]
    named: str | None
    problem: str | None


class DecisionShown(BaseModel):
    """One line of the ledger."""

    id: int
    decided_at: datetime
    action: str
    champion_before: str | None
    champion_after: str | None
    challenger: str | None
    verdict: str
    reason: str
    evidence: dict[str, Any]
    actor: str
