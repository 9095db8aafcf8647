"""A bundle tried in a process of its own, as the service will run it: nothing that training left can help.

The service's environment has no pandas and no scikit-learn. LightGBM loads them where it finds them, which takes two
seconds and is not needed: the process is told that they are not there.
"""

import json
import subprocess
import sys
from pathlib import Path

from londonpump.domain.errors import BadFile
from londonpump.evaluation.promotion.evidence import SmokeTest

WITHIN_S = 120
LEAN = (
    "import sys; sys.modules.update(pandas=None, sklearn=None); "
    "from londonpump.storage.verified_bundle import main; sys.exit(main())"
)


def run_smoke_test(folder: Path) -> SmokeTest:
    """Load it, have it answer its example, time its answers."""
    command = [sys.executable, "-c", LEAN, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN_S)  # noqa: S603
    except subprocess.TimeoutExpired:
        return SmokeTest(f"{folder}: did not answer within {WITHIN_S} s. Train again.")
    error_lines = done.stderr.strip().splitlines() or ["no word"]
    if done.returncode:
        return SmokeTest(f"does not answer in a fresh process ({error_lines[-1]})")
    return SmokeTest(latency_ms=round(float(json.loads(done.stdout)["latency_ms"]), 3))


def require_smoke_test(folder: Path) -> SmokeTest:
    """As `tried`. Raises: BadFile if it does not answer."""
    smoke_test = run_smoke_test(folder)
    if smoke_test.problem is not None:
        raise BadFile(folder, smoke_test.problem, "Train again.")
    return smoke_test
