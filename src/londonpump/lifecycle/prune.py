"""Remove bundles that are neither named by the ledger nor among the newest."""

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from londonpump.registry.bundle_store import BundleStore, StoredBundle
from londonpump.registry.ledger import named_bundles, open_registry
from londonpump.settings import Settings
from londonpump.storage.atomic_files import SUFFIX, remove_abandoned
from londonpump.storage.database import writing
from londonpump.storage.database.decision_repository import lock_decisions

MIB = 1024 * 1024
MIN_AGE_S = 3600
"""A younger bundle stays: the process that made it may be about to judge it."""


@dataclass(frozen=True, slots=True)
class PruneResult:
    """Bundles that were removed."""

    removed: tuple[StoredBundle, ...]
    n_kept: int
    parts: tuple[str, ...]  # unfinished files of killed writers
    is_dry: bool  # nothing was removed

    def to_text(self) -> str:
        """Format one line per removed bundle and a summary."""
        verb = "would be removed" if self.is_dry else "removed"
        lines = [
            f"{bundle.name}  made {bundle.made_at or 'at an unknown time'}: {verb}" for bundle in self.removed
        ]
        freed = sum(bundle.size_bytes for bundle in self.removed) / MIB
        lines.append(f"{len(self.removed)} bundles {verb} ({freed:.1f} MiB), {self.n_kept} kept.")
        if self.parts:
            lines.append(f"{len(self.parts)} unfinished bundles of killed processes: {verb}.")
        return "\n".join(lines)


def prune(settings: Settings, keep: int = 1, is_dry: bool = False) -> PruneResult:
    """Remove bundles that no decision names and that are neither among the `keep` newest nor less than an hour old.

    Two processes that prune at once share the work. Raises: BadFile if the pointer of the store is damaged; DatabaseFailed.
    """
    with open_registry(settings) as registry:
        store = registry.store
        with writing(registry.engine) as connection:
            # The lock keeps others from promoting a bundle while it is moved; the slow removal follows without it.
            lock_decisions(connection)
            unneeded, n_kept = _unneeded(store, named_bundles(connection), keep)
            moved = [] if is_dry else [path for each in unneeded if (path := _move_aside(store, each.name))]
        for path in moved:
            shutil.rmtree(path, ignore_errors=True)
        parts = remove_abandoned(store.root) if store.root.is_dir() and not is_dry else []
    return PruneResult(tuple(unneeded), n_kept, tuple(parts), is_dry)


def _unneeded(store: BundleStore, named: frozenset[str], keep: int) -> tuple[list[StoredBundle], int]:
    newest = store.newest()
    bundles = store.read_all()
    stored_s = {each.name: store.folder(each.name).stat().st_mtime for each in bundles}
    # Two trainings can end within a second, so the time of the folder and the name break ties.
    bundles.sort(key=lambda each: (each.made_at, stored_s[each.name], each.name), reverse=True)
    young = {name for name, at_s in stored_s.items() if time.time() - at_s < MIN_AGE_S}
    kept = {each.name for each in bundles[:keep]} | named | young | {newest}
    unneeded = [each for each in bundles if each.name not in kept]
    return unneeded, len(bundles) - len(unneeded)


def _move_aside(store: BundleStore, name: str) -> Path | None:
    """Rename a bundle so that it disappears in one step; None if another process was quicker."""
    folder = store.folder(name)
    path = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=SUFFIX, dir=store.root))
    try:
        folder.rename(path)
    except FileNotFoundError:
        path.rmdir()
        return None
    return path
