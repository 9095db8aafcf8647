"""Write the parts of the documents that come from the code, and `.env.example`: `make docs`.

A part is the text between `<!-- from the code: NAME -->` and `<!-- end -->`. With --check nothing is written, and the
exit code is 1 if a page is out of date.
"""

import importlib
import json
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import api_reference
import typer
from pydantic.fields import FieldInfo
from typer.testing import CliRunner

import londonpump
from londonpump.cli import app
from londonpump.domain.columns import CALLER_NUMBERS, CALLS, EXAMPLES, KNOWN_STAGES, RANGES, Column
from londonpump.domain.errors import LondonPumpError
from londonpump.features.catalogue import FEATURES
from londonpump.lifecycle.calls_file import OPTIONAL
from londonpump.lifecycle.predict import HEADER
from londonpump.models.location_effect import SMOOTHINGS, Smoothing
from londonpump.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
HELP_COLUMNS = "80"
PART = re.compile(r"(<!-- from the code: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
MEANING = {
    "incident_type": "one of the five incident types",
    "property_category": "such as `Dwelling`, as in the records",
    "property_type": "such as `House - single occupancy`, as in the records",
    "address_qualifier": "such as `Within same building`, as in the records",
    "conditions": "weather as text",
    "appliance": "`1` or `Pump Dual Ladder`, `2` or `Pump Ladder`",
    "is_home_station": "`true`/`1`/`yes` or `false`/`0`/`no`: the pump leaves from its own station",
    "station_ground_code": "ground of the location as the control room states it, a station's code; looked up if not given",
    **{column.name: column.meaning for column in CALLER_NUMBERS},
    "is_school_holiday": "`true`/`1`/`yes` or `false`/`0`/`no`: a day without school",
    "is_working_day": "`true`/`1`/`yes` or `false`/`0`/`no`: Monday to Friday and no bank holiday",
}
ANSWER = {
    "id": "as given in the calls",
    "mean_s": "expected seconds from mobilisation to arrival, one decimal",
    "p10_s": "one dispatch in ten is faster",
    "p50_s": "half of the dispatches are faster: the announced time",
    "p90_s": "nine dispatches in ten are faster",
    "p_over_360": "chance of more than 6 minutes, 0 to 1",
    "p_over_480": "chance of more than 8 minutes",
    "p_over_600": "chance of more than 10 minutes",
    "pumps_needed": "pumps usually sent to such calls, 1 to 5 (5: five or more)",
    "risk_underestimated": "`true` if the chance of arriving more than 120 s after `p50_s` is among the highest",
    "imputed": "imputed values, `column=source` joined by `;`",
    "error": "why the row has no prediction; empty if it has one",
}

SETTING = {
    "home": "records, data, bundles, reports and the default database",
    "log_format": "lines on standard error: `json`, `text`, or `auto`: `serve` writes text to a terminal and JSON elsewhere, other "
    "commands text",
    "database_url": "`postgresql://user:password@host:5432/name` or `sqlite:////folder/file.db`; "
    "not set: `londonpump.db` in the home. A secret",
    "datastore_url": "London Datastore, or a mirror of it",
    "open_meteo_url": "not set: Open-Meteo's own hosts, one per service; set: `/v1/forecast`, `/v1/archive` and "
    "`/v1/historical-forecast` below it",
    "visual_crossing_url": "Visual Crossing",
    "visual_crossing_key": "key, needed for `--source visual-crossing`. A secret",
    "school_terms_url": "page of the borough's term dates",
    "govuk_url": "GOV.UK; `/bank-holidays.json` below it is fetched",
    "roads_url": "OpenStreetMap extract of Greater London (`.osm.pbf`) that `fetch roads` downloads, or a mirror of it",
    "tomtom_url": "TomTom",
    "tomtom_key": "key; without it no request is sent to TomTom. A secret",
    "bundles": "folder of bundles; not set: `bundle` in the home",
    "secret_file": "service: file with the secret that signs its tokens; not set: `secret` in the home, with the default database only",
    "mlflow_url": "tracking server of MLflow, `http://` or `https://`; not set: a store in the home, `mlflow/mlflow.db`",
    "tracking": "whether `run` ends by sending its training and its decision to MLflow; not set: if a server is named or `londonpump track` was used before",
    "registration": "service: whether anybody may create an account; not set: only with the default database",
    "password_min": "service: minimum length of a new password, 6 to 128",
    "token_minutes": "service: minutes that an access token is valid, 1 to 720 (a session ends after 12 hours)",
    "drain_s": "service: seconds after SIGTERM during which it still answers while `/readyz` says 503, so that a load "
    "balancer chooses another replica; 0 to 600",
    "database_patience_ms": "service: how long a request waits for the database before it is answered 503, ms; "
    "set more if other commands use the same disk as a service on SQLite",
    "proxies": "service: number of own proxies that add to X-Forwarded-For, 0 to 8; 0 ignores the header",
    "source_connections": "service: connections that one address may hold on which no valid token was seen, 1 to 256; not "
    "counted behind proxies",
    "public_url": "service: address by which browsers reach the console, such as `https://pumps.example.org`; not set: the host of "
    "each request. Set it if a proxy changes the header Host",
    "console_records": "service: `false` removes recording from the console, if a feed alone keeps the board",
    "map_tiles": "service: `.pmtiles` or `.mbtiles` file (OpenMapTiles schema) with the streets of the console's map; not set: no "
    "streets",
    "challenge_days": "days before the newest complete day at which a training stops, so that later days are left for the evaluation",
    "champion_age_days": "a champion trained until more days ago may be replaced by a newer model that is not worse",
    "run": "name of the scheduled run that a command is part of; stored in the ledger",
    "alarm_webhook": "where `monitor` sends alarms; `http://` on loopback only. A secret",
    "roll_back": "what `monitor` does when live error or coverage leaves its band: `propose` (an alarm with the command), "
    "`auto` (the roll back itself) or `off`",
    "roll_back_mae_pct": "how far the lower end of the live error's interval must be above the evaluated error, %",
    "roll_back_days": "days in succession that it must be outside, 1 to 60",
    "roll_back_gap_days": "days after a roll back during which `auto` does not roll back again",
}


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def code(text: str) -> str:
    """Return a name as code."""
    return f"`{text}`"


def features() -> str:
    """Return the table of the features of the response-time model."""
    rows: list[tuple[str, ...]] = [
        (code(f.name), f.unit, f.source, f.known, ", ".join(map(code, f.reads)), f.group) for f in FEATURES
    ]
    rows += [_location_row(smoothing) for smoothing in SMOOTHINGS]
    return table(("Feature", "Unit", "Source", "Known", "Reads", "Explained as"), rows)


def _location_row(smoothing: Smoothing) -> tuple[str, ...]:
    reads = ("station_code", "easting_m", "northing_m")[0 if smoothing.is_by_station else 1 :]
    known = {column.name: column.known for column in EXAMPLES}
    latest = max((known[name] for name in reads), key=KNOWN_STAGES.index)
    whose = "of the same station" if smoothing.is_by_station else "of any station"
    source = f"past dispatches {whose}, spread over {smoothing.width_m} m, shrunk by {smoothing.shrink:g} dispatches"
    return code(smoothing.name), "s", source, latest, ", ".join(map(code, reads)), "location"


def example_columns() -> str:
    """Return the table of the columns of examples."""
    return _columns(EXAMPLES)


def call_columns() -> str:
    """Return the table of the columns of calls."""
    return _columns(CALLS)


def _columns(columns: tuple[Column, ...]) -> str:
    rows = [
        (code(c.name), c.dtype, ", ".join(filter(None, (c.label, c.unit))), c.source, c.known)
        for c in columns
    ]
    return table(("Column", "Type", "Unit, meaning", "Source", "Known"), rows)


def optional_columns() -> str:
    """Return the table of the optional columns of CALLS.csv."""
    rows = [(code(name), MEANING[name], _limits(name)) for name in OPTIONAL]
    return table(("Column", "Content", "Between"), rows)


def frozen_rows() -> str:
    """Return the table of the frozen rows of the benchmark."""
    entries = json.loads((ROOT / "docs" / "reference" / "benchmark-rows.json").read_text(encoding="utf-8"))
    rows = [
        (
            one["name"],
            ", ".join(code(name) for name in one["files"]),
            one["from"],
            f"{one['rows']:,}",
            code(one["row_ids_sha256"]),
        )
        for one in entries
    ]
    return table(
        ("Records", "Files, in `../shared/data`", "Evaluated from", "Dispatches", "row_ids_sha256"), rows
    )


def _limits(name: str) -> str:
    return str(RANGES[name]).removeprefix("between ") if name in RANGES else ""


def prediction_columns() -> str:
    """Return the table of the columns of PREDICTIONS.csv."""
    return table(("Column", "Content"), [(code(name), ANSWER[name]) for name in HEADER])


def commands() -> str:
    """Return the help of every command as a terminal of 80 columns shows it."""
    paths = [(), *(name.split() for name in _commands_of(typer.main.get_command(app)))]
    parts = [f"\n## {' '.join(path)}\n\n```text\n{_help(*path)}\n```\n" for path in paths]
    return "".join(parts).removeprefix("\n## \n\n")


def _commands_of(group: Any, before: str = "") -> Iterator[str]:
    """Return the full name of every command; for a group those of its commands, without the group itself."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands_of(command, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def _help(*path: str) -> str:
    shown = CliRunner(env={"COLUMNS": HELP_COLUMNS}).invoke(app, [*path, "--help"]).stdout
    # some CI systems ask for colours everywhere
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()
    return "\n".join(line.rstrip().removeprefix(" ") for line in lines).strip()


def errors() -> str:
    """Return every error of the product with its first line."""
    for module in pkgutil.walk_packages(londonpump.__path__, "londonpump."):
        if not module.name.endswith("migrations.env"):  # a script of Alembic's, no module
            importlib.import_module(module.name)
    # A process that runs tests knows more errors than the product has.
    own = [error for error in _below(LondonPumpError) if error.__module__.startswith("londonpump.")]
    found = sorted(own, key=lambda error: (error.__name__, error.__module__))
    rows = [
        (
            code(error.__name__),
            error.__module__.removeprefix("londonpump."),
            (error.__doc__ or "").splitlines()[0],
        )
        for error in found
    ]
    return table(("Error", "Module", "Meaning"), rows)


def _below(dtype: type[LondonPumpError]) -> set[type[LondonPumpError]]:
    children = set(dtype.__subclasses__())
    return children | {deeper for child in children for deeper in _below(child)}


def settings() -> str:
    """Return every environment variable that is read."""
    rows = [
        (code(f"LONDONPUMP_{name.upper()}"), _default(field), SETTING[name])
        for name, field in Settings.model_fields.items()
    ]
    return table(("Setting", "Default", "Meaning"), rows)


ENV_EXAMPLE = ROOT / ".env.example"
ENV_HEAD = """\
# Settings of the stack in deploy/compose.yaml: copy this file to .env and change what you need. Passwords and the secret
# of the tokens are files in deploy/secrets, made by deploy/make-secrets.sh. Keys of publishers and the address of the webhook
# are set here: whoever may inspect the containers can read them. Written from the code by `make docs`.

# Images: where they are kept, and which version runs.
#REGISTRY=localhost
#TAG=dev
# Time that a service has to end: longer than LONDONPUMP_DRAIN_S by 15 s.
#SERVICE_STOP_GRACE=20s
#BASE_IMAGE=docker.io/library/python:3.13-slim-bookworm
#POSTGRES_IMAGE=docker.io/library/postgres:17-bookworm

# Addresses and ports on this machine. Put a proxy with TLS before a service that others reach.
#SERVICE_PORT=127.0.0.1:8000
#MLFLOW_PORT=127.0.0.1:5000
#AIRFLOW_PORT=127.0.0.1:8080

# First start: the user of Airflow's page, the first account of the service, the size of the simulated Brigade. The
# password of Airflow's user is in deploy/secrets/airflow-passwords; to choose it, run
# AIRFLOW_PASSWORD=... sh deploy/make-secrets.sh before the first start (not here: containers would see it).
#AIRFLOW_USER=admin
#ADMIN=admin
#EXAMPLE_INCIDENTS=110000

# Settings of londonpump, with their defaults in the stack.
"""
SET_BY_THE_STACK = {"home", "log_format", "database_url", "bundles", "secret_file", "mlflow_url"}
"""Settings that deploy/compose.yaml sets itself."""

STACK_DEFAULTS = {"database_patience_ms": 1000, "drain_s": 5}
"""Defaults of deploy/compose.yaml where they differ; a test compares them."""


def env_example() -> str:
    """Return `.env.example`: every setting with its meaning and its default."""
    lines = [ENV_HEAD]
    for name, field in Settings.model_fields.items():
        if name in SET_BY_THE_STACK:
            continue
        default = "" if field.default is None else str(STACK_DEFAULTS.get(name, field.default))
        lines += [f"# {SETTING[name].replace('`', '')}", f"#LONDONPUMP_{name.upper()}={default}", ""]
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "the platform's user data folder"
    return "not set" if field.default is None else code(str(field.default))


PARTS: dict[str, Callable[[], str]] = {
    "features": features,
    "example-columns": example_columns,
    "call-columns": call_columns,
    "optional-columns": optional_columns,
    "frozen-rows": frozen_rows,
    "prediction-columns": prediction_columns,
    "commands": commands,
    "errors": errors,
    "settings": settings,
    **api_reference.PARTS,
}


def renewed(text: str) -> str:
    """Return a page with its generated parts renewed. Raises: KeyError for an unknown part."""
    return PART.sub(lambda found: found[1] + PARTS[found["name"]]() + found[3], text)


def out_of_date(root: Path = ROOT) -> dict[Path, str]:
    """Return {page: new text} of the pages that differ from the code."""
    pages = {page: page.read_text(encoding="utf-8") for page in sorted((root / "docs").rglob("*.md"))}
    anew = {page: renewed(text) for page, text in pages.items()}
    example = root / ENV_EXAMPLE.name
    pages[example], anew[example] = example.read_text(encoding="utf-8"), env_example()
    return {page: text for page, text in anew.items() if text != pages[page]}


def main(arguments: list[str]) -> int:
    """Write the pages that are out of date, or with --check only name them."""
    stale = out_of_date()
    for page, text in stale.items():
        print(page.relative_to(ROOT))
        if "--check" not in arguments:
            page.write_text(text, encoding="utf-8", newline="\n")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
