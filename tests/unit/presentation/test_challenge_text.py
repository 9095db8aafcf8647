"""Texts of decisions: evidence of any version of the ledger is shown."""

from datetime import UTC, datetime
from typing import Any

from londonpump.presentation.texts.challenge import DecisionView, format_whole_decision


def text_of(evidence: dict[str, Any]) -> str:
    at = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    return format_whole_decision(
        DecisionView(at, "keep", "a" * 16, "a" * 16, "b" * 16, "tie", "a tie", evidence, "me", 7)
    )


def test_a_decision_by_hand_shows_its_evidence_as_it_is() -> None:
    assert text_of({"rows": 5, "is_forced": True}).endswith("rows: 5\nis_forced: True")


def test_a_comparison_without_a_champion_or_scores_is_shown() -> None:
    shown = text_of({"judged_by": "challenge", "rows": 1200, "days": 9, "challenger": {"latency_ms": None}})
    assert "1,200 mobilisations on 9 days, none to none" in shown
    assert "Difference" not in shown


def test_a_slice_that_got_worse_is_shown() -> None:
    worse = {"slice": "borough", "value": "X", "rows": 500, "difference_s": 8.0, "fails": True}
    slices = {"judged": [worse], "failing": ["borough=X"], "not_judged": {"borough": {"Y": 3}}}
    shown = text_of({"judged_by": "challenge", "rows": 1200, "days": 9, "slices": slices})
    assert "Slices: 1 evaluated, 1 worse, 1 with too few mobilisations\n  borough X: +8.0 s on 500" in shown
