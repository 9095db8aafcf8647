"""Issue 18: the numbers of the console's pages, and the times that are typed."""

from datetime import UTC, datetime, timedelta

import pytest

from londonpump.domain.mobilisations import State
from londonpump.service.board.schemas import MobilisationResponse
from londonpump.service.console.incidents import SentPump, typed_time
from londonpump.service.console.pages import is_hour_twice, london_time
from londonpump.service.console.ranking import (
    LIMIT_S,
    LONG_AXIS_MIN,
    SHORT_AXIS_MIN,
    duration,
    grid_reference,
    ranking_of,
    twentieths,
)
from londonpump.service.console.texts import ENGLISH, script_texts
from londonpump.service.errors import Unprocessable

ASKED_AT = datetime(2026, 1, 12, 2, 14, 2, tzinfo=UTC)
SOHO = {"code": "A24", "name": "Soho"}


def candidate(pump: str, p50_s: float = 276.0, **other):
    levels = [p50_s + 10 * (i - 10) for i in range(20)]
    return {
        "pump": pump,
        "station": {"code": pump[:3], "name": "Soho"},
        "home_station": None,
        "state": "available",
        "is_assumed": False,
        "p10_s": p50_s - 90,
        "p50_s": p50_s,
        "p90_s": p50_s + 98,
        "quantiles_s": levels,
        "chance_within_s": {"360": 0.85, "480": 0.95, "600": 1.0},
        "chance_before_next": None,
        "warning": {"risk_underestimated": False, "text": None},
        "explanations": [],
        **other,
    }


def answer(*candidates, number: int = 2, **other):
    return {
        "id": "0" * 32,
        "candidates": list(candidates),
        "pumps_needed": {"number": number, "chances": {"1": 0.38, "2": 0.44, "3": 0.1, "4": 0.05, "5": 0.03}},
        "second_pump": {"pump": "A242", "p10_s": 200.0, "p50_s": 290.0, "p90_s": 420.0},
        "location": {"easting_m": 530050.0, "northing_m": 180390.0, "area": None, "station_ground": SOHO},
        "warning": None,
        "missing": [],
        **other,
    }


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (276, "4:36"),
        (59.6, "1:00"),
        (0, "0:00"),
        (1200, "20:00"),
        (1200.1, "over 20:00"),
        (5000, "over 20:00"),
    ],
)
def test_durations_have_minutes_and_seconds_up_to_twenty_minutes(seconds, shown) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(("chance", "shown"), [(0.85, "17/20"), (0, "0/20"), (1, "20/20"), (0.974, "19/20")])
def test_chances_are_twentieths(chance, shown) -> None:
    assert twentieths(chance) == shown


def test_a_row_says_when_how_long_and_how_sure() -> None:
    (row, *_), made = ranking_of(answer(candidate("A241")), ASKED_AT, "Trafalgar Square").rows, None
    assert made is None
    assert (row.there_about, row.half, row.nine_in_ten, row.in_goal) == ("02:18", "4:36", "6:14", "17/20")
    assert row.state == "at home"
    assert row.dots is not None
    # twenty dots, of which those below six minutes are counted in words
    assert row.dots.early.count("M") + len(row.dots.late) == 20
    assert row.dots.label == "19 of 20 runs within 6 minutes"


def test_as_many_pumps_are_ticked_as_such_calls_get_and_pumps_that_are_out_never() -> None:
    ranked = ranking_of(
        answer(candidate("A241"), candidate("H221", state="mobilised"), candidate("A231"), candidate("A211")),
        ASKED_AT,
    )
    assert [row.pump for row in ranked.rows if row.is_ticked] == ["A241", "A231"]
    assert (
        ranked.needed.replace("\u00a0", " ")
        == "Such calls get 2 pumps most often (1: 38 %, 2: 44 %, 3 or more: 18 %)."
    )
    assert ranked.both == "The first two are both there about 02:19, 9 in 10 by 02:21."


