"""What `evaluate` wrote last, as MLflow should hold it: pages and figures beside the run of the bundle that they name."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from londonpump.domain.errors import BadFile
from londonpump.registry.mlflow_runs import numbers_of
from londonpump.settings import Settings
from londonpump.storage.atomic_files import read_json

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
