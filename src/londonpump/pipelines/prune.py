"""Remove bundles that nobody needs: neither named by the ledger nor among the newest."""

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from londonpump.registry.bundle_store import BundleStore, StoredBundle
from londonpump.registry.ledger import named_bundles
from londonpump.registry.registry import open_registry
from londonpump.settings import Settings
from londonpump.storage.database import writing
from londonpump.storage.database.decision_rows import lock_decisions
from londonpump.storage.parts import ENDING, clear_abandoned

MIB = 1024 * 1024
YOUNG_S = 3600
"""A younger bundle stays: whoever made it may be about to point to it or to judge it."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """removed: bundles that are gone, or would be. parts: what killed writers had left. is_dry: nothing was done."""

    removed: tuple[StoredBundle, ...]
    n_kept: int
    parts: tuple[str, ...]
    is_dry: bool

    def in_words(self) -> str:
        """For the person who ran it."""
        verb = "would be removed" if self.is_dry else "removed"
        lines = [f"{bundle.name}  made {bundle.made_at or 'once'}: {verb}" for bundle in self.removed]
        freed = sum(bundle.size_bytes for bundle in self.removed) / MIB
        lines.append(f"{len(self.removed)} bundles {verb} ({freed:.1f} MiB), {self.n_kept} stay.")
        if self.parts:
            lines.append(f"{len(self.parts)} unfinished left by killed writers: {verb}.")
        return "\n".join(lines)


def prune(settings: Settings, keep: int = 1, is_dry: bool = False) -> Pruned:
    """Remove what no decision names and what is neither among the `keep` newest nor less than an hour old.

    The ledger is locked while bundles are moved aside, so that nobody puts one on duty at that moment; two that
    prune at once share the work. Raises: BadFile if the pointer of the store is damaged; DatabaseFailed.
    """
    with open_registry(settings) as registry:
        store = registry.store
        with writing(registry.engine) as connection:
            lock_decisions(connection)
            unneeded, n_kept = _unneeded(store, named_bundles(connection), keep)
            aside = [] if is_dry else [place for each in unneeded if (place := _aside(store, each.name))]
        for place in aside:
            shutil.rmtree(place, ignore_errors=True)
        parts = clear_abandoned(store.root) if store.root.is_dir() and not is_dry else []
    return Pruned(tuple(unneeded), n_kept, tuple(parts), is_dry)


def _unneeded(store: BundleStore, named: frozenset[str], keep: int) -> tuple[list[StoredBundle], int]:
    newest = store.newest()
    told = store.every()
    stored_s = {each.name: store.folder(each.name).stat().st_mtime for each in told}
    told.sort(key=lambda each: (each.made_at, stored_s[each.name], each.name), reverse=True)
    young = {name for name, at_s in stored_s.items() if time.time() - at_s < YOUNG_S}
    kept = {each.name for each in told[:keep]} | named | young | {newest}
    unneeded = [each for each in told if each.name not in kept]
    return unneeded, len(told) - len(unneeded)


def _aside(store: BundleStore, name: str) -> Path | None:
    """Out of the way at once; None if another process was quicker."""
    folder = store.folder(name)
    place = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=ENDING, dir=store.root))
    try:
        folder.rename(place)
    except FileNotFoundError:
        place.rmdir()
        return None
    return place
