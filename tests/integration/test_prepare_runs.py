"""`prepare` from files to files: complete or nothing, the same bytes twice, real samples, context files."""

import json
import re
import shutil
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.run_size import cases

from londonpump.cleaning import examples as examples_module
from londonpump.domain.columns import CALLS, EXAMPLES
from londonpump.domain.errors import BadFile, TooFewRows
from londonpump.domain.json_values import to_json
from londonpump.lifecycle.prepare import NAMES, PrepareRequest, prepare
from londonpump.lifecycle.prepared_examples import load_examples
from londonpump.presentation.texts.prepare import Preparation, format_preparation
from londonpump.simulation.plan import SimulationPlan
from londonpump.simulation.simulate import write_simulation

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"
SAMPLE, SAMPLE_B = SHARED / "incidents_real_sample.csv", SHARED / "incidents_real_sample_b.csv"
STREAM = SHARED / "incidents_2017_jan_feb.csv"
CONTEXT = {"stations": "stations", "weather": "weather_hourly", "traffic": "traffic_index"}
needs_real_files = pytest.mark.skipif(not SAMPLE.exists(), reason="the shared real records are not there")


@pytest.fixture(scope="module")
def brigade(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A simulated Brigade in the week of October's clock change, with its context files."""
    folder = tmp_path_factory.mktemp("brigade") / "files"
    plan = SimulationPlan(incidents=1_500, days=5, start=date(2023, 10, 26), seed=2)
    return write_simulation(plan, folder).files


@pytest.fixture
def request_of(brigade: dict[str, Path], tmp_path: Path) -> PrepareRequest:
    return PrepareRequest(
        incidents=(brigade["incidents"],), mobilisations=(brigade["mobilisations"],), out=tmp_path / "data"
    )


@pytest.fixture(scope="module")
def done(brigade: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Preparation, Path]:
    """Report of `prepare` on the Brigade with its context files, and the output folder."""
    out = tmp_path_factory.mktemp("done") / "data"
    context: dict[str, Any] = {name: brigade[file] for name, file in CONTEXT.items()}
    files: dict[str, Any] = {name: (brigade[name],) for name in ("incidents", "mobilisations")}
    return prepare(PrepareRequest(**files, **context, out=out)), out


def test_every_input_row_is_kept_or_set_aside(done: tuple[Preparation, Path]) -> None:
    report = to_json(done[0])
    for counts in report["tables"].values():
        assert counts["in"] == counts["kept"] + sum(counts["rejected"].values())
    assert [file["rows"] for file in report["inputs"]] == [t["in"] for t in report["tables"].values()]
    assert report["examples"] == report["tables"]["mobilisations"]["kept"] > 0


def test_what_is_written_is_what_is_reported(done: tuple[Preparation, Path]) -> None:
    report, out = to_json(done[0]), done[1]
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == report
    assert pq.read_metadata(out / "examples/examples.parquet").num_rows == report["examples"]
    for name, counts in report["tables"].items():
        rules = pq.read_table(out / f"rejected/{name}.parquet")["rejected_by"].to_pylist()
        assert {rule: rules.count(rule) for rule in set(rules)} == counts["rejected"]


@pytest.mark.slow
def test_a_folder_may_have_any_name(brigade: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s a "folder", back\\slash [2023] {a,b} what? every*'
    shutil.copytree(brigade["incidents"].parent, folder / "files")
    files: dict[str, Any] = {
        name: (folder / "files" / brigade[name].name,) for name in ("incidents", "mobilisations")
    }
    report = to_json(prepare(PrepareRequest(**files, out=folder / "data")))
    assert load_examples(folder / "data").n == report["examples"] > 0


def test_the_tables_have_the_columns_of_their_schema(done: tuple[Preparation, Path]) -> None:
    for name, columns in (("examples/examples", EXAMPLES), ("calls/calls", CALLS)):
        assert pq.read_schema(done[1] / f"{name}.parquet").names == [column.name for column in columns]


def test_a_stream_is_known_by_its_rate_and_counts_pumps(done: tuple[Preparation, Path]) -> None:
    report, out = to_json(done[0]), done[1]
    assert (report["complete"], report["completeness"]["is_stated"]) == (True, False)
    assert pq.read_table(out / "examples")["pumps_out"].null_count == 0


def test_what_is_made_of_a_simulation_is_marked_whether_one_says_so_or_not(
    done: tuple[Preparation, Path], brigade: dict[str, Path], tmp_path: Path
) -> None:
    assert (brigade["incidents"].parent / "faults.json").exists()
    assert done[0].simulated is True
    alone = tmp_path / "incidents.csv"
    alone.write_bytes(brigade["incidents"].read_bytes())
    assert prepare(PrepareRequest(incidents=(alone,), out=tmp_path / "data")).simulated is False


def test_every_hour_around_a_clock_change_has_its_context(done: tuple[Preparation, Path]) -> None:
    table = pq.read_table(done[1] / "examples")
    assert all(
        table[name].null_count == 0 for name in ("temp_c", "precip_mm", "conditions", "congestion_rate")
    )


def test_a_call_of_the_hour_shown_twice_comes_right_before_its_first_pump(
    done: tuple[Preparation, Path],
) -> None:
    """Issue 11, B12: both showings of 29 October 2023 are there, each call in its own."""
    calls = pq.read_table(done[1] / "calls").to_pylist()
    twice = {call["incident_number"] for call in calls if "clock_shown_twice" in call["repairs"]}
    late = [call for call in calls if "second_showing_from_mobilisation" in call["repairs"]]
    assert 0 < len(late) < len(twice)
    rows = [row for row in pq.read_table(done[1] / "examples").to_pylist() if row["incident_number"] in twice]
    waits_s = [(row["mobilised_at"] - row["call_at"]).total_seconds() for row in rows]
    assert -60 <= min(waits_s) <= max(waits_s) < 600


@pytest.fixture
def quick(request_of: PrepareRequest) -> PrepareRequest:
    """The incident file alone."""
    return replace(request_of, mobilisations=())


@pytest.fixture(scope="module")
def data_of_incidents(
    brigade: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Preparation, Path]:
    """What `prepare` reports of the incident file alone, and the folder it made. Only to be read."""
    out = tmp_path_factory.mktemp("of incidents") / "data"
    return prepare(PrepareRequest(incidents=(brigade["incidents"],), out=out)), out


@pytest.fixture
def former(quick: PrepareRequest, data_of_incidents: tuple[Preparation, Path]) -> Path:
    """Data of an earlier run at the place where `quick` writes."""
    shutil.copytree(data_of_incidents[1], quick.out)
    return quick.out


@pytest.mark.slow
def test_the_same_files_give_the_same_bytes(request_of: PrepareRequest, tmp_path: Path) -> None:
    again = replace(request_of, out=tmp_path / "again")
    prepare(request_of)
    prepare(again)
    for name in ("examples/examples.parquet", "calls/calls.parquet"):
        assert (request_of.out / name).read_bytes() == (again.out / name).read_bytes()


def test_an_error_on_the_way_leaves_no_folder(quick: PrepareRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise TooFewRows("stopped on purpose")

    monkeypatch.setattr(examples_module, "calls", fail)
    with pytest.raises(TooFewRows, match="on purpose"):
        prepare(quick)
    assert list(quick.out.parent.iterdir()) == []


def test_an_error_on_the_way_leaves_the_former_data(
    quick: PrepareRequest, former: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (former / "report.json").read_bytes()

    def fail(*_: object) -> None:
        raise TooFewRows("stopped on purpose")

    monkeypatch.setattr(examples_module, "calls", fail)
    with pytest.raises(TooFewRows):
        prepare(quick)
    assert (former / "report.json").read_bytes() == before
    assert [path.name for path in former.parent.iterdir()] == ["data"]


def test_former_data_is_replaced_whole(quick: PrepareRequest, former: Path) -> None:
    (former / "examples" / "left_over").touch()
    prepare(quick)
    assert not (former / "examples" / "left_over").exists()


def test_data_of_version_0_1_is_refused_with_the_command_that_makes_it_anew(
    quick: PrepareRequest, former: Path
) -> None:
    (former / "rejected").rename(former / "set_aside")
    report = json.loads((former / "report.json").read_text(encoding="utf-8"))
    (former / "report.json").write_text(json.dumps({**report, "schema": 1}), encoding="utf-8")
    advice = "another version (schema 1). Prepare it again: londonpump prepare --incidents FILE --out DATA."
    with pytest.raises(BadFile, match=re.escape(advice)):
        load_examples(former)
    prepare(quick)
    assert load_examples(former).n
    assert sorted(path.name for path in former.iterdir()) == sorted(NAMES - {"set_aside"})


def test_former_data_with_something_else_in_it_is_not_replaced(quick: PrepareRequest, former: Path) -> None:
    (former / "thesis.txt").touch()
    with pytest.raises(BadFile, match=r"thesis\.txt"):
        prepare(quick)
    assert (former / "thesis.txt").exists()


def test_a_folder_with_other_things_in_it_is_refused_before_anything_is_read(
    request_of: PrepareRequest,
) -> None:
    request_of.out.mkdir()
    (request_of.out / "thesis.txt").touch()
    with pytest.raises(BadFile, match="holds other things"):
        prepare(replace(request_of, incidents=(Path("absent.csv"),)))
    assert (request_of.out / "thesis.txt").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(request_of: PrepareRequest) -> None:
    request_of.out.touch()
    with pytest.raises(BadFile, match="is a file"):
        prepare(request_of)


def test_records_of_which_none_is_usable_are_an_error(request_of: PrepareRequest, tmp_path: Path) -> None:
    lines = request_of.incidents[0].read_text(encoding="utf-8").splitlines()
    names = lines[0].lstrip("\ufeff").split(",")
    only = tmp_path / "one.csv"
    row = [
        "" if name == "PropertyType" else value
        for name, value in zip(names, lines[1].split(","), strict=True)
    ]
    only.write_text("\n".join([lines[0], ",".join(row)]) + "\n", encoding="utf-8")
    with pytest.raises(TooFewRows, match="No incident record is usable"):
        prepare(replace(request_of, incidents=(only,), mobilisations=()))


@pytest.mark.parametrize(("incidents", "is_complete"), [(1_030, False), (1_060, True)])
def test_below_60_percent_of_the_known_rate_the_records_are_a_sample(
    incidents: int, is_complete: bool, tmp_path: Path
) -> None:
    plan = SimulationPlan(incidents=incidents, days=5, start=date(2023, 2, 6), is_clean=True)
    files = write_simulation(plan, tmp_path / "brigade").files
    report = to_json(prepare(PrepareRequest(incidents=(files["incidents"],), out=tmp_path / "data")))
    assert report["completeness"]["known_incidents_per_day"] == 345.3
    assert report["complete"] is is_complete


def test_a_sample_has_no_counts_rather_than_zeros(request_of: PrepareRequest) -> None:
    report = to_json(prepare(replace(request_of, is_complete=False)))
    table = pq.read_table(request_of.out / "examples")
    assert (report["complete"], report["completeness"]["is_stated"]) == (False, True)
    assert table["pumps_out"].null_count == table["ground_pumps_available"].null_count == table.num_rows > 0
    assert "warm_up" not in report["tables"]["mobilisations"]["rejected"]


def test_an_incident_file_alone_gives_its_first_and_second_pump(
    data_of_incidents: tuple[Preparation, Path],
) -> None:
    report, out = to_json(data_of_incidents[0]), data_of_incidents[1]
    table = pq.read_table(out / "examples")
    assert set(table["pump"].to_pylist()) == {"first", "second"}
    assert table["turnout_s"].null_count == table["resource_code"].null_count == table.num_rows
    assert report["tables"]["pumps"]["kept"] == table.num_rows


@dataclass(frozen=True, slots=True)
class RealFile:
    """Expected result of a real file. aside, repaired: rows by rule."""

    files: tuple[Path, ...]
    incidents: int
    examples: int
    is_complete: bool = False
    rejected: dict[str, int] = field(default_factory=dict)
    repaired: dict[str, int] = field(default_factory=dict)


REAL_FILES = {
    "a sample of 2023": RealFile(
        (SAMPLE,), 5_002, 6_556, repaired={"clock_shown_twice": 1, "zero_latitude_ignored": 10}
    ),
    "another sample of 2023": RealFile(
        (SAMPLE_B,), 4_969, 6_518, rejected={"no_incident_type": 3},
        repaired={"clock_shown_twice": 1, "zero_latitude_ignored": 9},
    ),
    "both samples": RealFile(
        (SAMPLE, SAMPLE_B), 9_971, 11_253, rejected={"exact_duplicate": 1_397, "no_incident_type": 3},
        repaired={"clock_shown_twice": 2, "zero_latitude_ignored": 18},
    ),
    "the stream of 2017": RealFile((STREAM,), 15_558, 20_676, is_complete=True, rejected={"over_the_border": 88}),
    "the head of 2009": RealFile((SHARED / "vintages/incidents_2009_head.csv",), 20, 22),
    "the head of 2020": RealFile((SHARED / "vintages/incidents_2020_head.csv",), 5, 4),
    "three vintages": RealFile(
        (SHARED / "vintages/incidents_2009_head.csv", SHARED / "vintages/incidents_2020_head.csv", SAMPLE),
        5_027, 6_582, repaired={"clock_shown_twice": 1, "zero_latitude_ignored": 10},
    ),
}  # fmt: skip


REPEATED = ("another sample of 2023", "both samples", "the head of 2009", "the head of 2020")
"""Files of a kind of which the ordinary run has another."""


@needs_real_files
@pytest.mark.parametrize("name", cases(REAL_FILES, slow=REPEATED))
def test_a_real_file_gives_these_rows(name: str, tmp_path: Path) -> None:
    expected = REAL_FILES[name]
    report = to_json(prepare(PrepareRequest(incidents=expected.files, out=tmp_path / "data")))
    counts = report["tables"]["incidents"]
    assert (counts["in"], report["examples"], report["complete"]) == (
        expected.incidents,
        expected.examples,
        expected.is_complete,
    )
    assert (counts["rejected"], counts["repaired"]) == (expected.rejected, expected.repaired)


@pytest.mark.slow
@needs_real_files
def test_mobilisations_of_six_vintages_are_one_stream(tmp_path: Path) -> None:
    files = tuple(sorted((SHARED / "vintages").glob("mobilisations_*.csv")))
    # What Excel saved again is the same ten rows in another spelling; that nothing is kept is refused (issue 11, B3).
    with pytest.raises(TooFewRows, match="all 60 rows were rejected") as error:
        prepare(PrepareRequest(incidents=(SAMPLE,), mobilisations=files, out=tmp_path / "data"))
    assert len(files) == 6
    assert str(error.value).count("rejected by exact_duplicate") == 1
    assert str(error.value).count("rejected by incident_not_found") == 4
    assert not (tmp_path / "data").exists()


def test_mobilisations_of_other_incidents_are_refused(request_of: PrepareRequest, tmp_path: Path) -> None:
    plan = SimulationPlan(incidents=300, days=2, start=date(2023, 6, 5), seed=9)
    other = write_simulation(plan, tmp_path / "other").files["mobilisations"]
    with pytest.raises(TooFewRows, match="rejected by incident_not_found, for example IncidentNumber"):
        prepare(replace(request_of, mobilisations=(other,)))
    assert not request_of.out.exists()


def test_sound_records_come_without_a_warning(done: tuple[Preparation, Path]) -> None:
    assert "WARNING" not in format_preparation(*done)


@pytest.mark.parametrize("name", ["report.json", "stations.json"])
@pytest.mark.parametrize("content", ["{}", "[]"])
def test_damaged_data_is_refused_in_words(name: str, content: str, former: Path) -> None:
    (former / name).write_text(content, encoding="utf-8")
    with pytest.raises(BadFile, match="is damaged, or of another version"):
        load_examples(former)


@needs_real_files
@pytest.mark.parametrize("name", ["joined_2016_head.csv", "bst_pairs_2023.csv"])
def test_a_file_that_is_no_incident_file_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=name):
        prepare(PrepareRequest(incidents=(SHARED / "vintages" / name,), out=tmp_path / "data"))
    assert list(tmp_path.iterdir()) == []


@needs_real_files
def test_the_call_time_of_the_2017_stream_is_local_and_becomes_gmt(tmp_path: Path) -> None:
    prepare(PrepareRequest(incidents=(STREAM,), out=tmp_path / "data"))
    calls = pq.read_table(tmp_path / "data/calls")["call_at"]
    assert min(calls.to_pylist()) >= datetime(2017, 1, 1)
