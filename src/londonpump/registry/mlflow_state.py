"""The state that MLflow should have, as one process sends it to the other as JSON, and what was done."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """Run of MLflow for one training."""

    bundle: str
    folder: str
    made_at_ms: int | None  # since 1970, UTC; None if it is unknown
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Attachment:
    """File that belongs to a run."""

    bundle: str
    path: str
    content_hash: str
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Aliases:
    """Bundles per alias."""

    champion: str | None
    challenger: str | None  # of the newest decision, if it was not promoted


@dataclass(frozen=True, slots=True)
class DesiredState:
    """State that MLflow should have."""

    runs: tuple[Run, ...]
    attachments: tuple[Attachment, ...]
    aliases: Aliases


@dataclass(frozen=True, slots=True)
class UpdateRequest:
    """Input of the child process."""

    uri: str
    artefacts: str | None  # address of the folder for files; None: that of the server
    within_s: float
    desired: DesiredState


@dataclass(frozen=True, slots=True)
class Sent:
    """Result of an update of MLflow."""

    sent: tuple[str, ...]  # bundles whose runs were missing
    attached: tuple[str, ...]  # files
    problems: tuple[str, ...]  # bundles that cannot be sent
    champion: str | None  # version of the registered model with this alias; None: no version has it
    challenger: str | None
