"""`deploy/azure/run-job.sh` ends as the job does. `az` is a script of the test: the cloud itself was never asked."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "azure" / "run-job.sh"
AZ = """#!/bin/sh
echo "$*" >> "$HERE/asked"
case "$*" in
  *"job start"*) echo lptest-migrate-abc ;;
  *"execution show"*) head -n 1 "$HERE/statuses"; sed -i 1d "$HERE/statuses" ;;
esac
"""


def run_job(folder: Path, *statuses: str) -> subprocess.CompletedProcess[str]:
    for name, text in (("az", AZ), ("sleep", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "statuses").write_text("".join(f"{status}\n" for status in statuses))
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "HERE": str(folder),
        "RUN_JOB_TRIES": str(len(statuses)),
    }
    command = ["sh", str(SCRIPT), "group", "lptest-migrate"]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_it_waits_until_the_job_has_succeeded(tmp_path) -> None:
    done = run_job(tmp_path, "Running", "Running", "Succeeded")
    assert (done.returncode, done.stderr) == (0, "")
    asked = (tmp_path / "asked").read_text()
    assert asked.count("--job-execution-name lptest-migrate-abc") == 3


@pytest.mark.parametrize(
    "statuses", [["Running", "Failed"], ["Running", "Running"]], ids=["failed", "too late"]
)
def test_anything_else_is_a_failure(tmp_path, statuses) -> None:
    done = run_job(tmp_path, *statuses)
    assert done.returncode == 1
    assert f"lptest-migrate-abc is '{statuses[-1]}'" in done.stderr
