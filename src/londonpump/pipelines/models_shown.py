"""The verbs that look: `models show`, `models as-of`, `models list --bundles`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from londonpump.brigade.errors import BadValue
from londonpump.pipelines.challenge_words import decision_as_json, evidence_in_words
from londonpump.registry.bundle_store import BundleStore, StoredBundle
from londonpump.registry.ledger import (
    Duty,
    decision_at,
    decision_of,
    decisions_about,
    duties_of,
    is_judged,
)
from londonpump.registry.registry import Registry, open_registry
from londonpump.settings import Settings
from londonpump.storage.database import reading
from londonpump.storage.database.decision_rows import Decision, champion_on_duty

MOMENT = "%Y-%m-%d %H:%MZ"
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ShownBundle:
    """A bundle with its life. duties, decisions: the oldest first."""

    stored: StoredBundle
    duties: tuple[Duty, ...]
    decisions: tuple[Decision, ...]

    def in_words(self) -> str:
        """For a person."""
        card, provenance = self.stored.card, self.stored.provenance
        features = card.get("features") or ()
        lines = [
            f"Bundle {self.stored.name} ({self.stored.size_bytes / MIB:.1f} MiB)"
            + (", SIMULATED" if card.get("is_simulated") else ""),
            f"Learnt from {card.get('rows') or 0:,} runs, {card.get('trained_from')} up to (not with) {card.get('trained_until')}",
            f"Data {card.get('data_hash')}, version {card.get('code_version')}, seed {card.get('seed')}",
            f"Made {provenance.get('made_at', 'nobody knows when')}, commit {provenance.get('commit') or 'not known'}",
            *_metrics(provenance.get("metrics")),
            f"{len(features)} features: {', '.join(map(str, features))}",
        ]
        lines += [f"On duty: {_duty(duty)}" for duty in self.duties] or ["Never on duty"]
        lines += [line_in_words(line) for line in self.decisions] or ["No decision names it"]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """For another program."""
        return {
            "schema": 1,
            "bundle": self.stored.name,
            "size_bytes": self.stored.size_bytes,
            "card": self.stored.card,
            "provenance": self.stored.provenance,
            "on_duty": [
                {
                    "from_at": duty.from_at.isoformat(),
                    "until_at": duty.until_at and duty.until_at.isoformat(),
                }
                for duty in self.duties
            ],
            "decisions": [decision_as_json(line) for line in self.decisions],
        }


@dataclass(frozen=True, slots=True)
class ShownDecision:
    """One line of the ledger, whole."""

    line: Decision

    def in_words(self) -> str:
        """For a person."""
        line = self.line
        told = [line_in_words(line), f"Verdict: {line.verdict}", f"Challenger: {line.challenger or 'none'}"]
        if is_judged(line):
            told += evidence_in_words(
                line.evidence, line.champion_before or "none", line.challenger or "none"
            )
        else:
            told += [f"{name}: {value}" for name, value in line.evidence.items()]
        return "\n".join(told)

    def as_json(self) -> dict[str, Any]:
        """For another program."""
        return {"schema": 1, **decision_as_json(self.line)}


def show(settings: Settings, asked: str | None) -> ShownBundle | ShownDecision:
    """A bundle by its hash or folder, or a decision by its number; None: the model on duty.

    Raises: BadFile if there is no such bundle, BadValue if there is no such decision or no model on duty.
    """
    with open_registry(settings) as registry:
        if asked is not None and _is_number(asked):
            return ShownDecision(_decision(registry, int(asked)))
        folder = registry.store.find(asked or _on_duty(registry)).resolve()
        name = folder.name
        stored = BundleStore(folder.parent).told(name)
        with reading(registry.engine) as connection:
            duties, lines = duties_of(connection, name), decisions_about(connection, name)
    return ShownBundle(stored, tuple(duties), tuple(lines))


def as_of(settings: Settings, at: datetime) -> str:
    """What was on duty at an instant, and since when, in words."""
    with open_registry(settings) as registry, reading(registry.engine) as connection:
        line = decision_at(connection, at)
        if line is None or line.champion_after is None:
            return f"At {at:{MOMENT}} no model was on duty."
        spans = duties_of(connection, line.champion_after)
    duty = next(each for each in reversed(spans) if each.from_at <= at)
    return f"At {at:{MOMENT}} {line.champion_after} was on duty: {_duty(duty)}."


def stored_in_words(settings: Settings) -> str:
    """Every bundle of the store, the newest first."""
    with open_registry(settings) as registry:
        with reading(registry.engine) as connection:
            champion = champion_on_duty(connection)
        store = registry.store
        told = sorted(store.every(), key=lambda each: each.made_at)
        newest = store.newest()
    if not told:
        return f"No bundle in {store.root}. Make one: londonpump train."
    lines = []
    for each in reversed(told):
        marks = [
            mark
            for mark, is_it in (("on duty", each.name == champion), ("newest", each.name == newest))
            if is_it
        ]
        until = each.card.get("trained_until")
        marks += [f"damaged: {each.problem}"] if each.problem else []
        lines.append(
            f"{each.name}  learnt until {until or '-'}  made {each.made_at or '-'}  {', '.join(marks)}".rstrip()
        )
    return "\n".join(lines)


def line_in_words(line: Decision) -> str:
    """A decision in one line."""
    names = f"{line.champion_before or 'none'} -> {line.champion_after or 'none'}"
    return f"#{line.id}  {line.decided_at:{MOMENT}}  {line.action:9}  {names}  {line.actor}: {line.reason}"


def _duty(duty: Duty) -> str:
    until = "now" if duty.until_at is None else f"{duty.until_at:{MOMENT}}"
    return f"{duty.from_at:{MOMENT}} to {until}"


def _is_number(asked: str) -> bool:
    """A short number is a decision's; a hash may be all digits."""
    return asked.isascii() and asked.isdecimal() and len(asked) < len("0123456789abcdef")


def _decision(registry: Registry, number: int) -> Decision:
    with reading(registry.engine) as connection:
        line = decision_of(connection, number)
    if line is None:
        raise BadValue("decision", number, "is not in the ledger. Look: londonpump models list")
    return line


def _on_duty(registry: Registry) -> str:
    with reading(registry.engine) as connection:
        champion = champion_on_duty(connection)
    if champion is None:
        raise BadValue("model", "on duty", "there is none. Name a bundle, or run londonpump models promote")
    return champion


def _metrics(metrics: Mapping[str, Any] | None) -> Iterator[str]:
    if metrics and metrics.get("rows"):
        yield (
            f"On {metrics['rows']:,} runs after its training: MAE {metrics['mae_s']:.1f} s, "
            f"80 % band covers {metrics['cover_80_share']:.1%}"
        )
