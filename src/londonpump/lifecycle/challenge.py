"""The commands `challenge` and `models compare`: compare two models on data later than both trainings.

`challenge` promotes the very bundle that was evaluated, never a refit. The decision with its evidence and its audit are one
transaction, and the same pair is decided once on the same data. `models compare` records nothing.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from londonpump.domain.errors import BadFile, BadValue
from londonpump.domain.json_values import JsonObject, from_stored, to_json, view_of
from londonpump.domain.london_clock import LONDON
from londonpump.evaluation.promotion.evidence import PromotionSettings, Verdict
from londonpump.lifecycle.champion_challenger import (
    LoadedBundle,
    SmokeTester,
    judge_pair,
    judged_from,
    open_pair,
    require_same_origin,
)
from londonpump.lifecycle.prepared_examples import data_hash_of, load_examples
from londonpump.lifecycle.progress import Progress, silent
from londonpump.persistence.database import reading, writing
from londonpump.persistence.repositories import decisions
from londonpump.presentation.texts.challenge import ChallengeView, ComparisonView, DecisionView
from londonpump.registry.bundle_store import BundleStore, run_smoke_test
from londonpump.registry.ledger import Registry, find_earlier_decision, open_registry
from londonpump.settings import Settings

JUDGED_BY = "challenge"
MAX_ATTEMPTS = 3
NOTHING_TO_DECIDE = "Nothing to decide"


@dataclass(frozen=True, slots=True)
class ChallengeRequest:
    """Request to evaluate a challenger on prepared data."""

    data: Path
    challenger: str | None = None  # None: the newest bundle of the store
    is_dry: bool = False  # evaluate, and record nothing
    rule: PromotionSettings | None = (
        None  # None: the defaults, with the champion's maximal age of the settings
    )
    now: datetime | None = None  # time of the decision, UTC
    smoke_tester: SmokeTester = run_smoke_test

    @property
    def at(self) -> datetime:
        """Time of the decision."""
        return self.now or datetime.now(UTC)

    @property
    def today(self) -> date:
        """London day of the decision."""
        return self.at.astimezone(LONDON).date()

    def rule_of(self, settings: Settings) -> PromotionSettings:
        """Return the settings of the promotion rule."""
        return self.rule or PromotionSettings(champion_age_days=settings.champion_age_days)


@dataclass(frozen=True, slots=True)
class ChallengeResult:
    """Result of a challenge; the fields are those of its view."""

    message: str
    active: str | None
    decision: decisions.Decision | None = None
    is_new: bool = False

    @property
    def view(self) -> ChallengeView:
        """Return what the command prints."""
        decision = None if self.decision is None else view_of(DecisionView, self.decision)
        return ChallengeView(self.message, self.active, self.is_new, decision)


@dataclass(frozen=True, slots=True)
class _JudgedData:
    """Facts about the data of a decision, which its evidence names after those of the rule."""

    judged_by: str
    judged_from: date
    data_hash: str


@dataclass(frozen=True, slots=True)
class _ActiveModel:
    """Facts about the model that is active after a decision."""

    is_simulated: bool | None
    trained_until: str | None


@dataclass(frozen=True, slots=True)
class _Pair:
    champion: str | None
    challenger: str
    folder: Path
    data_hash: str


def challenge(settings: Settings, request: ChallengeRequest, progress: Progress = silent) -> ChallengeResult:
    """Compare the challenger with the champion, record the decision, and promote the challenger if it wins.

    Raises: BadFile, BadValue, DatabaseFailed, SimulatedModel; ChampionChanged if other decisions keep interfering.
    """
    with open_registry(settings) as registry:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return _challenge(registry, settings, request, progress)
            except decisions.ChampionChanged:
                # Another decision was recorded meanwhile, so the pair that was evaluated is no longer the right one.
                if attempt == MAX_ATTEMPTS:
                    raise
    raise AssertionError("unreachable")


def _challenge(
    registry: Registry, settings: Settings, request: ChallengeRequest, progress: Progress
) -> ChallengeResult:
    found = _find(registry, request)
    if isinstance(found, ChallengeResult):
        return found
    progress("Trying both models in fresh processes", 0.0)
    champion, challenger = _open(registry, found, settings.roads, request.smoke_tester)
    progress("Reading later rows", 0.3)
    start = judged_from(champion, challenger)
    examples = load_examples(request.data, start)
    require_same_origin(champion, challenger, examples)
    progress("Evaluating both models", 0.6)
    verdict = judge_pair(champion, challenger, examples, request.today, request.rule_of(settings))
    after = challenger if verdict.is_promotion else champion
    judged = _JudgedData(JUDGED_BY, start, examples.data_hash)
    active = None if after is None else _active_model(registry, after)
    evidence = {**to_json(verdict.evidence), **to_json(judged), **(to_json(active) if active else {})}
    decision = _decision(registry, found, verdict, evidence, request.at)
    progress("Done", 1.0)
    if request.is_dry:
        return ChallengeResult("Dry run: nothing was recorded.", found.champion, decision)
    return _record(registry, found, decision)


def _find(registry: Registry, request: ChallengeRequest) -> _Pair | ChallengeResult:
    data_hash = data_hash_of(request.data)
    with reading(registry.engine) as connection:
        champion = decisions.active_champion(connection)
        folder = _challenger(registry.store, request)
        if folder is None:
            return ChallengeResult(
                f"{NOTHING_TO_DECIDE}: no bundle in {registry.store.root}. Run londonpump train.", champion
            )
        challenger = folder.name
        before = find_earlier_decision(connection, champion, challenger, data_hash)
        if before is not None:
            return _again(before, champion)
        if challenger == champion:
            return ChallengeResult(
                f"{NOTHING_TO_DECIDE}: the newest model, {challenger}, is active.", champion
            )
        if request.challenger is None and decisions.was_active(connection, challenger):
            # Without this check, the next challenge would undo a roll back that a person made for a reason.
            message = f"{NOTHING_TO_DECIDE}: the newest model, {challenger}, was replaced earlier. Promote it by hand."
            return ChallengeResult(message, champion)
    return _Pair(champion, challenger, folder, data_hash)


def _challenger(store: BundleStore, request: ChallengeRequest) -> Path | None:
    """Return the folder of the challenger, after copying it into the store unless this is a dry run."""
    if request.challenger is None:
        newest = store.newest()
        return None if newest is None else store.folder(newest)
    found = store.find(request.challenger).resolve()
    return found if request.is_dry else store.folder(store.copy_in(found))


def _again(before: decisions.Decision, champion: str | None) -> ChallengeResult:
    message = f"Decided before on the same data: number {before.id}, {before.decided_at:%Y-%m-%d %H:%MZ}."
    if champion != before.champion_after:
        message += f" The active model is now {champion or 'none'}."
    return ChallengeResult(message, champion, before)


def _open(
    registry: Registry, pair: _Pair, roads: Path, smoke_tester: SmokeTester
) -> tuple[LoadedBundle | None, LoadedBundle]:
    store = registry.store
    challenger = (pair.folder, date.min)
    if pair.champion is None:
        return open_pair(None, challenger, roads, smoke_tester)
    opened = open_pair(
        (store.folder(pair.champion), _recorded_training_end(registry, pair.champion)),
        challenger,
        roads,
        smoke_tester,
    )
    if opened[1].bundle is None and opened[0] is not None and opened[0].bundle is None:
        raise BadFile(
            store.folder(pair.champion),
            str(opened[0].smoke_test.problem),
            "Neither model loads: train again.",
        )
    return opened


def _recorded_training_end(registry: Registry, champion: str) -> date:
    """Return the end of the champion's training from the ledger, since the bundle may no longer load."""
    with reading(registry.engine) as connection:
        lines = decisions.decisions_about(connection, champion)
    found = [from_stored(_ActiveModel, line.evidence) for line in lines if line.champion_after == champion]
    dates = [date.fromisoformat(each.trained_until) for each in found if each.trained_until]
    return max(dates, default=date.min)


