"""A bundle tried in a process of its own, as the service will run it: nothing that training left can help.

The service's environment has no pandas and no scikit-learn. LightGBM loads them where it finds them, which takes two
seconds and is not needed: the process is told that they are not there.
"""

import json
import subprocess
import sys
from pathlib import Path

from londonpump.brigade.errors import BadFile
from londonpump.evaluation.promotion.evidence import Trial

WITHIN_S = 120
LEAN = (
    "import sys; sys.modules.update(pandas=None, sklearn=None); "
    "from londonpump.storage.checked_bundle import main; sys.exit(main())"
)


def tried(folder: Path) -> Trial:
    """Load it, have it answer its example, time its answers."""
    command = [sys.executable, "-c", LEAN, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN_S)  # noqa: S603
    except subprocess.TimeoutExpired:
        return Trial(f"{folder}: did not answer within {WITHIN_S} s. Train again.")
    told = done.stderr.strip().splitlines() or ["no word"]
    if done.returncode:
        return Trial(f"does not answer in a fresh process ({told[-1]})")
    return Trial(latency_ms=round(float(json.loads(done.stdout)["latency_ms"]), 3))


def demand_trial(folder: Path) -> Trial:
    """As `tried`. Raises: BadFile if it does not answer."""
    trial = tried(folder)
    if trial.problem is not None:
        raise BadFile(folder, trial.problem, "Train again.")
    return trial
