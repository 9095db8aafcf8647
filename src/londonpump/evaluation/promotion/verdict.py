"""What the rule says: promote or keep, the reason in words, and the figures behind it."""

from dataclasses import dataclass, field
from typing import Any

PROMOTE, KEEP = "promote", "keep"


@dataclass(frozen=True, slots=True)
class Verdict:
    """action: `promote` or `keep`. reason: in words, for the ledger. evidence: for json, no NaN in it.

    rule: the name of what decided: `better`, `not_worse_and_newer`, `first`; or what stood in the way:
    `champion_unusable`, `challenger_unusable`, `latency`, `metric_missing`, `few_rows`, `tie`, `worse`,
    `slice_worse`, `coverage`, `calibration`.
    """

    action: str
    rule: str
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def is_promotion(self) -> bool:
        """Does the challenger take the champion's place?"""
        return self.action == PROMOTE
