"""Bundles that may answer calls: complete, matching their hash, and reproducing their own example.

`python -m londonpump.persistence.verified_bundle FOLDER` does the same in a process that shares nothing with training. It
prints the predicted seconds of the example, and the latency of a call, as JSON.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from londonpump.domain.attendance_targets import LATENESS_LIMITS_S
from londonpump.domain.errors import BadFile, LondonPumpError
from londonpump.models.bundle import Bundle, check_self_test, from_files, require_self_test, self_test_columns
from londonpump.models.distribution import P10, P50, P90
from londonpump.persistence.bundles import folder_of, load_bundle

__all__ = ["folder_of", "latency_ms", "open_verified"]

# Number of pumps in London: each is a candidate for a call.
CANDIDATES = 142
WARM_UP, TIMED = 5, 25
NS_PER_MS = 1e6


def open_verified(folder: Path) -> tuple[str, Bundle, float]:
    """Return (hash, bundle, predicted seconds of its example). Raises: BadFile if it cannot be used for any reason."""
    name, files = load_bundle(folder)
    try:
        bundle = from_files(files, str(folder))
        answered_s = check_self_test(bundle, str(folder))
    except BadFile:
        raise
    except Exception as error:
        # the hash is right, so another version or a fault in training stored it like this
        raise BadFile(folder, f"cannot be used ({type(error).__name__}: {error})", "Train again.") from error
    return name, bundle, answered_s


def latency_ms(bundle: Bundle) -> float:
    """Return the median CPU milliseconds of a forecast for every pump in London, after a warm-up.

    The bundle must hold the example of its self-test.
    """
    one = self_test_columns(require_self_test(bundle, "bundle").dispatch)
    columns = {name: np.repeat(values, CANDIDATES) for name, values in one.items()}
    taken_ns = []
    for _ in range(WARM_UP + TIMED):
        start_ns = time.thread_time_ns()
        times = bundle.response_times(bundle.dispatches(columns))
        times.quantiles((P10, P50, P90))
        for threshold_s in LATENESS_LIMITS_S:
            times.p_over(threshold_s)
        taken_ns.append(time.thread_time_ns() - start_ns)
    return statistics.median(taken_ns[WARM_UP:]) / NS_PER_MS


def main() -> int:
    """Check one folder and return the exit code: 2, with the reason on standard error, if it cannot be used."""
    try:
        _, bundle, answered_s = open_verified(Path(sys.argv[1]))
    except LondonPumpError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps({"answered_s": answered_s, "latency_ms": latency_ms(bundle)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
