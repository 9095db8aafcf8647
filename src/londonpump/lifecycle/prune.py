"""Remove bundles that nobody needs: neither named by the ledger nor among the newest."""

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
"""A younger bundle stays: whoever made it may be about to point to it or to judge it."""


@dataclass(frozen=True, slots=True)
class PruneResult:
    """removed: bundles that are gone, or would be. parts: what killed writers had left. is_dry: nothing was done."""

    removed: tuple[StoredBundle, ...]
    n_kept: int
    parts: tuple[str, ...]
    is_dry: bool

    def to_text(self) -> str:
        """For the person who ran it."""
        verb = "would be removed" if self.is_dry else "removed"
        lines = [f"{bundle.name}  made {bundle.made_at or 'once'}: {verb}" for bundle in self.removed]
        freed = sum(bundle.size_bytes for bundle in self.removed) / MIB
        lines.append(f"{len(self.removed)} bundles {verb} ({freed:.1f} MiB), {self.n_kept} stay.")
        if self.parts:
            lines.append(f"{len(self.parts)} unfinished left by killed writers: {verb}.")
        return "\n".join(lines)


def prune(settings: Settings, keep: int = 1, is_dry: bool = False) -> PruneResult:
    """Remove what no decision names and what is neither among the `keep` newest nor less than an hour old.

    The ledger is locked while bundles are moved aside, so that nobody puts one on duty at that moment; two that
    prune at once share the work. Raises: BadFile if the pointer of the store is damaged; DatabaseFailed.
    """
    with open_registry(settings) as registry:
        store = registry.store
        with writing(registry.engine) as connection:
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
    bundles.sort(key=lambda each: (each.made_at, stored_s[each.name], each.name), reverse=True)
    young = {name for name, at_s in stored_s.items() if time.time() - at_s < MIN_AGE_S}
    kept = {each.name for each in bundles[:keep]} | named | young | {newest}
    unneeded = [each for each in bundles if each.name not in kept]
    return unneeded, len(bundles) - len(unneeded)


def _move_aside(store: BundleStore, name: str) -> Path | None:
    """Out of the way at once; None if another process was quicker."""
    folder = store.folder(name)
    path = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=SUFFIX, dir=store.root))
    try:
        folder.rename(path)
    except FileNotFoundError:
        path.rmdir()
        return None
    return path
