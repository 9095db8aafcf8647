"""A bundle that may answer calls: read whole, what its hash says, and answering its own example.

`python -m londonpump.storage.checked_bundle FOLDER` does the same in a process of its own that has seen nothing of
training: it prints the seconds that the example is answered with.
"""

import sys
from pathlib import Path

from londonpump.brigade.errors import BadFile, LondonPumpError
from londonpump.models.bundle import Bundle, from_files
from londonpump.models.prototype import check_prototype
from londonpump.storage.bundles import NAME_PATTERN, load_bundle


def open_checked(folder: Path) -> tuple[str, Bundle, float]:
    """(hash, bundle, the seconds of its example). Raises: BadFile in every case that it cannot be used."""
    name, files = load_bundle(folder)
    try:
        bundle = from_files(files, str(folder))
        answered_s = check_prototype(bundle, str(folder))
    except BadFile:
        raise
    except Exception as error:
        # the hash is right, so it was stored like that: by another version, or by a fault of training
        raise BadFile(folder, f"cannot be used ({type(error).__name__}: {error})", "Train again.") from error
    return name, bundle, answered_s


def folder_of(bundles: Path, name: str) -> Path:
    """Where a bundle stands that the ledger names. Raises: BadFile for anything but a hash: no path gets out."""
    if not NAME_PATTERN.fullmatch(name):
        raise BadFile(bundles, f"can hold no bundle of the name {name[:80]!r}", "Name it by its hash.")
    return bundles / name


def main() -> int:
    """Check one folder. Returns: the exit code, 2 with the reason on standard error."""
    try:
        print(open_checked(Path(sys.argv[1]))[2])
    except LondonPumpError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
