"""One stranger's address against the control room: `python -m benchmarks.service.attacks [--before CHECKOUT]`

For each attack a service is started, and an operator asks for predictions: first alone, then while one other source of
this machine attacks. Kept in benchmarks/results/attacks.json and shown in docs/explanation/threat-model.md.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from benchmarks.inputs import Inputs, Sizes
from benchmarks.machine import commit, machine
from benchmarks.page import write_between
from benchmarks.processes import ROOT, environment, run
from benchmarks.service.attackers import CONSOLES, SIGN_INS, console, post, server_of
from benchmarks.service.server import Server, serving
from benchmarks.service.service_home import PASSWORD, Home
from londonpump.persistence.atomic_files import read_json, write_json

RESULTS = ROOT / "benchmarks" / "results" / "attacks.json"
PAGE = ROOT / "docs" / "explanation" / "threat-model.md"
MARKS = ("<!-- attacks: written by python -m benchmarks.service.attacks -->", "<!-- end of attacks -->")
ATTACKS = {
    "register": "`POST /register` with 5,000 unknown keys",
    "openapi": "`GET /openapi.json`",
    "readyz": "`GET /readyz`",
    "metrics": "`GET /metrics`",
    "login": "`POST /login`, throttled",
    "refresh": "`POST /refresh` with an unknown token",
    "docs": "`GET /docs/swagger-ui-bundle.js`",
    "livez": "`GET /livez`",
    "no_token": "`POST /v1/predictions` without a token, 60 kB",
    "heads": "530 heads that never end",
    "sign_ins": "no attack: 12 correct sign-ins at once, 30 within 10 s",
}
BUNDLE = Sizes(incidents=20_000)
"""Number of incidents: the model need not be good, because the cost of an answer depends little on its size."""
QUIET_S, ATTACKED_S, MARGIN_S = 5.0, 8.0, 2.0
LIMIT = 3.0
"""Under attack the operator's p95 stays within this many times its quiet value."""
MS_PER_S = 1000
VERSIONS = ("before", "after")
MAKE = "import sys; from pathlib import Path; from benchmarks.service.service_home import made; \
made(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))"


@dataclass(frozen=True)
class AttackView:
    """Latencies seen by an operator; `refused` counts responses other than 200, by status or error."""

    n: int
    p50_ms: float
    p95_ms: float
    refused: dict[str, int]


@dataclass(frozen=True)
class Outcome:
    """One attack. attacker: how many of its requests had which answer."""

    quiet: AttackView
    attacked: AttackView
    attacker: dict[str, int]
    waited_ms: float | None = None
    """The longest sign-in, for the attack by sign-ins."""