@pytest.mark.parametrize(("number", "usual", "chances"), [(2, 1, (0.54, 0.38)), (1, 2, (0.38, 0.49))])
def test_the_most_frequent_number_is_ticked_whatever_the_answer_announces(number, usual, chances) -> None:
    rest = (1 - sum(chances)) / 3
    each = dict(zip("12345", (*chances, rest, rest, rest), strict=True))
    ranked = ranking_of(
        answer(candidate("A241"), candidate("A231"), pumps_needed={"number": number, "chances": each}),
        ASKED_AT,
    )
    assert sum(row.is_ticked for row in ranked.rows) == usual
    assert ranked.needed.startswith(f"Such calls get {usual} pump")


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        # 01:30 comes twice; an hour away from the change nothing needs to be said
        ("2026-10-25T00:30:05", "01:30:05 BST"),
        ("2026-10-25T01:30:05", "01:30:05 GMT"),
        ("2026-10-24T23:30:05", "00:30:05"),
        ("2026-10-25T02:30:05", "02:30:05"),
        # in March 01:00 to 02:00 is left out
        ("2026-03-29T00:58:00", "00:58:00 GMT"),
        ("2026-03-29T01:02:00", "02:02:00 BST"),
        ("2026-03-29T02:02:00", "03:02:00"),
    ],
)
def test_times_near_a_change_of_the_clocks_name_their_zone(at, shown) -> None:
    assert london_time(datetime.fromisoformat(f"{at}+00:00")) == shown


@pytest.mark.parametrize(
    ("now", "is_twice"),
    [("2026-10-25T12:00", True), ("2026-10-24T12:00", False), ("2026-03-29T12:00", False)],
)
def test_only_the_day_on_which_clocks_go_back_has_an_hour_twice(now, is_twice) -> None:
    assert is_hour_twice(datetime.fromisoformat(f"{now}+00:00")) is is_twice


def test_a_second_pump_of_a_station_refers_to_the_first() -> None:
    first, second = ranking_of(answer(candidate("A241"), candidate("A242")), ASKED_AT).rows
    assert (first.same_as, second.same_as, second.dots) == ("", "A241", None)


def test_dots_beyond_ten_minutes_are_hollow_and_the_axis_is_long_enough_for_far_pumps() -> None:
    near = ranking_of(answer(candidate("A241")), ASKED_AT)
    far = ranking_of(answer(candidate("A241"), candidate("E301", p50_s=LIMIT_S + 300)), ASKED_AT)
    assert (near.axis.max_min, far.axis.max_min) == (SHORT_AXIS_MIN, LONG_AXIS_MIN)
    assert far.rows[1].dots is not None
    assert len(far.rows[1].dots.late) == 20
    assert max(x for x, _ in far.rows[1].dots.late) <= 300


def test_the_place_is_said_as_it_was_understood() -> None:
    exact = ranking_of(answer(candidate("A241")), ASKED_AT, "Trafalgar Square").understood
    assert exact == "Trafalgar Square · TQ 3005 8039 · ground of Soho (A24) · exact place"
    area = {"easting_m": 530050.0, "northing_m": 180390.0, "area": "WC2", "station_ground": None}
    assert ranking_of(answer(candidate("A241"), location=area), ASKED_AT, "WC2").understood.endswith(
        "not exact: times are less certain"
    )
    assert grid_reference(530050, 180390) == "TQ 3005 8039"


