"""`places`, `rank` and `predict --location`: what they print, their exit codes, and what they refuse."""

import json

import pytest
from support.gazetteers import CODE_POINT_ROWS, write_code_point, write_named_map, write_open_names
from typer.testing import CliRunner, Result

from londonpump.cli import app

AT = ("--at", "2024-01-15T08:00Z")
STREETS = (
    "name,easting,northing,class,borough,postcode_district,extent_m\n"
    "Near Street,529900,181000,minor,Westminster,W1F,150\n"
    "Far Street,529900,181000,primary,Westminster,W1F,3000\n"
    "High Street,529900,181000,primary,Westminster,W1F,0\n"
    "High Street,533900,184800,primary,Hackney,E8,0\n"
)


@pytest.fixture
def run(small_brigade, own_home):
    def invoke(*args: object) -> Result:
        more = [str(small_brigade.bundle)] if args[0] in ("rank", "predict") else []
        done = CliRunner().invoke(app, [*map(str, args), *more])
        assert "Traceback" not in done.output
        return done

    return invoke


@pytest.fixture
def imported(run, tmp_path):
    path = tmp_path / "streets.csv"
    path.write_text(STREETS)
    assert run("places", "import", path, "--licence", "ODbL", "--attribution", "© somebody").exit_code == 0


def test_the_published_forms_are_imported_together_and_shown(run, tmp_path):
    files = [
        write_open_names(tmp_path / "n.zip"),
        write_code_point(tmp_path / "c.zip"),
        write_named_map(tmp_path / "m.osm.pbf"),
    ]
    done = run("places", "import", *files)
    assert done.exit_code == 0, done.output
    for text in (
        "OS Open Names",
        "Code-Point Open",
        "© OpenStreetMap contributors",
        "1 junction",
        "4 postcode",
    ):
        assert text in done.output
    assert "1 entries outside London were skipped." in done.output
    shown = run("places", "show")
    assert all(line in done.output for line in shown.output.splitlines())
    summary = json.loads(run("places", "show", "--json", "-").output)
    assert summary["counts"]["postcode"] == 4
    found = run("places", "find", "a road / b st")
    assert "A Road / B Street" in found.output.splitlines()[0]
    assert "© OpenStreetMap contributors (Open Database License" in found.output


def test_the_same_files_give_the_same_index(run, tmp_path):
    first, second = (run("places", "import", write_code_point(tmp_path / f"{i}.zip")).stdout for i in "ab")
    assert first == second


def test_a_bad_file_leaves_the_places_in_use(run, imported, tmp_path):
    before = run("places", "show").output
    path = tmp_path / "bad.csv"
    path.write_text(CODE_POINT_ROWS.replace("E1  1BB", "HELLO"))
    done = run("places", "import", path)
    assert (done.exit_code, "row 3: 'HELLO' is not a postcode" in done.output) == (2, True)
    assert run("places", "show").output == before


def test_without_an_import_show_names_the_command_and_stations_are_found(run):
    done = run("places", "show")
    assert (done.exit_code, "londonpump places import FILE..." in done.output) == (2, True)
    assert "Soho fire station, Westminster" in run("places", "find", "soho fire stn").output
    nothing = run("places", "find", "zzzzz")
    assert (nothing.exit_code, "is no known place" in nothing.output) == (2, True)


def test_stations_are_ranked_for_a_place(run, imported):
    done = run("rank", "near street", *AT)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == "Near Street, Westminster, W1F (street, 100 m; 529900, 181000; © somebody)"
    assert lines[1].split()[:3] == ["1", "A24", "Soho"]
    assert "Every pump is assumed to be at its station" in done.output
    assert "SIMULATED" in done.output


def test_the_ranking_as_json_agrees_with_predict(run, imported):
    ranking = json.loads(run("rank", "near street", *AT, "--json", "-").output)
    times = [each["p50_s"] for each in ranking["stations"]]
    assert (times == sorted(times), len(times)) == (True, 5)
    first = ranking["stations"][0]
    alone = run("predict", "--station", first["station"], "--location", "near street", *AT, "--json", "-")
    assert json.loads(alone.stdout)["p50_s"] == first["p50_s"]
    by_number = run(
        "predict",
        "--station",
        first["station"],
        "--easting",
        529_900,
        "--northing",
        181_000,
        *AT,
        "--json",
        "-",
    )
    assert json.loads(by_number.stdout) == json.loads(alone.stdout)


def test_inexactness_widens_the_interval_on_the_command_line(run, imported):
    widths = []
    for text in ("near street", "far street"):
        first = json.loads(run("rank", text, *AT, "--json", "-").output)["stations"][0]
        alone = json.loads(run("predict", "--station", "A24", "--location", text, *AT, "--json", "-").stdout)
        assert first["station"] == "A24"
        assert (alone["p10_s"], alone["p90_s"]) == (first["p10_s"], first["p90_s"])
        widths.append(first["p90_s"] - first["p10_s"])
    assert widths[1] > widths[0]


@pytest.mark.parametrize("command", [("rank",), ("predict", "--station", "A24", *AT, "--location")])
def test_a_text_that_may_mean_several_places_is_refused_with_their_ids(command, run, imported):
    done = run(*command, "high street")
    assert done.exit_code == 2
    assert "High Street, Hackney, E8 (id " in done.output
    place_id = done.output.split("High Street, Hackney, E8 (id ")[1].split(")")[0]
    assert run(*command, place_id).exit_code == 0


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (("rank", "zzzzz"), "is no known place"),
        (("rank", "400000 300000"), "from the nearest station of London"),
        (("rank", "near street", "--at", "yesterday"), "mobilised_at"),
        (
            (
                "predict",
                "--station",
                "A24",
                "--location",
                "soho fire station",
                "--easting",
                "1",
                "--northing",
                "2",
            ),
            "cannot go with",
        ),
    ],
)
def test_a_wrong_question_is_refused_with_what_is_wrong(args, problem, run, imported):
    done = run(*args)
    assert (done.exit_code, problem in done.output) == (2, True), done.output


def test_without_a_model_rank_says_how_to_train_one(own_home):
    done = CliRunner().invoke(app, ["rank", "530050 180390"])
    assert done.exit_code == 2
    assert "Traceback" not in done.output
