"""Store of bundles, a folder shared by training, service and decisions, and the smoke test of a bundle.

The smoke test runs in its own process as the service would run it. The environment of the service has no pandas and no
scikit-learn; LightGBM loads them if it finds them, which takes two seconds, so the process hides them.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from londonpump.domain.errors import BadFile
from londonpump.domain.json_values import JsonObject
from londonpump.evaluation.promotion.evidence import SmokeTest
from londonpump.persistence.atomic_files import read_json
from londonpump.persistence.bundles import (
    CARD,
    CURRENT,
    NAME_PATTERN,
    add_bundle,
    bundle_folder,
    folder_of,
    load_bundle,
    read_provenance,
    require_bundles_folder,
)


@dataclass(frozen=True, slots=True)
class StoredBundle:
    """Bundle with its card and provenance."""

    name: str
    card: JsonObject
    provenance: JsonObject
    size_bytes: int
    problem: str | None = None  # why card or provenance cannot be read; they are empty then

    @property
    def made_at(self) -> str:
        """Time of the training, UTC in ISO form; empty if it is unknown."""
        return str(self.provenance.get("made_at", ""))


@dataclass(frozen=True, slots=True)
class BundleStore:
    """Folder of bundles, each named by the hash of its content."""

    root: Path

    def names(self) -> tuple[str, ...]:
        """Return the names of all bundles, including damaged ones."""
        if not self.root.is_dir():
            return ()
        return tuple(
            sorted(
                entry.name
                for entry in self.root.iterdir()
                if NAME_PATTERN.fullmatch(entry.name) and (entry / CARD).exists()
            )
        )

    def newest(self) -> str | None:
        """Return the bundle that training stored last; None if there is none. Raises: BadFile if the pointer is damaged."""
        if not (self.root / CURRENT).exists():
            return None
        return bundle_folder(self.root).name

    def folder(self, name: str) -> Path:
        """Return the folder of a bundle, whether it exists or not. Raises: BadFile for anything but a hash."""
        return folder_of(self.root, name)

    def has(self, name: str) -> bool:
        """True if the bundle exists, even if it is damaged."""
        return (self.folder(name) / CARD).exists()

    def find(self, reference: str) -> Path:
        """Return the folder of a bundle by its hash in this store, or by a path. Raises: BadFile if it is neither."""
        if NAME_PATTERN.fullmatch(reference) and (self.root / reference).is_dir():
            return self.root / reference
        if not Path(reference).exists():
            raise BadFile(
                reference,
                f"is neither a folder nor a bundle in {self.root}",
                "Make one: londonpump train --data DATA.",
            )
        return bundle_folder(Path(reference))

    def copy_in(self, folder: Path) -> str:
        """Copy a bundle into the store. Returns: its name. Raises: BadFile if its content does not match its name."""
        if folder.resolve().parent == self.root.resolve():
            return folder.resolve().name
        require_bundles_folder(self.root)
        # Loading verifies the content, so a damaged bundle never enters the store.
        _, files = load_bundle(folder)
        return add_bundle(files, read_provenance(folder), self.root).name

    def read(self, name: str) -> StoredBundle:
        """Read card and provenance of a bundle. Raises: BadFile if it does not exist or has no card."""
        folder = self.folder(name)
        if not self.has(name):
            raise BadFile(folder, "does not exist", "See londonpump models list --bundles.")
        card = read_json(folder / CARD)
        if not isinstance(card, dict):
            raise BadFile(folder / CARD, "is not a bundle card", "Copy the whole bundle again.")
        return StoredBundle(name, card, read_provenance(folder), _size_bytes(folder))

    def read_all(self) -> list[StoredBundle]:
        """Read every bundle; a damaged one has a problem instead of a card."""
        return [self._read_or_problem(name) for name in self.names()]

    def _read_or_problem(self, name: str) -> StoredBundle:
        try:
            return self.read(name)
        except BadFile as error:
            return StoredBundle(name, {}, {}, _size_bytes(self.folder(name)), error.problem)


def _size_bytes(folder: Path) -> int:
    try:
        return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    except FileNotFoundError:
        # Another process is pruning the bundle.
        return 0


WITHIN_S = 120
LEAN = (
    "import sys; sys.modules.update(pandas=None, sklearn=None); "
    "from londonpump.persistence.verified_bundle import main; sys.exit(main())"
)


def run_smoke_test(folder: Path) -> SmokeTest:
    """Load a bundle in a fresh process, predict its example, and measure the latency."""
    # A fresh process proves that the bundle needs nothing that this process has loaded or fitted.
    command = [sys.executable, "-c", LEAN, str(folder)]
    try:
        completed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN_S)  # noqa: S603
    except subprocess.TimeoutExpired:
        return SmokeTest(f"{folder}: did not answer within {WITHIN_S} s. Train again.")
    error_lines = completed.stderr.strip().splitlines() or ["no output"]
    if completed.returncode:
        return SmokeTest(f"does not predict in a fresh process ({error_lines[-1]})")
    return SmokeTest(latency_ms=round(float(json.loads(completed.stdout)["latency_ms"]), 3))


def require_smoke_test(folder: Path) -> SmokeTest:
    """Run the smoke test. Raises: BadFile if it fails."""
    smoke_test = run_smoke_test(folder)
    if smoke_test.problem is not None:
        raise BadFile(folder, smoke_test.problem, "Train again.")
    return smoke_test
