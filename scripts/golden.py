"""Freeze what the product answers, and compare two such freezes: the safety net of a restructuring.

    python scripts/golden.py freeze FOLDER        # answers of this checkout: about two minutes
    python scripts/golden.py compare OLD NEW      # what differs; exit code 1 if anything does

A freeze holds the answers to 10,000 calls (`predict`, and the routes of the service), `evaluate --json`, the figures of
the monthly report, the OpenAPI document, the help of every command, and the collected test ids. Each freeze simulates,
prepares and trains for itself: the same seeds give the same model.

`compare` maps test ids by scripts/renames.json, and names of fields, columns and values by its part `outside`: lists of
{what, old, new}, where `old` is a name or the end of a path (`place.named`), and `values` maps values of the field. Numbers are
equal within `TOLERANCE`. Sentences for a person may be rewritten in a renaming: texts with a blank that differ are counted, are
shown with --texts, and are no failure.
"""

import argparse
import csv
import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RENAMES = ROOT / "scripts" / "renames.json"
TOLERANCE = 0.051
"""Answers are rounded to 0.1 s."""
N_PREDICTED, N_RANKED, N_TIME_PUMP = 8_000, 1_500, 500
INCIDENT_TYPES = ("Fire", "Domestic Incidents", "Local Emergencies", "Prior Arrangement", "")
CENTRE_M, SPREAD_M = (530_000, 180_000), 12_000
IDENTIFIER = re.compile(r"\b[0-9a-f]{24,64}\b")
MOMENT_OF_RUN = re.compile(r"\b20(2[6-9]|3\d)-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(Z|\+00:00)?")


