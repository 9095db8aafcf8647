"""`challenge` judges the newest model against the active one once, on later rows, and promotes the bundle that was judged."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from threading import Barrier, Thread

import pytest
from support.altered_bundles import numberless, slower, smoke_test_here
from support.running_service import another, files_of, name_champion, put_in_store, settings_for
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.errors import BadFile
from londonpump.evaluation.promotion.evidence import PromotionSettings
from londonpump.lifecycle.challenge import ChallengeRequest, challenge
from londonpump.persistence.bundles import CARD, load_bundle, save_bundle
from londonpump.persistence.database import open_database, reading, writing
from londonpump.persistence.repositories.audit import read_audit, verify_audit
from londonpump.persistence.repositories.decisions import PROMOTE, Decision, active_champion
from londonpump.registry.ledger import open_registry
from londonpump.registry.manual_decisions import BY_HAND, SimulatedModel, ledger

AT = datetime(2023, 4, 1, tzinfo=UTC)
SMALL = PromotionSettings(
    min_rows=100, min_days=3, min_slice_rows=10_000, cover_low_share=0.5, cover_high_share=1.0,
    calibration_error=1.0, resamples=200, latency_ms=10_000.0,
)  # fmt: skip
"""Four days are judged here; what the rule makes of slices and promises is tested where the rule is."""


@pytest.fixture
def settings(database_url, tmp_path):
    return settings_for(database_url, tmp_path)


@pytest.fixture
def embedded(tmp_path):
    return settings_for(f"sqlite:///{tmp_path}/a.db", tmp_path)


@pytest.fixture
def request_(small_brigade) -> ChallengeRequest:
    return ChallengeRequest(small_brigade.data, rule=SMALL, now=AT, smoke_tester=smoke_test_here)


@pytest.fixture
def bundle(small_brigade):
    return small_brigade.bundle


def activate(settings, folder) -> None:
    """Activate a bundle by hand, without the smoke test in another process."""
    card = json.loads((folder / CARD).read_bytes())
    with open_registry(settings) as registry:
        registry.store.copy_in(folder)
        with writing(registry.engine) as connection:
            before = active_champion(connection)
            evidence = {"is_simulated": card["is_simulated"], "trained_until": card["trained_until"]}
            registry.record(
                connection,
                Decision(AT, PROMOTE, before, folder.name, folder.name, BY_HAND, "first", evidence, "me"),
            )


def test_a_better_model_goes_on_duty_with_its_evidence_and_audit(
    settings, request_, bundle, tmp_path
) -> None:
    worse = slower(bundle, tmp_path, 600)
    activate(settings, worse)
    better = put_in_store(bundle, tmp_path)
    done = challenge(settings, request_)
    line = ledger(settings, 1)[0]
    assert (done.active, done.is_new, line.id) == (better.name, True, done.decision.id)
    assert (line.action, line.verdict, line.champion_before) == ("promote", "better", worse.name)
    assert line.evidence["difference_s"]["high"] < 0
    assert line.evidence["champion"]["scores"]["mae_s"]["value"] > 10
    assert line.evidence["challenger"]["latency_ms"] > 0
    with open_registry(settings) as registry, reading(registry.engine) as connection:
        assert [row.event_type for row in read_audit(connection)] == ["promotion", "promotion"]
        assert verify_audit(connection).problem is None


def test_a_worse_model_is_kept_off_and_the_ledger_says_why(settings, request_, bundle, tmp_path) -> None:
    activate(settings, bundle)
    worse = slower(bundle, tmp_path, 600)
    done = challenge(settings, request_)
    line = ledger(settings, 1)[0]
    assert (done.active, line.action, line.challenger) == (bundle.name, "keep", worse.name)
    assert line.verdict == "worse"
    assert line.champion_after == bundle.name


def test_equal_answers_are_a_tie(embedded, request_, bundle, tmp_path) -> None:
    activate(embedded, bundle)
    another(bundle, tmp_path, seed=2)
    assert challenge(embedded, request_).decision.verdict == "tie"


@pytest.mark.parametrize("by_s", [60, 0])
def test_the_same_pair_on_the_same_data_is_decided_once(by_s, embedded, request_, bundle, tmp_path) -> None:
    activate(embedded, slower(bundle, tmp_path, by_s, seed=3))
    put_in_store(bundle, tmp_path)
    first, again = challenge(embedded, request_), challenge(embedded, request_)
    assert len(ledger(embedded, 9)) == 2
    assert not again.is_new
    assert again.decision.id == first.decision.id
    assert again.active == first.active


def test_the_first_model_ever_goes_on_duty_by_its_own_checks(embedded, request_, bundle, tmp_path) -> None:
    put_in_store(bundle, tmp_path)
    done = challenge(embedded, request_)
    assert (done.decision.verdict, done.active) == ("first", bundle.name)


def test_with_the_rule_as_it_is_four_days_decide_nothing(embedded, request_, bundle, tmp_path) -> None:
    put_in_store(bundle, tmp_path)
    done = challenge(embedded, replace(request_, rule=None))
    assert (done.decision.action, done.decision.verdict, done.active) == ("keep", "few_rows", None)


def test_no_bundle_is_nothing_to_decide(embedded, request_) -> None:
    done = challenge(embedded, request_)
    assert (done.decision, "Nothing to decide: no bundle" in done.message) == (None, True)


def test_the_newest_on_duty_is_nothing_to_decide(embedded, request_, bundle, tmp_path) -> None:
    activate(embedded, put_in_store(bundle, tmp_path))
    done = challenge(embedded, request_)
    assert (done.decision, "is active" in done.message, len(ledger(embedded, 9))) == (None, True, 1)


def test_a_model_that_was_taken_off_duty_does_not_come_back_by_itself(
    embedded, request_, bundle, tmp_path
) -> None:
    activate(embedded, put_in_store(bundle, tmp_path))
    activate(embedded, slower(bundle, tmp_path, 600))
    put_in_store(bundle, tmp_path)
    done = challenge(embedded, request_)
    assert (done.decision, "was replaced earlier" in done.message) == (None, True)


def test_a_dry_run_judges_and_records_nothing(embedded, request_, bundle, tmp_path) -> None:
    activate(embedded, slower(bundle, tmp_path, 600))
    put_in_store(bundle, tmp_path)
    done = challenge(embedded, replace(request_, is_dry=True))
    assert done.decision.action == "promote", done.decision.reason
    assert (len(ledger(embedded, 9)), done.active == bundle.name) == (1, False)


def test_a_dry_run_of_a_bundle_from_elsewhere_leaves_the_store_as_it_was(
    embedded, request_, bundle, tmp_path
) -> None:
    elsewhere = slower(bundle, tmp_path / "elsewhere", 60)
    done = challenge(embedded, replace(request_, challenger=str(elsewhere), is_dry=True))
    assert (done.decision.challenger, done.decision.verdict) == (elsewhere.name, "first")
    assert not embedded.bundle.exists()


def test_a_bundle_from_elsewhere_is_judged_from_the_store(embedded, request_, bundle, tmp_path) -> None:
    activate(embedded, bundle)
    elsewhere = slower(bundle, tmp_path / "elsewhere", 600)
    done = challenge(embedded, replace(request_, challenger=str(elsewhere)))
    assert done.decision.verdict == "worse"
    assert load_bundle(embedded.bundle / elsewhere.name)[0] == elsewhere.name


@pytest.mark.parametrize("is_better", [True, False])
def test_two_at_once_make_one_decision(is_better, settings, request_, bundle, tmp_path) -> None:
    """A challenger that is promoted, and one that is not."""
    first, second = put_in_store(bundle, tmp_path), slower(bundle, tmp_path, 600)
    champion, challenger = (second, first) if is_better else (first, second)
    activate(settings, champion)
    save_bundle(files_of(challenger), {}, settings.bundle)
    start, found = Barrier(2), []

    def decide() -> None:
        start.wait()
        found.append(challenge(settings, request_))

    both = [Thread(target=decide) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    lines = [(line.verdict, line.reason) for line in ledger(settings, 9)]
    assert len(lines) == 2, lines
    assert {done.decision.id for done in found} == {ledger(settings, 1)[0].id}
    assert sorted(done.is_new for done in found) == [False, True]


def test_a_challenger_that_does_not_load_leaves_the_champion(embedded, request_, bundle, tmp_path) -> None:
    activate(embedded, bundle)
    broken = another(bundle, tmp_path, schema=999)
    line = challenge(embedded, request_).decision
    assert (line.action, line.verdict, line.challenger) == ("keep", "challenger_unusable", broken.name)


def test_a_champion_that_does_not_load_stays_and_the_reason_says_so(
    embedded, request_, bundle, tmp_path
) -> None:
    worse = slower(bundle, tmp_path, 600)
    activate(embedded, worse)
    (worse / "scale.txt").unlink()
    put_in_store(bundle, tmp_path)
    line = challenge(embedded, request_).decision
    assert (line.action, line.verdict, line.champion_after) == ("keep", "champion_unusable", worse.name)
    assert line.evidence["is_simulated"] is True


def test_a_champion_that_was_mended_is_judged_on_the_same_data(embedded, request_, bundle, tmp_path) -> None:
    worse = slower(bundle, tmp_path, 600)
    scale = (worse / "scale.txt").read_bytes()
    activate(embedded, worse)
    put_in_store(bundle, tmp_path)
    (worse / "scale.txt").unlink()
    challenge(embedded, request_)
    (worse / "scale.txt").write_bytes(scale)
    done = challenge(embedded, request_)
    assert (done.is_new, done.decision.verdict, done.active) == (True, "better", bundle.name)


def test_a_champion_that_is_still_broken_gets_no_second_line(embedded, request_, bundle, tmp_path) -> None:
    worse = slower(bundle, tmp_path, 600)
    activate(embedded, worse)
    (worse / "scale.txt").unlink()
    put_in_store(bundle, tmp_path)
    first, again = challenge(embedded, request_), challenge(embedded, request_)
    assert (again.is_new, again.decision.id, len(ledger(embedded, 9))) == (False, first.decision.id, 2)


def test_two_bundles_that_both_do_not_load_are_no_decision(embedded, request_, bundle, tmp_path) -> None:
    broken = another(bundle, tmp_path, schema=998)
    activate(embedded, broken)
    another(bundle, tmp_path, schema=999)
    with pytest.raises(BadFile, match="Neither model loads"):
        challenge(embedded, request_)
    assert (len(ledger(embedded, 9)), ledger(embedded, 1)[0].champion_after) == (1, broken.name)


def test_a_challenger_that_answers_some_runs_with_no_number_is_kept_off(
    embedded, request_, bundle, tmp_path
) -> None:
    activate(embedded, bundle)
    numberless(bundle, tmp_path)
    line = challenge(embedded, request_).decision
    assert (line.verdict, line.champion_after) == ("challenger_unusable", bundle.name)
    assert "is no number" in line.reason


def test_a_champion_that_answers_some_runs_with_no_number_stays(embedded, request_, bundle, tmp_path) -> None:
    wild = numberless(bundle, tmp_path)
    activate(embedded, wild)
    put_in_store(bundle, tmp_path)
    line = challenge(embedded, request_).decision
    assert (line.verdict, line.champion_after) == ("champion_unusable", wild.name)


@pytest.mark.parametrize("later", ["champion", "challenger"])
def test_rows_are_later_than_both_trainings(later, embedded, request_, bundle, tmp_path) -> None:
    """Both were trained until the 26th, but one of them states the 27th."""
    one = slower(bundle, tmp_path, 600, trained_until="2023-03-27")
    champion, challenger = (one, bundle) if later == "champion" else (bundle, one)
    activate(embedded, champion)
    save_bundle(files_of(challenger), {}, embedded.bundle)
    evidence = challenge(embedded, request_).decision.evidence
    assert (evidence["judged_from"], evidence["from_date"]) == ("2023-03-27", "2023-03-27")


def test_a_real_model_is_not_judged_on_made_up_rows(embedded, request_, bundle, tmp_path) -> None:
    activate(embedded, slower(bundle, tmp_path, 600, is_simulated=False))
    put_in_store(bundle, tmp_path)
    with pytest.raises(SimulatedModel, match="from real records"):
        challenge(embedded, request_)
    assert len(ledger(embedded, 9)) == 1


def test_data_that_was_never_prepared_is_refused(embedded, request_, tmp_path) -> None:
    with pytest.raises(BadFile, match="no prepared data"):
        challenge(embedded, replace(request_, data=tmp_path / "nowhere"))


def test_a_champion_that_the_store_does_not_hold_stays(embedded, request_, bundle, tmp_path) -> None:
    engine = open_database(embedded.database)
    name_champion(engine, "0123456789abcdef")
    engine.dispose()
    put_in_store(bundle, tmp_path)
    assert challenge(embedded, request_).decision.verdict == "champion_unusable"


def test_the_command_tells_scores_interval_verdict_and_reason(
    own_home, small_brigade, bundle, tmp_path
) -> None:
    run = CliRunner().invoke
    assert run(app, ["models", "promote", str(bundle), "--why", "first"]).exit_code == 0
    other = slower(bundle, tmp_path, 600)
    result = run(app, ["challenge", str(other), "--data", str(small_brigade.data)])
    assert result.exit_code == 0, result.output
    assert all(
        phrase in result.stdout for phrase in ("Verdict: keep", "trained until", "Recorded as number 2")
    )
    again = run(app, ["challenge", str(other), "--data", str(small_brigade.data), "--json", "-"])
    value = json.loads(again.stdout)
    assert (value["is_new"], value["decision"]["id"], value["active"]) == (False, 2, bundle.name)


def test_the_card_of_a_challenger_is_never_changed(embedded, request_, bundle, tmp_path) -> None:
    activate(embedded, slower(bundle, tmp_path, 600))
    before = (put_in_store(bundle, tmp_path) / CARD).read_bytes()
    done = challenge(embedded, request_)
    assert (embedded.bundle / done.active / CARD).read_bytes() == before
