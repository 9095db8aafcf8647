"""`londonpump refresh context` with faulty publishers: its message, its exit code, and that old rows stay."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import context_publishers as sources
from support import publisher_server as server
from support import weather_responses
from support.publisher_server import Publisher, Reply, Responder, Sleeper
from typer.testing import CliRunner, Result

from londonpump.cli import app, application
from londonpump.domain.london_clock import LONDON
from londonpump.ingest.http import Http, Limits
from londonpump.ingest.tomtom import PATH as TOMTOM
from londonpump.ingest.weather_hours import HOURS_AHEAD, HOURS_BACK
from londonpump.persistence.database import open_database
from londonpump.settings import Settings

QUICK = Limits(connect_s=2, read_s=0.5, total_s=0.5, tries=2)
FAILED, FINE = 3, 0
ROUTES = {
    "weather": sources.FORECAST,
    "bank-holidays": sources.GOVUK,
    "school-holidays": sources.TERMS,
    "traffic": TOMTOM,
}

Command = Callable[..., Result]


@pytest.fixture
def command(publisher: Publisher, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `refresh context` against the publisher, which answers well at first, without waiting."""
    sources.all_is_well(publisher)
    for name, value in sources.addresses(publisher).items():
        monkeypatch.setenv(f"LONDONPUMP_{name}", value)
    monkeypatch.setattr(application, "open_http", lambda: Http(QUICK, Sleeper()))
    return lambda *options: CliRunner().invoke(app, ["refresh", "context", *options])


def stored() -> list[object]:
    engine = open_database(Settings().database)
    found = sources.everything(engine)
    engine.dispose()
    return found


def files_of(home: Path) -> set[str]:
    return {path.name for path in home.rglob("*") if not path.name.startswith("londonpump.db")}


def like(part: str) -> Reply:
    """A long right-looking answer of the part, to be cut or misstated."""
    if part == "school-holidays":
        return sources.terms_page()
    return sources.bank_holidays() if part == "bank-holidays" else sources.flow()


FAULTS: dict[str, tuple[Callable[[str], Responder], str]] = {
    "another shape": (lambda _: server.as_json({"data": [1, 2]}), ""),
    "404": (lambda _: server.not_found(), "(404)"),
    "429": (lambda _: server.too_many("1"), "too many requests (429), asked 2 times"),
    "429 for long": (lambda _: server.too_many("90000"), "Ask again after"),
    "500": (lambda _: server.broken(), "a fault of its own (500), asked 2 times"),
    "slow drip": (lambda _: server.dripping(), "was not complete after 0.5 s"),
    "cut": (lambda part: server.cut(like(part)), "the connection was cut, asked 2 times"),
    "wrong length": (lambda part: server.wrong_length(like(part), 100_000), "the connection was cut"),
    "a web page": (lambda _: server.web_page(), ""),
    "redirect loop": (lambda part: server.redirect(ROUTES[part]), "redirects in a circle"),
}


