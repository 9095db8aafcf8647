"""What is told about models."""

from datetime import datetime
from typing import Any

from londonpump.service.field_formats import ApiModel


class ChampionShown(ApiModel):
    """The model that answers. named: what the ledger names, and problem why that one does not answer yet."""

    model: str
    """Name of the model that answers."""
    on_duty_since_at: datetime
    """Since when this model answers."""
    is_simulated: bool
    """Whether the model was trained on simulated records."""
    trained_from: str | None
    """First day of its training records."""
    trained_until: str | None
    """Day from which it has seen no records."""
    training_rows: int | None
    """Number of training records."""
    features: list[str]
    """Names of the inputs that the model reads."""
    named: str | None
    """Name of the model that the ledger names."""
    problem: str | None
    """Why the named model does not answer; null if it does."""


class DecisionShown(ApiModel):
    """One line of the ledger."""

    id: int
    """Number of the line in the ledger."""
    decided_at: datetime
    """When it was decided."""
    action: str
    """What was done, such as `promote` or `roll back`."""
    champion_before: str | None
    """Model in production before."""
    champion_after: str | None
    """Model in production afterwards."""
    challenger: str | None
    """Model that was compared with it."""
    verdict: str
    """Outcome of the comparison."""
    reason: str
    """Why, in words."""
    evidence: dict[str, Any]
    """Figures that the decision was based on."""
    actor: str
    """Who decided: a person or a scheduled command."""