@pytest.mark.parametrize(
    ("typed", "now", "meant"),
    [
        ("02:10", "2026-01-12T02:14:00", "2026-01-12T02:10:00"),
        ("0210", "2026-01-12T02:14:00", "2026-01-12T02:10:00"),
        ("2:10:30", "2026-01-12T02:14:00", "2026-01-12T02:10:30"),
        # before midnight, and in summer time
        ("23:59", "2026-01-12T00:01:00", "2026-01-11T23:59:00"),
        ("10:10", "2026-06-12T09:14:00", "2026-06-12T09:10:00"),
        # a clock a little ahead
        ("02:16", "2026-01-12T02:14:00", "2026-01-12T02:16:00"),
        # the night when clocks go back: 01:30 was an hour ago by summer time, and is now by winter time
        ("01:30", "2025-10-26T00:40:00", "2025-10-26T00:30:00"),
        ("01:30", "2025-10-26T01:40:00", "2025-10-26T01:30:00"),
        # two minutes before the hour comes again: the time that is over is meant, not the one to come
        ("01:02", "2026-10-25T00:58:00", "2026-10-25T00:02:00"),
        # the zone says which of the two is meant
        ("01:30 BST", "2026-10-25T01:40:00", "2026-10-25T00:30:00"),
        ("01:30 gmt", "2026-10-25T01:40:00", "2026-10-25T01:30:00"),
        ("01:30:15 BST", "2026-10-25T01:40:00", "2026-10-25T00:30:15"),
        # a clock that is three minutes ahead in the second of the two hours
        ("01:30", "2026-10-25T01:27:00", "2026-10-25T01:30:00"),
        # in the second of the two hours, 20 minutes ago by summer time, and not yet by winter time
        ("01:50", "2026-10-25T01:10:00", "2026-10-25T00:50:00"),
        # the night when clocks go forward: before, after, and a clock that is ahead and shows summer time already
        ("00:59", "2026-03-29T01:03:00", "2026-03-29T00:59:00"),
        ("02:01", "2026-03-29T01:03:00", "2026-03-29T01:01:00"),
        ("02:01", "2026-03-29T00:58:00", "2026-03-29T01:01:00"),
        # a clock a little ahead before midnight; the limits of both sides
        ("00:01", "2026-01-11T23:58:00", "2026-01-12T00:01:00"),
        ("02:19", "2026-01-12T02:14:00", "2026-01-12T02:19:00"),
        ("22:14", "2026-01-12T02:14:00", "2026-01-11T22:14:00"),
    ],
)
def test_a_typed_time_is_the_last_one_that_the_clocks_of_london_showed(typed, now, meant) -> None:
    at = typed_time(typed, datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert at == datetime.fromisoformat(meant).replace(tzinfo=UTC)


@pytest.mark.parametrize("typed", ["25:00", "12:70", "noon", "1", "12:30:61", "<b>", "２:10"])
def test_what_is_no_time_is_refused(typed) -> None:
    if typed == "２:10":
        # digits of other scripts are digits
        assert typed_time(typed, ASKED_AT).minute == 10
        return
    with pytest.raises(Unprocessable, match="is not a time"):
        typed_time(typed, ASKED_AT)


def test_a_zone_that_the_clocks_did_not_show_is_refused() -> None:
    with pytest.raises(Unprocessable, match="showed no GMT then"):
        typed_time("10:10 GMT", datetime(2026, 6, 12, 9, 14, tzinfo=UTC))


@pytest.mark.parametrize(
    ("typed", "now"),
    [
        ("01:30", "2026-03-29T01:40:00"),
        ("01:30 BST", "2026-03-29T01:40:00"),
        ("01:30 GMT", "2026-03-29T01:40:00"),
        # a clock three minutes ahead, which was not set: 01:01 GMT is 02:01 BST, and no guess may be an hour wrong
        ("01:01", "2026-03-29T00:58:00"),
    ],
)
def test_a_time_that_the_clocks_of_london_left_out_is_refused(typed, now) -> None:
    with pytest.raises(Unprocessable, match=f"London's clocks did not show {typed[:5]} that night"):
        typed_time(typed, datetime.fromisoformat(now).replace(tzinfo=UTC))


@pytest.mark.parametrize("typed", ["22:13", "02:20", "14:00"])
def test_a_time_that_is_far_from_now_is_refused_with_the_time_of_london(typed) -> None:
    with pytest.raises(
        Unprocessable,
        match=f'"{typed}" is neither in the last 4 hours nor in the next 5 minutes. It is 02:14:00 now',
    ):
        typed_time(typed, datetime(2026, 1, 12, 2, 14, tzinfo=UTC))


def test_no_text_uses_the_words_that_shut_operators_out() -> None:
    for key, value in ENGLISH.items():
        assert not {"error", "invalid", "oops"} & set(value.lower().replace(".", " ").split()), key
    assert script_texts()["record"] == "Record sent: {pumps}"


@pytest.mark.parametrize(
    ("known", "events"),
    [
        ((), ["mobile", "arrived", "withdrawn"]),
        (("mobile_at",), ["arrived", "withdrawn"]),
        (("mobile_at", "arrived_at"), ["left", "returned"]),
        (("arrived_at", "left_at"), ["returned"]),
    ],
)
def test_a_pump_without_news_says_so_and_its_events_can_still_be_reported(known, events) -> None:
    times = dict.fromkeys(("mobile_at", "arrived_at", "left_at", "withdrawn_at"))
    pump = MobilisationResponse.model_construct(
        **times | dict.fromkeys(known, ASKED_AT), state=State.UNKNOWN, announced=None, mobilised_at=ASKED_AT
    )
    shown = SentPump(pump, ASKED_AT + timedelta(hours=5))
    assert shown.state == "no report for 4 h or more"
    assert [event for event, _, _ in shown.acts] == events
