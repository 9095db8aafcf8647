"""`predict`: what it writes, what it says and how it ends."""

import csv
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from londonpump.cli import app
from londonpump.lifecycle.predict import HEADER

CALLS = "id,mobilised_at,station_code,easting_m,northing_m"
SOUND = "2024-01-15T08:00Z,A24,529900,181000"
BAD = "2024-03-31T01:30,A24,529900,181000"
FAR = "2024-01-15T08:00Z,A24,545000,225000"
ONE = ("--station", "A24", "--easting", "529900", "--northing", "181000", "--at", "2024-01-15T08:00Z")


@pytest.fixture
def run(small_brigade, own_home):
    """Run `predict` with the small bundle in its own folder."""

    def predict(*arguments: object) -> Result:
        return CliRunner().invoke(app, ["predict", str(small_brigade.bundle), *map(str, arguments)])

    return predict


@pytest.fixture
def answered(run, tmp_path):
    """Return (result, rows of PREDICTIONS.csv or None) for rows of calls."""

    def answer(*rows: str, header: str = CALLS):
        source, out = tmp_path / "calls.csv", tmp_path / "predictions.csv"
        source.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
        result = run("--input", source, "--out", out)
        if not out.exists():
            return result, None
        with out.open(encoding="utf-8", newline="") as file:
            return result, list(csv.DictReader(file))

    return answer


def test_sound_rows_are_all_answered_and_the_end_is_0(answered) -> None:
    result, rows = answered(f"a,{SOUND}", f"b,{SOUND}")
    assert result.exit_code == 0
    assert "2 of 2 rows answered" in result.stdout
    assert [row["id"] for row in rows] == ["a", "b"]
    assert [row["error"] for row in rows] == ["", ""]


def test_the_columns_are_those_promised_with_their_digits(answered) -> None:
    _, (row,) = answered(f"a,{SOUND}")
    promised = "id mean_s p10_s p50_s p90_s p_over_360 p_over_480 p_over_600 pumps_needed risk_underestimated imputed error"
    assert list(row) == list(HEADER) == promised.split()
    seconds = [float(row[name]) for name in ("p10_s", "p50_s", "p90_s")]
    assert 0 < seconds[0] < seconds[1] < seconds[2] <= 1200
    assert seconds[0] < float(row["mean_s"]) < seconds[2]
    assert all(len(row[name].partition(".")[2]) == 1 for name in ("mean_s", "p10_s", "p50_s", "p90_s"))
    over = [float(row[f"p_over_{t}"]) for t in (360, 480, 600)]
    assert 1 >= over[0] >= over[1] >= over[2] >= 0
    assert row["pumps_needed"] in {"1", "2", "3", "4", "5"}
    assert row["risk_underestimated"] in {"true", "false"}


def test_what_was_filled_is_told_with_its_source(answered) -> None:
    _, (row,) = answered(f"a,{SOUND}")
    labels = dict(label.split("=") for label in row["imputed"].split(";"))
    assert set(labels.values()) <= {"context", "default", "unknown", "climate", "profile"}
    assert labels["station_ground_code"] == "context"
    assert labels["pumps_out"] == "default"
    assert labels["incident_type"] == "unknown"


def test_a_bad_row_leaves_its_predictions_empty_the_others_answered_and_the_end_is_1(answered) -> None:
    result, rows = answered(f"a,{SOUND}", f"b,{BAD}", f"c,{SOUND}")
    assert result.exit_code == 1
    assert "2 of 3 rows answered" in result.stdout
    assert "1 rows have an error" in result.stderr
    assert "does not exist" in rows[1]["error"]
    assert {rows[1][name] for name in HEADER if name not in ("id", "error")} == {""}
    assert rows[0]["p50_s"] == rows[2]["p50_s"] != ""


def test_a_file_of_bad_rows_only_is_written_with_their_errors(answered) -> None:
    result, rows = answered(f"a,{BAD}", f"b,{BAD}")
    assert result.exit_code == 1
    assert len(rows) == 2
    assert all(row["error"] for row in rows)


