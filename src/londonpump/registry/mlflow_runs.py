"""What MLflow should hold, as values: a run for every bundle of the store, and two names that follow the ledger.

The ledger is the truth and MLflow a copy for people to look at. Nothing remembers what was sent: a bundle is sent if
MLflow has no finished run of its hash. So what could not be sent today goes with the next that can.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from londonpump.domain.errors import BadFile
from londonpump.registry.bundle_store import BundleStore, StoredBundle
from londonpump.registry.ledger import Registry
from londonpump.settings import Settings
from londonpump.storage.database import reading
from londonpump.storage.database.decision_repository import read_decisions
from londonpump.storage.files import read_json

CARD_PARAMS = (
    *("seed", "rows", "trained_from", "trained_until", "data_hash", "code_version"),
    *("is_stream", "is_simulated", "without_runs_over_60_kmh", "schema"),
)
PROVENANCE_TAGS = ("commit", "host", "machine", "made_at")
MAX_PARAM_LENGTH = 6_000
"""As MLflow has it."""
MS_PER_S = 1000


@dataclass(frozen=True, slots=True)
class Run:
    """What is told of one training. made_at_ms: since 1970, UTC; None where nothing tells."""

    bundle: str
    folder: str
    made_at_ms: int | None
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class Aliases:
    """Bundles by what they are in the ledger. challenger: of the newest decision, if it did not go on duty."""

    champion: str | None
    challenger: str | None


def runs_of(store: BundleStore) -> tuple[list[Run], list[str]]:
    """(runs, the oldest training first; what is wrong with bundles that cannot be told of)."""
    runs, problems = [], []
    for name in store.names():
        try:
            runs.append(_run(store.read(name), store.folder(name)))
        except (BadFile, OSError) as error:
            # OSError: pruned at this moment
            problems.append(str(error))
    return sorted(runs, key=lambda run: (run.made_at_ms or 0, run.bundle)), problems


def aliases_of(registry: Registry) -> Aliases:
    """Who the ledger names now. Raises: DatabaseFailed."""
    with reading(registry.engine) as connection:
        newest = next(iter(read_decisions(connection, 1)), None)
    if newest is None:
        return Aliases(None, None)
    is_beaten = newest.challenger not in (None, newest.champion_after)
    return Aliases(newest.champion_after, newest.challenger if is_beaten else None)


def _run(stored: StoredBundle, folder: Path) -> Run:
    metrics = stored.provenance.get("metrics")
    tags = {name: str(stored.provenance[name]) for name in PROVENANCE_TAGS if stored.provenance.get(name)}
    return Run(
        bundle=stored.name,
        folder=str(folder.resolve()),
        made_at_ms=_as_ms(stored.made_at),
        params=dict(_params(stored.card)),
        metrics=numbers_of(metrics if isinstance(metrics, dict) else {}, "later"),
        tags=tags,
    )


def _params(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in CARD_PARAMS:
        if card.get(name) is not None:
            yield name, str(card[name])
    for group in ("effort", "libraries"):
        facts = card.get(group)
        for name, value in sorted(facts.items()) if isinstance(facts, dict) else ():
            yield f"{group}.{name}", str(value)[:MAX_PARAM_LENGTH]
    features = card.get("features")
    if isinstance(features, list):
        yield "features", ", ".join(map(str, features))[:MAX_PARAM_LENGTH]
        yield "n_features", str(len(features))


def numbers_of(values: Mapping[str, Any], group: str) -> dict[str, float]:
    """The numbers among values, each under its group's name."""
    return {
        f"{group}.{name}": float(value)
        for name, value in values.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _as_ms(iso_text: str) -> int | None:
    try:
        at = datetime.fromisoformat(iso_text)
    except ValueError:
        return None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * MS_PER_S)


OURS, WHOLE = "ours", "all"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to a run. content_hash: what changes when it is written anew."""

    bundle: str
    path: str
    content_hash: str
    metrics: dict[str, float]


def attachments_of(settings: Settings, bundles: tuple[str, ...]) -> list[Attachment]:
    """The report, the model card and the figures in the home, as far as they are of one of these bundles.

    Raises: BadFile if one cannot be read.
    """
    try:
        pages = [_page(path, bundles) for path in (settings.report, settings.model_card)]
        found = [*pages, _figures(settings.evaluation, bundles)]
    except OSError as error:
        raise BadFile(error.filename, f"cannot be read ({error.strerror})", "Let it be read.") from error
    return [attachment for attachment in found if attachment is not None]


def _page(path: Path, bundles: tuple[str, ...]) -> Attachment | None:
    """A page names the bundle that it is about, and no other."""
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    of = next((name for name in bundles if name in text), None)
    return None if of is None else Attachment(of, str(path.resolve()), _hash(path), {})


def _figures(path: Path, bundles: tuple[str, ...]) -> Attachment | None:
    try:
        figures = read_json(path) if path.is_file() else None
    except BadFile:
        # not written by us; what it would say is not missed
        return None
    if not isinstance(figures, dict) or figures.get("bundle") not in bundles:
        return None
    return Attachment(figures["bundle"], str(path.resolve()), _hash(path), _metrics(figures))


def _metrics(figures: dict[str, Any]) -> dict[str, float]:
    """Of our model on all runs judged; the others by their mean error alone."""
    models = {name: slices[WHOLE][WHOLE] for name, slices in figures.get("models", {}).items()}
    ours = {name: stat["value"] for name, stat in models.pop(OURS, {}).items() if isinstance(stat, dict)}
    others = {f"mae_s.{name}": whole["mae_s"]["value"] for name, whole in models.items() if "mae_s" in whole}
    return numbers_of({"rows": figures.get("rows"), **ours, **others}, "evaluated")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