@pytest.mark.parametrize("part", ROUTES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_publisher_is_told_and_leaves_earlier_rows(
    part, fault, command, publisher, own_home
) -> None:
    assert command("--only", part).exit_code == FINE
    before = stored()
    answering, error_text = FAULTS[fault]
    publisher.answers(ROUTES[part], answering(part))
    result = command("--only", part)
    assert (result.exit_code, result.stderr) == (FAILED, "")
    assert result.stdout.startswith(f"{part}: FAILED. ")
    assert error_text in result.stdout
    assert "It last succeeded 0 min ago" in result.stdout
    assert sources.KEY not in result.output
    assert stored() == before
    assert files_of(own_home) == set()


def timeline_of_now() -> str:
    """Return the path of Visual Crossing for the hours around now."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    first, last = (
        (hour + timedelta(hours=n)).astimezone(LONDON).date() for n in (-HOURS_BACK, HOURS_AHEAD - 1)
    )
    return f"{sources.TIMELINE}/{first}/{last}"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_visual_crossing_is_told_and_leaves_earlier_rows(
    fault, command, publisher, own_home
) -> None:
    path, options = timeline_of_now(), ("--only", "weather", "--source", "visual-crossing")
    publisher.answers(path, weather_responses.visual_crossing_of)
    assert command(*options).exit_code == FINE
    before = stored()
    answering, error_text = FAULTS[fault]
    publisher.answers(path, server.redirect(path) if fault == "redirect loop" else answering("weather"))
    result = command(*options)
    assert (result.exit_code, result.stderr, error_text in result.stdout) == (FAILED, "", True)
    assert sources.KEY not in result.output
    assert stored() == before
    assert files_of(own_home) == set()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_archive_is_told_and_leaves_earlier_rows(fault, command, publisher, own_home) -> None:
    yesterday, earlier = (datetime.now(UTC).date() - timedelta(days=n) for n in (1, 9))
    assert command("--only", "weather-history", "--since", f"{yesterday}").exit_code == FINE
    before = stored()
    answering, error_text = FAULTS[fault]
    for path in (sources.ARCHIVED, sources.ARCHIVE):
        publisher.answers(path, server.redirect(path) if fault == "redirect loop" else answering("weather"))
    result = command("--only", "weather-history", "--since", f"{earlier}")
    assert (result.exit_code, result.stderr, error_text in result.stdout) == (FAILED, "", True)
    assert result.stdout.startswith("weather-history: FAILED. ")
    assert stored() == before
    assert files_of(own_home) == set()


def renamed(request: server.Request) -> Reply:
    reply = weather_responses.forecast_of_now(request)
    return Reply(reply.body.replace(b"cloud_cover", b"cloudcover"), headers=reply.headers)


def ended_early(request: server.Request) -> Reply:
    yesterday = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    return server.as_json(weather_responses.open_meteo(yesterday, 24))


@pytest.mark.parametrize(
    ("answering", "error_text"),
    [(renamed, "has no hourly.cloud_cover"), (ended_early, "the answer lacks 20")],
    ids=["a renamed column", "days that are missing"],
)
def test_weather_that_looks_right_and_is_not_is_refused(answering, error_text, command, publisher) -> None:
    command("--only", "weather")
    before = stored()
    publisher.answers(sources.FORECAST, answering)
    result = command("--only", "weather")
    assert (result.exit_code, stored() == before) == (FAILED, True)
    assert error_text in result.stdout


def test_all_that_comes_is_told_a_line_a_source(command) -> None:
    result = command()
    assert result.exit_code == FINE, result.output
    names = [line.partition(":")[0] for line in result.stdout.splitlines()]
    assert names == ["weather", "bank-holidays", "school-holidays", "traffic"]


def test_packed_answers_are_read(command, publisher) -> None:
    publisher.answers(
        sources.FORECAST, lambda request: server.packed(weather_responses.forecast_of_now(request))
    )
    result = command("--only", "weather")
    assert (result.exit_code, "54 hours" in result.stdout) == (FINE, True)


def test_a_busy_publisher_that_answers_later_is_no_failure(command, publisher) -> None:
    publisher.answers(sources.FORECAST, server.too_many("1"), weather_responses.forecast_of_now)
    assert command("--only", "weather").exit_code == FINE


@pytest.mark.parametrize("part", ROUTES)
def test_one_source_that_fails_does_not_stop_the_others(part, command, publisher) -> None:
    publisher.answers(ROUTES[part], server.broken())
    result = command()
    failed = [line.partition(":")[0] for line in result.stdout.splitlines() if ": FAILED. " in line]
    assert (result.exit_code, failed) == (FAILED, [part])


def test_every_source_may_fail_at_once(command, publisher) -> None:
    command()
    before = stored()
    for path in ROUTES.values():
        publisher.answers(path, server.broken())
    result = command()
    assert result.exit_code == FAILED
    assert result.stdout.count("FAILED. ") == len(ROUTES)
    assert stored() == before


def test_a_first_refresh_that_fails_says_that_nothing_is_there(command, publisher) -> None:
    publisher.answers(sources.FORECAST, server.broken())
    assert "never succeeded before" in command("--only", "weather").stdout


def test_past_weather_comes_since_the_day_that_is_named(command) -> None:
    since = datetime.now(UTC).date() - timedelta(days=3)
    result = command("--since", f"{since}", "--only", "weather-history")
    assert result.exit_code == FINE, result.output
    assert f"Since {since}: " in result.stdout


def test_visual_crossing_without_its_key_is_a_failure_that_names_it(command, monkeypatch) -> None:
    monkeypatch.delenv("LONDONPUMP_VISUAL_CROSSING_KEY")
    result = command("--source", "visual-crossing", "--only", "weather")
    assert result.exit_code == FAILED
    assert "LONDONPUMP_VISUAL_CROSSING_KEY" in result.stdout


def test_a_day_that_is_none_is_bad_input(command) -> None:
    assert command("--since", "2023-02-30").exit_code == 2


def test_history_without_a_day_is_bad_input(command) -> None:
    result = command("--only", "weather-history")
    assert (result.exit_code, "needs --since" in result.stderr) == (2, True)