def test_a_missing_column_ends_in_2_and_nothing_is_written(answered, tmp_path) -> None:
    result, rows = answered("a,2024-01-15T08:00Z,A24,529900", header=CALLS.removesuffix(",northing_m"))
    assert (result.exit_code, rows) == (2, None)
    assert "has no column northing_m" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls.csv"]


def test_a_wrong_file_leaves_an_older_answer_alone(answered, tmp_path) -> None:
    older = ",".join(HEADER) + "\n"
    (tmp_path / "predictions.csv").write_text(older, encoding="utf-8")
    result = answered("x", header="nothing")[0]
    assert result.exit_code == 2
    assert "calls.csv" in result.stderr
    assert (tmp_path / "predictions.csv").read_text(encoding="utf-8") == older


def test_an_older_answer_is_replaced(answered, tmp_path) -> None:
    (tmp_path / "predictions.csv").write_text(",".join(HEADER) + "\nold\n", encoding="utf-8")
    result, (row,) = answered(f"a,{SOUND}")
    assert (result.exit_code, row["id"]) == (0, "a")


@pytest.mark.parametrize(
    ("name", "text"), [("notes.txt", "my notes\n"), ("current.json", '{"schema": 1, "bundle": "0"}\n')]
)
def test_an_answer_is_never_written_over_a_file_of_another_kind(name, text, run, tmp_path) -> None:
    (tmp_path / "calls.csv").write_text(f"{CALLS}\na,{SOUND}\n", encoding="utf-8")
    (tmp_path / name).write_text(text, encoding="utf-8")
    result = run("--input", tmp_path / "calls.csv", "--out", tmp_path / name)
    assert result.exit_code == 2
    assert f"{name}: is there already and is not of this kind" in result.stderr
    assert (tmp_path / name).read_text(encoding="utf-8") == text


def test_a_place_outside_london_is_answered_and_labelled(answered) -> None:
    result, (row,) = answered(f"a,{FAR}")
    assert result.exit_code == 0
    assert float(row["p50_s"]) <= 1200
    assert "location=unknown" in row["imputed"].split(";")


def test_rows_are_answered_each_for_itself(answered) -> None:
    _, alone = answered(f"a,{SOUND}")
    _, among = answered(f"b,{FAR}", f"a,{SOUND}", f"c,{BAD}")
    assert among[1] == alone[0]


def test_a_column_that_is_not_used_is_told(answered) -> None:
    result, _ = answered(f"a,{SOUND},x", header=f"{CALLS},colour")
    assert result.exit_code == 0
    assert "columns not used: colour" in result.stderr


def test_the_calls_are_never_written_over(run, tmp_path) -> None:
    source = tmp_path / "calls.csv"
    source.write_text(f"{CALLS}\na,{SOUND}\n", encoding="utf-8")
    result = run("--input", source, "--out", source)
    assert result.exit_code == 2
    assert source.read_text(encoding="utf-8") == f"{CALLS}\na,{SOUND}\n"


def test_one_prediction_is_told_in_words_with_its_reasons(run) -> None:
    result = run(*ONE, "--incident-type", "Fire")
    assert result.exit_code == 0
    for expected in (
        "expected; 8 in 10 between",
        "Probability of more than: 6 min",
        "Why:",
        "SIMULATED",
        "Imputed:",
    ):
        assert expected in result.stdout


@pytest.mark.parametrize("northing_m", [str(north_m) for north_m in range(177_000, 185_000, 500)])
def test_the_seconds_under_why_add_up_to_the_time_shown(northing_m, run) -> None:
    output = run(*ONE, "--northing", northing_m).stdout
    minutes, seconds = map(int, re.match(r"(\d+):(\d\d) min expected", output).groups())
    seconds_shown = re.findall(r"^ +([+-]\d+) s  ", output.partition("Why:\n")[2], re.MULTILINE)
    assert len(seconds_shown) > 2
    assert sum(map(int, seconds_shown)) == 60 * minutes + seconds


def test_a_run_outside_is_told_with_a_warning_and_without_reasons(run) -> None:
    output = run(*ONE, "--northing", "225000").stdout
    assert "WARNING: outside the training data (" in output
    assert "Why:" not in output


