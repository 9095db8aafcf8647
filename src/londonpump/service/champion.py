"""The model on duty: read at start, exchanged while serving when the ledger names another.

The old one answers until the new one was read whole, is what its hash says and has answered its prototype. One
that fails any of these never replaces one that works; it is tried again at every look, as a copy may be on its way.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from londonpump.domain.errors import BadFile, DatabaseFailed
from londonpump.models.bundle import Bundle
from londonpump.service.errors import NoModel
from londonpump.service.telemetry import Metrics, log
from londonpump.storage.bundles import read_provenance
from londonpump.storage.database.decision_repository import active_champion
from londonpump.storage.database.store import Store
from londonpump.storage.verified_bundle import folder_of, open_verified

HOW_TO_PROMOTE = "Put one on duty: londonpump models promote BUNDLE --why TEXT."
READ_WITHIN_S = 1.0
"""The look is nobody's request: it may wait longer than one."""
MAX_POLLS_TO_SKIP = 60
MAX_NAME_CHARACTERS = 80
UNUSABLE = "cannot be used. The log of the service says why."


@dataclass(frozen=True, slots=True)
class Champion:
    """A bundle that answers. name: the hash of its content. since_at: when this process took it up."""

    name: str
    bundle: Bundle
    since_at: datetime
    provenance: dict[str, Any]

    @property
    def is_simulated(self) -> bool:
        """Learnt from a simulated Brigade."""
        return bool(self.bundle.card.get("is_simulated"))


class ChampionWatch:
    """Holds the champion; `current` is read by requests, and set by the watch alone.

    named: what the ledger names. problem: why that one does not answer, in words that anybody may be shown; None if it
    does. The log has the whole of it.
    """

    def __init__(self, store: Store, bundles: Path, clock: Callable[[], datetime], metrics: Metrics) -> None:
        self._store = store
        self._bundles = bundles
        self._clock = clock
        self._metrics = metrics
        self._failures = 0
        self._polls_to_skip = 0
        self.current: Champion | None = None
        self.named: str | None = None
        self.problem: str | None = None

    def require(self) -> Champion:
        """The model that answers. Raises: NoModel."""
        if self.current is None:
            raise NoModel(self.problem or f"No model is on duty. {HOW_TO_PROMOTE}")
        return self.current

    async def watch(self, every_s: float) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            await self.poll()

    async def poll(self) -> None:
        """Ask the ledger, and take up what it names if that is another model and answers."""
        try:
            named = await self._store.read(active_champion, within_s=READ_WITHIN_S)
        except DatabaseFailed as error:
            # the model that answers goes on; the database's own state is told by /readyz
            log("ledger not read", logging.WARNING, problem=type(error).__name__)
            return
        if named != self.named:
            self.named, self._failures, self._polls_to_skip = named, 0, 0
        if named is None:
            self.current, self.problem = None, None
            self._metrics.note_champion(None)
            return
        if self.current is not None and self.current.name == named:
            self.problem = None
            return
        if self._polls_to_skip > 0:
            self._polls_to_skip -= 1
            return
        await self._activate(named)

    async def _activate(self, name: str) -> None:
        try:
            champion = await asyncio.to_thread(open_champion, self._bundles, name, self._clock())
        except BadFile as error:
            self._record_failure(name, error)
            return
        self.current, self.problem, self._failures = champion, None, 0
        self._metrics.note_champion(name)
        log("champion on duty", model=name, simulated=champion.is_simulated)

    def _record_failure(self, name: str, error: BadFile) -> None:
        self._failures += 1
        self._polls_to_skip = min(2**self._failures - 1, MAX_POLLS_TO_SKIP)
        suffix = f" {self.current.name} stays on duty." if self.current else ""
        self.problem = f"The model {name[:MAX_NAME_CHARACTERS]} {_public_problem(error)}{suffix}"
        self._metrics.champion_problems.inc()
        log("champion cannot go on duty", logging.ERROR, model=name, problem=str(error))


def _public_problem(error: BadFile) -> str:
    """What is wrong with a bundle; where that names a path, only that something is."""
    text = f"{error.problem}. {error.advice}"
    return UNUSABLE if set(text) & set("/\\") else text


def open_champion(bundles: Path, name: str, now: datetime) -> Champion:
    """A bundle by its hash, checked. Raises: BadFile in every case that it cannot be used."""
    folder = folder_of(bundles, name)
    found, bundle, _ = open_verified(folder)
    if found != name:
        # a link, or a file system that does not know capitals
        raise BadFile(folder, f"holds the bundle {found}", "Copy it again whole.")
    return Champion(name, bundle, now, read_provenance(folder))
