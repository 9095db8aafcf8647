"""The commands `models show`, `as-of`, `list --bundles` and `prune`: look at stored bundles, and remove those no longer needed."""

import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from londonpump.domain.bundle_card import BundleCard
from londonpump.domain.errors import BadValue
from londonpump.domain.json_values import from_stored, view_of
from londonpump.persistence.atomic_files import SUFFIX, remove_abandoned
from londonpump.persistence.database import reading, writing
from londonpump.persistence.repositories import decisions
from londonpump.presentation.texts.bundles import MIB, BundleView, PeriodView, format_period
from londonpump.presentation.texts.challenge import TIME_FORMAT, DecisionView
from londonpump.registry.bundle_store import BundleStore, StoredBundle
from londonpump.registry.ledger import Registry, open_registry
from londonpump.settings import Settings


def show(settings: Settings, target: str | None) -> BundleView | DecisionView:
    """Return a bundle by its hash or folder, or a decision by its number; None: the active model.

    Raises: BadFile if there is no such bundle, BadValue if there is no such decision or no active model.
    """
    with open_registry(settings) as registry:
        if target is not None and _is_number(target):
            return _decision(registry, int(target))
        folder = registry.store.find(target or _active_bundle(registry)).resolve()
        name = folder.name
        stored = BundleStore(folder.parent).read(name)
        with reading(registry.engine) as connection:
            periods, lines = (
                decisions.active_periods_of(connection, name),
                decisions.decisions_about(connection, name),
            )
    return BundleView(
        bundle=stored.name,
        size_bytes=stored.size_bytes,
        card=stored.card,
        provenance=stored.provenance,
        active_periods=tuple(view_of(PeriodView, period) for period in periods),
        decisions=tuple(view_of(DecisionView, line) for line in lines),
    )


def as_of(settings: Settings, at: datetime) -> str:
    """Format which model was active at a time, and its active period."""
    with open_registry(settings) as registry, reading(registry.engine) as connection:
        line = decisions.decision_at(connection, at)
        if line is None or line.champion_after is None:
            return f"At {at:{TIME_FORMAT}} no model was active."
        spans = decisions.active_periods_of(connection, line.champion_after)
    # The newest period that began by then: a model can be active several times.
    period = next(each for each in reversed(spans) if each.from_at <= at)
    return f"At {at:{TIME_FORMAT}} {line.champion_after} was active: {format_period(view_of(PeriodView, period))}."


def format_bundles(settings: Settings) -> str:
    """Format every bundle of the store, the newest first."""
    with open_registry(settings) as registry:
        with reading(registry.engine) as connection:
            champion = decisions.active_champion(connection)
        store = registry.store
        bundles = sorted(store.read_all(), key=lambda each: each.made_at)
        newest = store.newest()
    if not bundles:
        return f"No bundle in {store.root}. Make one: londonpump train."
    lines = []
    for each in reversed(bundles):
        marks = [
            mark
            for mark, applies in (("active", each.name == champion), ("newest", each.name == newest))
            if applies
        ]
        until = from_stored(BundleCard, each.card).trained_until
        marks += [f"damaged: {each.problem}"] if each.problem else []
        lines.append(
            f"{each.name}  trained until {until or '-'}  made {each.made_at or '-'}  {', '.join(marks)}".rstrip()
        )
    return "\n".join(lines)


def _is_number(target: str) -> bool:
    """True for the number of a decision; a hash may consist of digits too, but it is longer."""
    return target.isascii() and target.isdecimal() and len(target) < len("0123456789abcdef")


def _decision(registry: Registry, number: int) -> DecisionView:
    with reading(registry.engine) as connection:
        line = decisions.decision_of(connection, number)
    if line is None:
        raise BadValue("decision", number, "is not in the ledger. See londonpump models list")
    return view_of(DecisionView, line)


def _active_bundle(registry: Registry) -> str:
    with reading(registry.engine) as connection:
        champion = decisions.active_champion(connection)
    if champion is None:
        raise BadValue("model", "active", "there is none. Name a bundle, or run londonpump models promote")
    return champion


MIN_AGE_S = 3600
"""A younger bundle stays: the process that made it may be about to evaluate it."""


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
            decisions.lock_decisions(connection)
            unneeded, n_kept = _unneeded(store, decisions.named_bundles(connection), keep)
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
