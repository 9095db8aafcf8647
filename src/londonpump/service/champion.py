"""The active model: loaded at start, replaced while serving when the ledger names another.

The old model serves until the new one is loaded, its hash is verified and its self-test passes. A bundle that fails
any of these never replaces a working model; it is tried again later, because it may still be being copied.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from londonpump.domain.errors import BadFile, DatabaseFailed
from londonpump.domain.json_values import JsonObject
from londonpump.models.bundle import Bundle
from londonpump.persistence.bundles import read_provenance
from londonpump.persistence.database.store import Store
from londonpump.persistence.repositories.decisions import active_champion
from londonpump.persistence.verified_bundle import folder_of, open_verified
from londonpump.roads.bundles import with_roads
from londonpump.service.errors import NoModel
from londonpump.service.telemetry import Metrics, log

HOW_TO_PROMOTE = "Promote one: londonpump models promote BUNDLE --why TEXT."
READ_WITHIN_S = 1.0
"""No request waits for this query, so it may take longer than the limit of a request."""
MAX_POLLS_TO_SKIP = 60
MAX_NAME_CHARACTERS = 80
UNUSABLE = "cannot be used. The log of the service says why."


@dataclass(frozen=True, slots=True)
class Champion:
    """A verified bundle that serves predictions."""

    name: str
    """Hash of its content."""
    bundle: Bundle
    since_at: datetime
    """When this process activated it."""
    provenance: JsonObject
    roads_problem: str | None = None
    """Why the bundle serves without its table of roads; None if it does not need one, or has it."""

    @property
    def is_simulated(self) -> bool:
        """True if the model was trained on simulated records."""
        return self.bundle.card.data.is_simulated


class ChampionWatch:
    """Holder of the champion. Requests read `current`; only the watch sets it."""

    def __init__(
        self, store: Store, bundles: Path, roads: Path, clock: Callable[[], datetime], metrics: Metrics
    ) -> None:
        self._store = store
        self._bundles = bundles
        self._roads = roads
        self._clock = clock
        self._metrics = metrics
        self._failures = 0
        self._polls_to_skip = 0
        self.current: Champion | None = None
        self.ledger_model: str | None = None
        """Model that the ledger names."""
        self.problem: str | None = None
        """Why the named model does not serve, without paths or addresses; None if it does. The log has the details."""

    def require(self) -> Champion:
        """Return the active model. Raises: NoModel."""
        if self.current is None:
            raise NoModel(self.problem or f"No model is active. {HOW_TO_PROMOTE}")
        return self.current

    async def watch(self, every_s: float) -> None:
        """Poll the ledger until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            await self.poll()

    async def poll(self) -> None:
        """Read the ledger, and activate the model that it names if that is another one and works."""
        try:
            named = await self._store.read(active_champion, within_s=READ_WITHIN_S)
        except DatabaseFailed as error:
            # the active model keeps serving; /readyz reports the state of the database
            log("ledger not read", logging.WARNING, problem=type(error).__name__)
            return
        if named != self.ledger_model:
            self.ledger_model, self._failures, self._polls_to_skip = named, 0, 0
        if named is None:
            self.current, self.problem = None, None
            self._metrics.note_champion(None)
            return
        if self.current is not None and self.current.name == named:
            self.problem = None
            if self.current.roads_problem is not None:
                await self._look_for_roads(self.current)
            return
        # the named bundle failed before: wait for the next try
        if self._polls_to_skip > 0:
            self._polls_to_skip -= 1
            return
        await self._activate(named)

    async def _activate(self, name: str) -> None:
        try:
            # in a thread: loading and hashing can take seconds, and the old model keeps answering meanwhile
            champion = await asyncio.to_thread(open_champion, self._bundles, self._roads, name, self._clock())
        except BadFile as error:
            self._record_failure(name, error)
            return
        # requests read `current` once: each sees the old model or the new one, never a mixture
        self.current, self.problem, self._failures = champion, None, 0
        self._metrics.note_champion(name, champion.bundle.card.data.trained_until)
        log("champion active", model=name, simulated=champion.is_simulated)
        if champion.roads_problem is not None:
            log("champion without its roads", logging.ERROR, model=name, problem=champion.roads_problem)

    async def _look_for_roads(self, champion: Champion) -> None:
        """Give the champion its table of roads once it is there; looked for once in MAX_POLLS_TO_SKIP polls."""
        if self._polls_to_skip > 0:
            self._polls_to_skip -= 1
            return
        self._polls_to_skip = MAX_POLLS_TO_SKIP
        found = await asyncio.to_thread(_with_roads, champion, self._roads)
        if found.roads_problem is None:
            self.current = found
            log("roads of the champion found", model=champion.name)

    def _record_failure(self, name: str, error: BadFile) -> None:
        self._failures += 1
        # exponential backoff: hashing a large bundle at every poll would take CPU from predictions
        self._polls_to_skip = min(2**self._failures - 1, MAX_POLLS_TO_SKIP)
        suffix = f" {self.current.name} stays active." if self.current else ""
        self.problem = f"The model {name[:MAX_NAME_CHARACTERS]} {_public_problem(error)}{suffix}"
        self._metrics.champion_problems.inc()
        log("champion not activated", logging.ERROR, model=name, problem=str(error))


def _public_problem(error: BadFile) -> str:
    """Return what is wrong with a bundle; if the text names a path, a general sentence instead."""
    text = f"{error.problem}. {error.advice}"
    return UNUSABLE if set(text) & set("/\\") else text


def open_champion(bundles: Path, roads: Path, name: str, now: datetime) -> Champion:
    """Load and verify a bundle by its hash, with its table of roads if it is there. Raises: BadFile if it cannot be used."""
    folder = folder_of(bundles, name)
    found, bundle, _ = open_verified(folder)
    if found != name:
        # a symbolic link, or a file system that ignores case
        raise BadFile(folder, f"holds the bundle {found}", "Copy the complete bundle again.")
    try:
        provenance = read_provenance(folder)
    except BadFile as error:
        # no prediction depends on it, so that calls are answered without it
        log("provenance not read", logging.WARNING, model=name, problem=str(error))
        provenance = {}
    return _with_roads(Champion(name, bundle, now, provenance), roads)


def _with_roads(champion: Champion, roads: Path) -> Champion:
    try:
        return replace(champion, bundle=with_roads(champion.bundle, roads), roads_problem=None)
    except BadFile as error:
        return replace(champion, roads_problem=str(error))