def londonpump(*arguments: object, home: Path, is_partial: bool = False) -> str:
    """Run the command of this checkout. is_partial: exit code 1, for rows with an error, is expected."""
    environment = {**os.environ, "LONDONPUMP_HOME": str(home), "LONDONPUMP_TRACKING": "false"}
    done = subprocess.run(
        [sys.executable, "-m", "londonpump.cli", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in ((0, 1) if is_partial else (0,)):
        sys.exit(f"londonpump {arguments[0]} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def freeze(out: Path) -> None:
    """Write every part of a freeze into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    home = out / "home"
    make_data(home)
    write_predictions(out, home)
    londonpump(
        "evaluate", bundle_in(home), "--data", home / "data", "--json", out / "evaluate.json",
        "--report", out / "unused.html", home=home,
    )  # fmt: skip
    londonpump("db", "upgrade", home=home)
    londonpump("models", "promote", bundle_in(home), "--why", "golden", home=home)
    londonpump(
        "monitor", "--data", home / "data", "--at", "2023-02-20T10:00Z", "--json", out / "monitor.json",
        "--report", out / "unused_month.html", home=home,
    )  # fmt: skip
    write_service(out, home)
    write_help(out)
    write_tests(out)


def make_data(home: Path) -> None:
    """Simulate, prepare and train: the same seed gives the same bytes."""
    raw = home / "raw"
    londonpump(
        "simulate",
        "--incidents",
        12_000,
        "--start",
        "2023-01-01",
        "--days",
        45,
        "--seed",
        3,
        "--out",
        raw,
        home=home,
    )
    londonpump(
        "prepare", "--incidents", raw / "incidents.csv", "--mobilisations", raw / "mobilisations.csv",
        "--weather", raw / "weather_hourly.csv", "--simulated", "--out", home / "data", home=home,
    )  # fmt: skip
    londonpump("train", "--data", home / "data", "--out", home / "trained", home=home)


def bundle_in(home: Path) -> Path:
    """Return the only bundle that was trained."""
    (card,) = (home / "trained").glob("*/bundle.json")
    return card.parent


def write_predictions(out: Path, home: Path) -> None:
    """Run `predict` on calls all over London; a tenth of them has wrong or unusual values."""
    drawn = random.Random(20261129)  # noqa: S311
    calls, codes = home / "calls.csv", station_codes()
    with calls.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            (
                "id",
                "mobilised_at",
                "station_code",
                "easting_m",
                "northing_m",
                "incident_type",
                "temp_c",
                "pumps_out",
            )
        )
        writer.writerows(_call(drawn, number, codes) for number in range(N_PREDICTED))
    answers = out / "predictions.csv"
    londonpump("predict", bundle_in(home), "--input", calls, "--out", answers, home=home, is_partial=True)


def station_codes() -> list[str]:
    """Return the codes of stations with road pumps, from the list of the product."""
    with next((ROOT / "src").rglob("stations.csv")).open(encoding="utf-8", newline="") as file:
        return [row["code"] for row in csv.DictReader(file)]


def _call(drawn: random.Random, number: int, codes: list[str]) -> tuple[object, ...]:
    easting_m, northing_m = (round(drawn.gauss(centre, SPREAD_M)) for centre in CENTRE_M)
    at = f"2023-0{drawn.randint(1, 9)}-{drawn.randint(1, 28):02}T{drawn.randint(0, 23):02}:{drawn.randint(0, 59):02}Z"
    odd = drawn.choice(("", "no such type", "999")) if number % 10 == 0 else None
    incident_type = drawn.choice(INCIDENT_TYPES) if odd is None else odd
    temp_c = drawn.choice(("", round(drawn.gauss(11, 7), 1)))
    return (
        number,
        at,
        drawn.choice(codes),
        easting_m,
        northing_m,
        incident_type,
        temp_c,
        drawn.choice(("", 3, 20)),
    )


def write_service(out: Path, home: Path) -> None:
    """Write the responses of each route, with a fixed clock."""
    sys.path[:0] = [str(ROOT / "tests")]
    import golden_service  # beside this file; it needs the tests' support

    answers = golden_service.answers(bundle_in(home), N_RANKED, N_TIME_PUMP)
    for name, content in answers.items():
        write_json(out / f"{name}.json", content)


def write_help(out: Path) -> None:
    """Write the help of every command."""
    import typer

    from londonpump.cli import app

    texts = {}

    def walk(command: Any, path: tuple[str, ...]) -> None:
        texts[" ".join(path)] = command.get_help(typer.Context(command, info_name=" ".join(path)))
        for name, child in getattr(command, "commands", {}).items():
            walk(child, (*path, name))

    walk(typer.main.get_command(app), ("londonpump",))
    write_json(out / "help.json", texts)


def write_tests(out: Path) -> None:
    """Write the ids of all tests, slow ones too."""
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    ids = [line for line in listed.stdout.splitlines() if "::" in line]
    if not ids:
        sys.exit(f"No tests were collected:\n{listed.stdout[-2000:]}{listed.stderr[-2000:]}")
    (out / "test_ids.txt").write_text("\n".join(sorted(ids)) + "\n", encoding="utf-8")


def write_json(path: Path, content: object) -> None:
    """Write JSON with sorted keys, so that two freezes can be compared by eye too."""
    path.write_text(
        json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )


class Comparison:
    """Differences between two freezes. renames: entries of the part `outside`."""

    def __init__(self, renames: Iterable[Mapping[str, Any]]) -> None:
        # the brackets of lists and what is above a wildcard say nothing to the end of a path
        entries = [(entry["old"].replace("[]", "").rpartition("*.")[2], entry) for entry in renames]
        self.names = {old: entry["new"] for old, entry in entries}
        self.values = {old: entry["values"] for old, entry in entries if "values" in entry}
        self.failures: list[str] = []
        self.rewritten: list[str] = []
        self.n_equal = 0

    def walk(self, where: str, old: Any, new: Any, path: tuple[str, ...] = ()) -> None:
        """Compare two values of JSON. path: the old names of the fields that lead to the values."""
        if isinstance(old, dict) and isinstance(new, dict):
            mapped, olds = {}, {}
            for key, value in old.items():
                name, value_now = self._renamed((*path, key), value)
                mapped[name], olds[name] = value_now, key
            for key in sorted(mapped.keys() ^ new.keys()):
                self.failures.append(f"{where}.{key}: {'gone' if key in mapped else 'new'}")
            for key in sorted(mapped.keys() & new.keys()):
                self.walk(f"{where}.{key}", mapped[key], new[key], (*path, olds[key]))
        elif isinstance(old, list) and isinstance(new, list):
            if len(old) != len(new):
                self.failures.append(f"{where}: {len(old)} entries became {len(new)}")
            for number, (before, after) in enumerate(zip(old, new, strict=False)):
                self.walk(f"{where}[{number}]", before, after, path)
        else:
            self._leaf(where, old, new)

    def _renamed(self, path: tuple[str, ...], value: Any) -> tuple[str, Any]:
        """Return the new name of the last field of a path and its new value; the longest matching end of a path in the map decides."""
        ends = (".".join(path[first:]) for first in range(len(path)))
        end = next((each for each in ends if each in self.names), path[-1])
        # a name itself may hold a dot, such as a band of distances
        name = self.names[end].rpartition(".")[2] if end in self.names else end
        return name, self.values.get(end, {}).get(str(value).lower(), value)

    def _leaf(self, where: str, old: Any, new: Any) -> None:
        are_numbers = all(
            isinstance(value, int | float) and not isinstance(value, bool) for value in (old, new)
        )
        if are_numbers and abs(old - new) <= TOLERANCE:
            self.n_equal += 1
        elif isinstance(old, str) and isinstance(new, str):
            self._text(where, old, new)
        elif old == new:
            self.n_equal += 1
        else:
            self.failures.append(f"{where}: {old!r} became {new!r}")

    def _text(self, where: str, old: str, new: str) -> None:
        mapped = re.sub(r"[A-Za-z_][\w]*", lambda found: self.names.get(found[0], found[0]), old)
        if new in {old, mapped}:
            self.n_equal += 1
        elif " " in old or "\n" in old:
            self.rewritten.append(f"{where}\n  - {old}\n  + {new}")
        elif _number(old) is not None and _number(new) is not None:
            self._leaf(where, _number(old), _number(new))
        else:
            self.failures.append(f"{where}: {old!r} became {new!r}")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def compare(old: Path, new: Path, *, shows_texts: bool) -> int:
    """Print what differs. Returns: the exit code."""
    renames = json.loads(RENAMES.read_text(encoding="utf-8")) if RENAMES.exists() else {}
    # the schemas of the OpenAPI document have the names of classes
    classes = (entry for entry in renames.get("names", ()) if entry["old"][:1].isupper())
    outside = (entry for block in renames.get("outside", {}).values() for entry in block)
    comparison = Comparison([*classes, *outside])
    for name, before in parts_of(old):
        after = dict(parts_of(new)).get(name)
        if after is None:
            comparison.failures.append(f"{name}: missing in {new}")
        else:
            comparison.walk(name, before, after)
    compare_tests(old, new, renames, comparison)
    print(f"{comparison.n_equal:,} values are equal, {len(comparison.rewritten):,} texts were rewritten")
    if shows_texts:
        print("\n".join(dict.fromkeys(comparison.rewritten)))
    kinds = Counter(re.sub(r"\[\d+\]", "[]", failure) for failure in comparison.failures)
    print("\n".join(f"{count:6} x {failure}" for failure, count in kinds.most_common(200)))
    return 1 if comparison.failures else 0


def parts_of(folder: Path) -> Iterator[tuple[str, Any]]:
    """Return each file of a freeze as values, without ids and the time of the run."""
    for path in sorted(folder.glob("*.json")):
        text = MOMENT_OF_RUN.sub("NOW", IDENTIFIER.sub("ID", path.read_text(encoding="utf-8")))
        content = json.loads(text)
        for name, answer in content.items() if path.name == "read.json" else ():
            if name.endswith("/historique") and isinstance(answer["body"], list):
                # the clock of the freeze stands still, so that it is chance which rows are the newest
                answer["body"] = len(answer["body"])
        yield path.name, content
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            yield path.name, list(csv.DictReader(file))


def compare_tests(old: Path, new: Path, renames: Mapping[str, Any], comparison: Comparison) -> None:
    """Fail for each test of the old freeze that is not in the new one under its mapped name."""
    files, modules = renames.get("files", {}), renames.get("modules", {})
    before, after = (
        set((folder / "test_ids.txt").read_text(encoding="utf-8").split("\n")) for folder in (old, new)
    )
    for test in sorted(filter(None, before)):
        file, _, rest = test.partition("::")
        for path, was, becomes in renames.get("test_arguments", ()):
            if path == file:
                # pytest builds the id of a value without a name from its argument's name and its number
                rest = re.sub(rf"(?<=[\[-]){was}(?=\d+[\]-])", becomes, rest)
        rest = re.sub(r"londonpump[.\w]+", lambda found: modules.get(found[0], found[0]), rest)
        if f"{files.get(file, file)}::{rest}" not in after:
            comparison.failures.append(f"test lost: {test}")


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    freezing = verbs.add_parser("freeze", help="write what this checkout answers")
    freezing.add_argument("folder", type=Path)
    comparing = verbs.add_parser("compare", help="print what differs between two freezes")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    comparing.add_argument("--texts", action="store_true", help="show the sentences that were rewritten")
    given = parser.parse_args()
    if given.verb == "compare":
        return compare(given.old, given.new, shows_texts=given.texts)
    freeze(given.folder.resolve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
