"""Check that the tree holds no big files, pickles, binaries, keys, CR line ends or addresses in locks."""

import re
import subprocess
import sys
from pathlib import Path

LARGEST_BYTES = 1_000_000
FORBIDDEN_ENDINGS = (".pkl", ".pickle", ".joblib", ".npy", ".npz", ".so", ".exe", ".whl", ".parquet", ".xlsx")
SECRET = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36}")


def faults_of(path: Path) -> list[str]:
    """Return the faults of one file."""
    content = path.read_bytes()
    faults = []
    if len(content) > LARGEST_BYTES:
        faults.append(f"{len(content)} bytes, at most {LARGEST_BYTES}")
    if path.suffix in FORBIDDEN_ENDINGS:
        faults.append(f"{path.suffix} files do not belong here")
    if b"\r\n" in content and b"\0" not in content:
        faults.append("ends lines with CR LF")
    if SECRET.search(content):
        faults.append("looks like a secret")
    if path.suffix == ".lock" and b"://" in content:
        faults.append("holds an address")
    return faults


def main() -> int:
    """Return 0 if every tracked or new file is allowed, else 1."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    paths = [Path(name.decode()) for name in listed if name]
    faults = [f"{path}: {fault}" for path in paths if path.is_file() for fault in faults_of(path)]
    print("\n".join(faults) or f"{len(paths)} files may stand")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
