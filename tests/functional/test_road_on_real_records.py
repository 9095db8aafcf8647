"""The whole road on real records, command by command: every sound row of `predict` is answered."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from londonpump.cli import app
from londonpump.lifecycle.prepared_examples import load_examples

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"
pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the shared real records are not there")
A, B = "incidents_real_sample.csv", "incidents_real_sample_b.csv"
ROADS = (
    pytest.param(("incidents_2017_jan_feb.csv",), "2017-02-01", id="2017, January to February"),
    # make test trains and judges on both samples in test_accuracy_on_real_records
    pytest.param((A, B), "2023-10-01", id="2023, both samples", marks=pytest.mark.slow),
    pytest.param((A,), "2023-10-01", id="2023, the first sample", marks=pytest.mark.slow),
    pytest.param((B,), "2023-10-01", id="2023, the second sample", marks=pytest.mark.slow),
)


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def write_calls(data: Path, path: Path) -> int:
    """The last examples as CALLS.csv, and a place outside London after them."""
    rows = load_examples(data).rows
    last = range(max(0, len(rows["mobilised_us"]) - 500), len(rows["mobilised_us"]))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            (
                "id",
                "mobilised_at",
                "station_code",
                "easting_m",
                "northing_m",
                "incident_type",
                "property_type",
            )
        )
        for i in last:
            location = (rows["easting_m"][i], rows["northing_m"][i])
            at = datetime.fromtimestamp(rows["mobilised_us"][i] / 1e6, UTC).isoformat()
            writer.writerow(
                (
                    i,
                    at,
                    rows["station_code"][i],
                    *location,
                    rows["incident_type"][i],
                    rows["property_type"][i],
                )
            )
        writer.writerow(("far", "2023-11-05T18:30", "G30", 545_000, 225_000, "", ""))
    return len(last) + 1


@pytest.mark.slow
@pytest.mark.parametrize(("names", "until"), ROADS)
def test_prepare_train_evaluate_and_predict_go_through(names, until, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("LONDONPUMP_HOME", str(tmp_path / "home"))
    data, bundle = tmp_path / "data", tmp_path / "bundle"
    files = [part for name in names for part in ("--incidents", SHARED / name)]
    printed = run("prepare", *files, "--out", data)
    assert ("a complete stream" if "2017" in names[0] else "a sample") in printed
    run("train", "--data", data, "--until", until, "--out", bundle)
    run("evaluate", bundle, "--data", data, "--json", tmp_path / "evaluation.json")
    results = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    ours, distance = (results["models"][name]["all"]["all"] for name in ("ours", "distance"))
    assert ours["mae_s"]["value"] < distance["mae_s"]["value"]
    assert 0.75 < ours["cover_80_share"]["value"] < 0.85
    assert ours["mae_s"]["value"] > 58
    assert ours["r2"]["value"] < 0.57
    calls_file = write_calls(data, tmp_path / "calls.csv")
    printed = run("predict", bundle, "--input", tmp_path / "calls.csv", "--out", tmp_path / "p.csv")
    assert f"{calls_file} of {calls_file} rows answered" in printed
    with (tmp_path / "p.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(0 <= float(row["p10_s"]) <= float(row["p50_s"]) <= float(row["p90_s"]) <= 1200 for row in rows)
    assert "location=unknown" in rows[-1]["imputed"]
    assert (tmp_path / "home" / "report.html").exists()