def test_one_prediction_as_json_has_the_chance_of_more_than_12_minutes(run) -> None:
    as_json = json.loads(run(*ONE, "--json", "-").stdout)
    assert (
        0
        <= as_json["p_over_720"]
        <= as_json["p_over_600"]
        <= as_json["p_over_480"]
        <= as_json["p_over_360"]
        <= 1
    )


def test_one_prediction_as_json_says_what_the_file_says(run, answered) -> None:
    as_json = json.loads(run(*ONE, "--json", "-").stdout)
    _, (row,) = answered(f"1,{SOUND}")
    for name in ("mean_s", "p10_s", "p50_s", "p90_s", "p_over_360", "p_over_600"):
        assert as_json[name] == pytest.approx(float(row[name]), abs=1e-9)
    assert as_json["pumps_needed"] == int(row["pumps_needed"])
    assert as_json["risk_underestimated"] == (row["risk_underestimated"] == "true")
    assert ";".join(as_json["imputed"]) == row["imputed"]
    assert sum(explanation["contribution_s"] for explanation in as_json["explanations"]) == pytest.approx(
        as_json["p50_s"], abs=0.5
    )
    assert as_json["simulated"] is True


@pytest.mark.parametrize("flag", ["--station", "--easting", "--northing"])
def test_a_missing_flag_is_named(flag, run) -> None:
    at = ONE.index(flag)
    result = run(*ONE[:at], *ONE[at + 2 :])
    assert result.exit_code == 2
    assert f"{flag} '': is missing" in result.stderr


BAD_FLAGS = {
    "station": (("--station", "X99"), "station_code 'X99'"),
    "easting": (("--easting", "nan"), "easting_m 'nan': is not a number"),
    "northing": (("--northing", "inf"), "northing_m 'inf': is not a number"),
    "time": (("--at", "now"), "mobilised_at 'now': is not a time"),
    "kind": (("--incident-type", "Barbecue"), "incident_type 'Barbecue'"),
}


@pytest.mark.parametrize(("flags", "problem"), BAD_FLAGS.values(), ids=BAD_FLAGS)
def test_a_bad_flag_ends_in_2_with_its_value(flags, problem, run) -> None:
    result = run(*ONE, *flags)
    assert result.exit_code == 2
    assert problem in result.stderr
    assert result.stdout == ""


CONFLICTS = {
    "a file and a pump": ("--input", "calls.csv", "--out", "p.csv", "--station", "A24"),
    "a table and a file": ("--table", "table", "--input", "calls.csv", "--out", "p.csv"),
    "a table and a pump": ("--table", "table", *ONE),
    "an answer to no file": (*ONE, "--out", "p.csv"),
    "a file without a place for the answer": ("--input", "calls.csv"),
    "nothing at all": (),
}


@pytest.mark.parametrize("arguments", CONFLICTS.values(), ids=CONFLICTS)
def test_two_things_asked_for_at_once_are_refused_not_half_done(arguments, run, tmp_path) -> None:
    (tmp_path / "calls.csv").write_text(f"{CALLS}\na,{SOUND}\n", encoding="utf-8")
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("londonpump: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls.csv"]


@pytest.mark.long
def test_the_table_for_the_day_without_the_service_is_written_twice(run, tmp_path) -> None:
    result = run("--table", tmp_path / "table")
    assert result.exit_code == 0
    with (tmp_path / "table" / "expected_times.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "ground_code",
        "ground",
        "station_code",
        "station",
        "period",
        "p50_s",
        "p90_s",
        "locations",
    ]
    assert {row["period"] for row in rows} == {"day", "night"}
    assert all(0 < int(row["p50_s"]) <= int(row["p90_s"]) <= 1200 for row in rows)
    assert len({row["ground_code"] for row in rows}) >= 100
    page = (tmp_path / "table" / "expected_times.html").read_text(encoding="utf-8")
    assert "SIMULATED: not for use on a real call" in page
    assert "@media print" in page
    assert "<script" not in page
    assert all(f"<small>{row['ground_code']}" in page for row in rows[::50])


def test_a_bundle_that_is_none_ends_in_2(own_home: Path) -> None:
    result = CliRunner().invoke(app, ["predict", "nowhere", *ONE])
    assert result.exit_code == 2
    assert "nowhere: is neither a folder nor a bundle in " in result.stderr
