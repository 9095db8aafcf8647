"""The store of bundles: one folder that training, the service and whoever decides can reach."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from londonpump.domain.errors import BadFile
from londonpump.evaluation.promotion.evidence import SmokeTest
from londonpump.storage.bundles import (
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
from londonpump.storage.files import read_json


@dataclass(frozen=True, slots=True)
class StoredBundle:
    """What a bundle says of itself. size_bytes: of its folder. problem: why its card or what stands beside it cannot be read;
    they are empty then."""

    name: str
    card: dict[str, Any]
    provenance: dict[str, Any]
    size_bytes: int
    problem: str | None = None

    @property
    def made_at(self) -> str:
        """When it was trained, UTC in ISO form; empty where nothing tells."""
        return str(self.provenance.get("made_at", ""))


@dataclass(frozen=True, slots=True)
class BundleStore:
    """Bundles by the hash of their content. root: the folder that holds them."""

    root: Path

    def names(self) -> tuple[str, ...]:
        """Every bundle that stands there, sound or not."""
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
        """What training wrote last; None where it wrote nothing. Raises: BadFile if the pointer is damaged."""
        if not (self.root / CURRENT).exists():
            return None
        return bundle_folder(self.root).name

    def folder(self, name: str) -> Path:
        """Where a bundle stands, or would stand. Raises: BadFile for anything but a hash."""
        return folder_of(self.root, name)

    def has(self, name: str) -> bool:
        """Whether it stands there, sound or not."""
        return (self.folder(name) / CARD).exists()

    def find(self, reference: str) -> Path:
        """The folder of a bundle named by its hash here, or by a path. Raises: BadFile if it is neither."""
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
        """Copy a bundle from elsewhere, whole. Returns: its name. Raises: BadFile if it is not what its name says."""
        if folder.resolve().parent == self.root.resolve():
            return folder.resolve().name
        require_bundles_folder(self.root)
        _, files = load_bundle(folder)
        return add_bundle(files, read_provenance(folder), self.root).name

    def read(self, name: str) -> StoredBundle:
        """What a bundle says of itself. Raises: BadFile if it is not there or has no card."""
        folder = self.folder(name)
        if not self.has(name):
            raise BadFile(folder, "is not there", "Look what is: londonpump models list --bundles.")
        card = read_json(folder / CARD)
        if not isinstance(card, dict):
            raise BadFile(folder / CARD, "is no card", "Copy the bundle again whole.")
        return StoredBundle(name, card, read_provenance(folder), _size_bytes(folder))

    def read_all(self) -> list[StoredBundle]:
        """What each says of itself; a damaged one has a problem, and hides no other."""
        return [self._read_or_problem(name) for name in self.names()]

    def _read_or_problem(self, name: str) -> StoredBundle:
        try:
            return self.read(name)
        except BadFile as error:
            return StoredBundle(name, {}, {}, _size_bytes(self.folder(name)), error.problem)


def _size_bytes(folder: Path) -> int:
    """0 where it is pruned at this moment."""
    try:
        return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    except FileNotFoundError:
        return 0


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
