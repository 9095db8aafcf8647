"""`londonpump models promote`: a promoted model has passed its self-test, and the ledger records who and why."""

import json
import os
import pwd

import pytest
from support.running_service import another, database_with, settings_for
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.errors import BadFile, BadValue
from londonpump.persistence.bundles import CARD, load_bundle
from londonpump.persistence.database import connect, reading
from londonpump.persistence.repositories.audit import read_audit, verify_audit
from londonpump.registry.manual_decisions import PromotionRequest, SimulatedModel, ledger, promote


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite:///{tmp_path}/a.db"


@pytest.fixture
def settings(url, tmp_path):
    return settings_for(url, tmp_path)


@pytest.fixture
def bundle(small_brigade):
    return small_brigade.bundle


def test_a_bundle_from_elsewhere_is_copied_whole_and_named_with_the_reason(settings, bundle) -> None:
    done = promote(settings, PromotionRequest(str(bundle), "  the first one "))
    assert (done.before, done.after, done.is_new) == (None, bundle.name, True)
    assert load_bundle(settings.bundle / bundle.name) == load_bundle(bundle)
    line = ledger(settings, 1)[0]
    assert (line.champion_after, line.reason, line.action) == (bundle.name, "the first one", "promote")
    assert line.actor == pwd.getpwuid(os.geteuid()).pw_name
    assert line.evidence["is_simulated"] is True


def test_the_folder_of_bundles_stands_for_its_newest(settings, bundle) -> None:
    assert promote(settings, PromotionRequest(str(bundle.parent), "newest")).after == bundle.name


def test_a_bundle_of_the_store_is_named_by_its_hash(settings, bundle, tmp_path) -> None:
    other = another(bundle, tmp_path, seed=2)
    assert promote(settings, PromotionRequest(other.name, "by its hash")).after == other.name


def test_a_promotion_is_in_the_audit(settings, bundle, url) -> None:
    promote(settings, PromotionRequest(str(bundle), "the first one"))
    engine = connect(url)
    with reading(engine) as connection:
        event_types = [row.event_type for row in read_audit(connection)]
        assert verify_audit(connection).problem is None
    engine.dispose()
    assert event_types == ["promotion"]


def test_the_same_again_changes_nothing(settings, bundle) -> None:
    promote(settings, PromotionRequest(str(bundle), "once"))
    assert not promote(settings, PromotionRequest(str(bundle), "twice")).is_new
    assert len(ledger(settings, 9)) == 1


@pytest.mark.parametrize("why", ["", "   ", "x" * 2001])
def test_a_reason_that_is_none_is_refused(why, settings, bundle) -> None:
    with pytest.raises(BadValue, match="--why"):
        promote(settings, PromotionRequest(str(bundle), why))
    assert ledger(settings, 9) == []


@pytest.mark.parametrize("bundle_text", ["0123456789abcdef", "not/there", "../bundles/0123456789abcdef"])
def test_a_bundle_that_is_not_there_is_refused(bundle_text, settings) -> None:
    with pytest.raises(BadFile, match="neither a folder nor a bundle"):
        promote(settings, PromotionRequest(bundle_text, "why not"))


def test_a_bundle_with_a_changed_byte_is_refused_and_not_copied(settings, bundle, tmp_path) -> None:
    other = another(bundle, tmp_path / "elsewhere", seed=2)
    (other / "scale.txt").write_bytes((other / "scale.txt").read_bytes() + b"\n")
    with pytest.raises(BadFile, match="not what was stored"):
        promote(settings, PromotionRequest(str(other), "why not"))
    assert ledger(settings, 9) == []
    assert not (settings.bundle / other.name).exists()


def test_a_bundle_that_answers_otherwise_than_its_card_is_refused(settings, bundle, tmp_path) -> None:
    dispatch = json.loads((bundle / CARD).read_bytes())["self_test"]["dispatch"]
    other = another(bundle, tmp_path, self_test={"dispatch": dispatch, "p50_s": 1.0})
    with pytest.raises(BadFile, match="in its self-test, not"):
        promote(settings, PromotionRequest(str(other), "why not"))


def test_a_simulated_model_does_not_take_the_place_of_a_real_one_unless_forced(
    settings, bundle, url, tmp_path
) -> None:
    real = another(bundle, tmp_path, is_simulated=False)
    promote(settings, PromotionRequest(str(real), "learnt from records"))
    with pytest.raises(SimulatedModel, match="--force"):
        promote(settings, PromotionRequest(str(bundle), "for the exercise"))
    assert ledger(settings, 1)[0].champion_after == real.name
    promote(settings, PromotionRequest(str(bundle), "for the exercise", is_forced=True))
    assert ledger(settings, 1)[0].evidence["is_forced"] is True


def test_a_simulated_model_may_follow_a_simulated_one(settings, bundle, tmp_path) -> None:
    promote(settings, PromotionRequest(str(bundle), "first"))
    assert promote(settings, PromotionRequest(str(another(bundle, tmp_path, seed=2)), "second")).is_new


def test_a_model_of_which_the_ledger_tells_nothing_counts_as_real(settings, bundle, url, tmp_path) -> None:
    database_with(url, "0123456789abcdef")
    with pytest.raises(SimulatedModel):
        promote(settings, PromotionRequest(str(bundle), "for the exercise"))


def test_the_command_says_what_it_did(own_home, bundle) -> None:
    result = CliRunner().invoke(app, ["models", "promote", str(bundle), "--why", "first"])
    assert (result.exit_code, bundle.name in result.stdout) == (0, True)
    listed = CliRunner().invoke(app, ["models", "list"])
    assert f"none -> {bundle.name}" in listed.stdout


def test_the_command_fails_in_words(own_home) -> None:
    result = CliRunner().invoke(app, ["models", "promote", "not/there", "--why", "first"])
    assert result.exit_code == 2
    assert "neither a folder nor a bundle" in result.stderr
