"""The text of `train`."""

from dataclasses import replace

from londonpump.models.bundle import Bundle
from londonpump.presentation.texts.models import training_notes


def notes(bundle: Bundle, left_out_share: float | None) -> str:
    card = replace(bundle.card, data=replace(bundle.card.data, left_out_share=left_out_share))
    return "\n".join(training_notes(card))


def test_the_share_that_is_left_to_evaluate_on_is_shown(small_bundle: Bundle) -> None:
    assert "Left out, to evaluate the model on: 7.2% of the mobilisations." in notes(small_bundle, 0.072)


def test_a_training_on_everything_warns_that_nothing_is_left_to_evaluate(small_bundle: Bundle) -> None:
    shown = notes(small_bundle, 0.0)
    assert "Nothing is left to evaluate the model on" in shown
    assert "Train with an earlier --until" in shown
    assert "Left out" not in shown