def main(
    before: Annotated[
        Path | None, typer.Option(metavar="CHECKOUT", help="Measure this code first, as it was before.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="This attack alone.")] = None,
    work: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the bundle here.")] = None,
    keep: Annotated[bool, typer.Option(help="Write the json and the page.")] = True,
) -> None:
    """Measure every attack, about 20 s each."""
    shown_progress = Console()
    if unknown := [name for name in only or () if name not in ATTACKS]:
        shown_progress.print(f"attacks: {unknown[0]} is none of: {', '.join(ATTACKS)}")
        raise typer.Exit(2)
    result: dict[str, Any] = read_json(RESULTS) if RESULTS.exists() else {"schema": 1}
    with tempfile.TemporaryDirectory(prefix="attacks-") as temporary:
        inputs = Inputs(work or Path(temporary), BUNDLE)
        inputs.work.mkdir(parents=True, exist_ok=True)
        checkouts = {"before": before, "after": ROOT}
        for version in VERSIONS:
            checkout = checkouts[version]
            if checkout is None:
                continue
            found = _measured(inputs, checkout.resolve(), only or [*ATTACKS], shown_progress)
            earlier = result.get(version, {}).get("attacks", {}) if only else {}
            attacks = {**earlier, **{name: asdict(one) for name, one in found.items()}}
            result[version] = {"commit": commit(checkout)[0], "machine": machine(), "attacks": attacks}
    if keep:
        write_json(RESULTS, result)
        write_between(PAGE, MARKS, table(result))
    shown_progress.print(table(result), markup=False)


def _measured(
    inputs: Inputs, checkout: Path, names: list[str], shown_progress: Console
) -> dict[str, Outcome]:
    found = {}
    with _home(inputs, checkout) as home:
        with serving(Path(sys.executable), home) as server:
            _make_consoles(server)
        for name in names:
            with serving(Path(sys.executable), home) as server:
                found[name] = _attacked(server, name)
            shown_progress.print(f"{checkout.name} {name}: {found[name]}", markup=False)
    return found


def _attacked(server: Server, name: str) -> Outcome:
    token = server.token()
    _operator(server, token, 1.0)
    quiet = _operator(server, token, QUIET_S)
    lasts_s = ATTACKED_S + 2 * MARGIN_S
    attack = subprocess.Popen(
        _command(server, name, lasts_s), cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment()
    )
    try:
        if name != "sign_ins":
            time.sleep(MARGIN_S)
        attacked = _operator(server, token, ATTACKED_S)
        output, _ = attack.communicate(timeout=60)
    finally:
        attack.kill()
        attack.wait()
    by_attacker: dict[str, Any] = json.loads(output.splitlines()[-1])
    longest = max(by_attacker.get("took_s", ()), default=None)
    waited_ms = None if longest is None else round(longest * MS_PER_S, 1)
    return Outcome(quiet, attacked, by_attacker["outcomes"], waited_ms)


def _operator(server: Server, token: str, seconds: float) -> AttackView:
    _, output = run(_command(server, "operator", seconds, token))
    seen: dict[str, Any] = json.loads(output.splitlines()[-1])
    took_ms = np.array(seen["took_s"] or [float("inf")]) * MS_PER_S
    p50_ms, p95_ms = (round(float(one), 1) for one in np.percentile(took_ms, (50, 95)))
    return AttackView(len(seen["took_s"]), p50_ms, p95_ms, seen["refused"])


def _command(server: Server, name: str, seconds: float, *more: str) -> tuple[str, ...]:
    own = (sys.executable, "-m", "benchmarks.service.attackers")
    return (*own, name, server.address, str(seconds), *more)


@contextmanager
def _home(inputs: Inputs, checkout: Path) -> Iterator[Home]:
    """Return a home made by the code of that checkout: a database of its version, a model, and an operator."""
    with tempfile.TemporaryDirectory(dir=inputs.work) as name:
        home = Home(Path(name) / "home", f"sqlite:///{name}/service.db", checkout, {"REGISTRATION": "true"})
        command = (sys.executable, "-c", MAKE, str(home.folder), home.url, str(inputs.bundle()))
        subprocess.run(command, env=home.environment(), cwd=name, check=True)
        yield home


def _make_consoles(server: Server) -> None:
    for number in range(SIGN_INS):
        fields = {"username": console(number), "password": PASSWORD, "passwordConfirm": PASSWORD}
        status = 0
        while status != HTTPStatus.CREATED:
            status = asyncio.run(post(server_of(server.address), CONSOLES, "/register", fields))


def table(result: dict[str, Any]) -> str:
    """Return the figures of each measured version in Markdown."""
    versions = [version for version in VERSIONS if version in result]
    where = "; ".join(f"{version}: {_where(result[version])}" for version in versions)
    heads = "".join(f" {version}: quiet | attacked | not answered |" for version in versions)
    lines = [f"| what comes |{heads}", "|---|" + "---|" * 3 * len(versions)]
    for name, title in ATTACKS.items():
        found = [result[version]["attacks"].get(name) for version in versions]
        if any(found):
            lines.append(f"| {title} | " + " | ".join(_cells(one) for one in found) + " |")
    says = (
        f"The operator's median / p95 in ms, how many times the quiet p95 that is (target: at most {LIMIT:g}), and how "
        "many of the operator's requests were not answered with 200."
    )
    return "\n\n".join((f"{says} {where}.", "\n".join(lines)))


def _cells(one: dict[str, Any] | None) -> str:
    if one is None:
        return " | | "
    quiet, attacked = one["quiet"], one["attacked"]
    times = attacked["p95_ms"] / quiet["p95_ms"]
    waited = (
        ""
        if one["waited_ms"] is None
        else f"; of the sign-ins {_others(one)}, longest {one['waited_ms']:,.0f} ms"
    )
    return (
        f"{quiet['p50_ms']:,.0f} / {quiet['p95_ms']:,.0f} | "
        f"{attacked['p50_ms']:,.0f} / {attacked['p95_ms']:,.0f} ({times:.1f} x) | "
        f"{sum(attacked['refused'].values())} of {attacked['n']}{waited}"
    )


def _others(one: dict[str, Any]) -> str:
    return f"{SIGN_INS - one['attacker'].get('200', 0)} of {SIGN_INS}"


def _where(version: dict[str, Any]) -> str:
    at = version["machine"]
    return f"commit {version['commit']}, {at['cpu']}, {at['cores']} cores"


if __name__ == "__main__":
    typer.run(main)