def _active_model(registry: Registry, opened: LoadedBundle) -> _ActiveModel:
    """Return facts about the active model for the ledger; if it does not load, the facts of the newest decision."""
    if opened.bundle is not None:
        facts = opened.bundle.card.data
        return _ActiveModel(facts.is_simulated, facts.trained_until.isoformat())
    with reading(registry.engine) as connection:
        return from_stored(_ActiveModel, decisions.read_decisions(connection, 1)[0].evidence)


def _decision(
    registry: Registry, pair: _Pair, verdict: Verdict, evidence: JsonObject, at: datetime
) -> decisions.Decision:
    return decisions.Decision(
        decided_at=at,
        action=decisions.PROMOTE if verdict.is_promotion else decisions.KEEP,
        champion_before=pair.champion,
        champion_after=pair.challenger if verdict.is_promotion else pair.champion,
        challenger=pair.challenger,
        verdict=verdict.rule,
        reason=verdict.reason,
        evidence=evidence,
        actor=registry.actor,
    )


def _record(registry: Registry, pair: _Pair, decision: decisions.Decision) -> ChallengeResult:
    """Record a decision unless another process recorded the same. Raises: ChampionChanged if it decided otherwise."""
    with writing(registry.engine) as connection:
        # The evaluation takes minutes without a lock; under the lock, look again for decisions of other processes.
        decisions.lock_decisions(connection)
        champion = decisions.active_champion(connection)
        before = find_earlier_decision(
            connection, champion, pair.challenger, pair.data_hash, decision.verdict
        )
        if before is not None:
            return _again(before, champion)
        number = registry.record(connection, decision)
    recorded = replace(decision, id=number)
    return ChallengeResult(f"Recorded as number {number}.", decision.champion_after, recorded, is_new=True)


def compare(
    settings: Settings, names: tuple[str, str], request: ChallengeRequest, progress: Progress = silent
) -> ComparisonView:
    """Compare two bundles as if the second challenged the first, and record nothing. Raises: as `challenge`."""
    with open_registry(settings) as registry:
        first, second = (registry.store.find(name).resolve() for name in names)
    if first.name == second.name:
        raise BadValue("BUNDLE", second.name, "is named twice. Name two bundles")
    progress("Trying both models in fresh processes", 0.0)
    champion, challenger = open_pair(
        (first, date.min), (second, date.min), settings.roads, request.smoke_tester
    )
    for opened in (champion, challenger):
        if opened is not None and opened.bundle is None:
            raise BadFile(opened.name, str(opened.smoke_test.problem), "Name another, or train again.")
    progress("Evaluating both models", 0.3)
    start = judged_from(champion, challenger)
    examples = load_examples(request.data, start)
    require_same_origin(champion, challenger, examples)
    verdict = judge_pair(champion, challenger, examples, request.today, request.rule_of(settings))
    progress("Done", 1.0)
    return ComparisonView(
        first.name, second.name, start, verdict.action, verdict.rule, verdict.reason, verdict.evidence
    )
