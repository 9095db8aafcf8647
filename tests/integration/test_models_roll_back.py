"""`models roll-back` activates an earlier champion again, if it still loads and answers."""

import shutil

import pytest
from support.altered_bundles import slower
from support.running_service import another, name_champion, put_in_store, settings_for
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.domain.errors import BadFile, BadValue
from londonpump.persistence.database import reading
from londonpump.persistence.repositories.audit import read_audit
from londonpump.registry.ledger import open_registry
from londonpump.registry.manual_decisions import NothingToRollBackTo, RollBackRequest, ledger, roll_back


@pytest.fixture
def settings(database_url, tmp_path):
    return settings_for(database_url, tmp_path)


@pytest.fixture
def three(settings, small_brigade, tmp_path):
    """Three consecutive champions, all in the store."""
    folders = [put_in_store(small_brigade.bundle, tmp_path)]
    folders += [another(small_brigade.bundle, tmp_path, seed=seed) for seed in (2, 3)]
    with open_registry(settings) as registry:
        for folder in folders:
            name_champion(registry.engine, folder.name)
    return folders


def test_the_model_before_takes_the_place_back(settings, three) -> None:
    done = roll_back(settings, RollBackRequest("late at night in Barnet"))
    line = ledger(settings, 1)[0]
    assert (done.before, done.after) == (three[2].name, three[1].name)
    assert (line.action, line.reason, line.champion_after) == (
        "roll_back",
        "late at night in Barnet",
        three[1].name,
    )


def test_twice_goes_back_two_models(settings, three) -> None:
    roll_back(settings, RollBackRequest("once"))
    assert roll_back(settings, RollBackRequest("twice")).after == three[0].name


def test_a_named_one_takes_the_place(settings, three) -> None:
    assert roll_back(settings, RollBackRequest("straight to the first", three[0].name)).after == three[0].name


def test_to_the_model_on_duty_changes_nothing(settings, three) -> None:
    assert not roll_back(settings, RollBackRequest("as it is", three[2].name)).is_new
    assert len(ledger(settings, 9)) == 3


def test_it_is_in_the_audit_with_who_did_it(settings, three) -> None:
    roll_back(settings, RollBackRequest("the band is left", actor="monitor", evidence={"days": 3}))
    with open_registry(settings) as registry, reading(registry.engine) as connection:
        assert [(row.event_type, row.actor) for row in read_audit(connection)] == [("roll_back", "monitor")]
    assert ledger(settings, 1)[0].evidence["days"] == 3


def test_the_first_model_has_nothing_before_it(settings, three) -> None:
    for _ in range(2):
        roll_back(settings, RollBackRequest("once more"))
    with pytest.raises(NothingToRollBackTo, match="No model was active before"):
        roll_back(settings, RollBackRequest("and once more"))
    assert ledger(settings, 1)[0].champion_after == three[0].name


def test_a_model_that_never_was_on_duty_is_not_rolled_back_to(settings, three, tmp_path) -> None:
    other = slower(three[0], tmp_path, 5)
    with pytest.raises(NothingToRollBackTo, match="was never active"):
        roll_back(settings, RollBackRequest("why not", other.name))


@pytest.mark.parametrize("how", ["gone", "a file gone"])
def test_a_model_that_does_not_load_is_refused_and_the_champion_stays(how, settings, three) -> None:
    if how == "gone":
        shutil.rmtree(three[1])
    else:
        (three[1] / "scale.txt").unlink()
    with pytest.raises(BadFile, match=f"active model stays {three[2].name}"):
        roll_back(settings, RollBackRequest("why not"))
    assert len(ledger(settings, 9)) == 3


def test_without_a_reason_nothing_is_rolled_back(settings, three) -> None:
    with pytest.raises(BadValue, match="--why"):
        roll_back(settings, RollBackRequest("  "))


def test_the_command_says_what_it_did(own_home, small_brigade, tmp_path) -> None:
    failure = CliRunner().invoke(app, ["models", "roll-back", "--why", "x"])
    assert (failure.exit_code, "No model was active before now" in failure.stderr) == (2, True)
