"""`models compare` applies the promotion rule to any two bundles and records nothing."""

import json
from datetime import UTC, date, datetime

import pytest
from support.altered_bundles import slower, smoke_test_here
from support.running_service import another, put_in_store, settings_for
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.errors import BadFile, BadValue
from londonpump.domain.json_values import to_document
from londonpump.evaluation.promotion.evidence import PromotionSettings
from londonpump.lifecycle.challenge import ChallengeRequest, compare
from londonpump.presentation.texts.challenge import format_comparison
from londonpump.registry.manual_decisions import SimulatedModel, ledger

SMALL = PromotionSettings(
    min_rows=100, min_days=3, min_slice_rows=10_000, cover_low_share=0.5, cover_high_share=1.0,
    calibration_error=1.0, resamples=200, latency_ms=10_000.0,
)  # fmt: skip
"""As `test_challenge_decisions` has it."""


@pytest.fixture
def settings(tmp_path):
    return settings_for(f"sqlite:///{tmp_path}/a.db", tmp_path)


@pytest.fixture
def request_(small_brigade) -> ChallengeRequest:
    now = datetime(2023, 4, 1, tzinfo=UTC)
    return ChallengeRequest(small_brigade.data, rule=SMALL, now=now, smoke_tester=smoke_test_here)


@pytest.fixture
def good(small_brigade, tmp_path) -> str:
    return put_in_store(small_brigade.bundle, tmp_path).name


@pytest.fixture
def bad(small_brigade, tmp_path) -> str:
    return slower(small_brigade.bundle, tmp_path, 600).name


def test_the_better_one_would_take_the_place_and_the_other_would_not(settings, request_, good, bad) -> None:
    there, back = compare(settings, (bad, good), request_), compare(settings, (good, bad), request_)
    assert (there.verdict, back.verdict) == ("better", "worse")
    assert f"As a challenger of {bad}, {good} would replace it (better)" in format_comparison(there)
    assert "would not replace it (worse)" in format_comparison(back)


def test_nothing_is_recorded(settings, request_, good, bad) -> None:
    compare(settings, (bad, good), request_)
    assert ledger(settings, 9) == []


def test_rows_are_later_than_both_trainings(settings, request_, small_brigade, good, tmp_path) -> None:
    later = slower(small_brigade.bundle, tmp_path, 5, trained_until="2023-03-28").name
    for pair in ((good, later), (later, good)):
        done = compare(settings, pair, request_)
        assert (done.judged_from, done.evidence.from_date) == (date(2023, 3, 28), date(2023, 3, 28))


def test_a_folder_and_a_hash_of_the_same_are_the_same(settings, request_, small_brigade, good) -> None:
    with pytest.raises(BadValue, match="is named twice"):
        compare(settings, (good, str(small_brigade.bundle)), request_)


@pytest.mark.parametrize("position", [0, 1])
def test_one_that_does_not_load_is_named(position, settings, request_, small_brigade, good, tmp_path) -> None:
    broken = another(small_brigade.bundle, tmp_path, schema=999).name
    pair = (broken, good) if position == 0 else (good, broken)
    with pytest.raises(BadFile, match=f"{broken}.*Name another"):
        compare(settings, pair, request_)


def test_a_real_one_and_a_made_up_one_say_nothing_about_each_other(
    settings, request_, small_brigade, good, tmp_path
) -> None:
    real = slower(small_brigade.bundle, tmp_path, 5, is_simulated=False).name
    with pytest.raises(SimulatedModel, match="from real records"):
        compare(settings, (good, real), request_)


def test_for_another_program_it_is_json(settings, request_, good, bad) -> None:
    value = json.loads(json.dumps(to_document(compare(settings, (bad, good), request_))))
    assert (value["first"], value["second"], value["action"]) == (bad, good, "promote")


def test_the_command_judges_by_the_rule_as_it_is(own_home, small_brigade, bad, tmp_path) -> None:
    pair = (str(small_brigade.bundle), str(tmp_path / "bundles" / bad))
    result = CliRunner().invoke(app, ["models", "compare", *pair, "--data", str(small_brigade.data)])
    assert result.exit_code == 0, result.output
    assert "would not replace it" in result.stdout
