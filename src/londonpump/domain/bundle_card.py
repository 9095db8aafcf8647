"""The card of a bundle, as far as the ledger, monitoring and texts read it."""

from dataclasses import dataclass

from londonpump.domain.json_values import JsonObject


@dataclass(frozen=True, slots=True)
class CardFacts:
    """Facts about a bundle that the ledger keeps too; what the card of an earlier version lacks is None."""

    is_simulated: bool | None = None
    data_hash: str | None = None
    trained_from: str | None = None
    """First day of the training data, in ISO form."""
    trained_until: str | None = None
    """First day after the training data."""
    rows: int | None = None
    code_version: str | None = None


@dataclass(frozen=True, slots=True)
class BundleCard(CardFacts):
    """Facts about the training of a bundle."""

    seed: int | None = None
    features: tuple[str, ...] | None = None
    roads: JsonObject | None = None
    """Name and credits of the table of roads that the bundle needs."""
