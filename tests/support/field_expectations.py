"""Expected results of a field case: the examples of the undamaged file, a clear rejection, or one answer per row.

Each expectation returns its faults as sentences; no sentence means that the case is right.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from support.field_cases import Outcome

BAD_INPUT, SOME_ROWS_UNANSWERED = 2, 1
REPORTED_TABLES = ("incidents", "mobilisations", "pumps")
Examples = list[dict[str, Any]]
NOT_COMPARED = ("source_file", "source_row", "repairs")
"""Columns about the origin of a row and its repairs."""
WITHIN = 0.1
"""Numbers within this tolerance are equal: the two coordinates of a station differ by centimetres."""
MAX_DIFFERENCES = 5


@dataclass(frozen=True)
class Undamaged:
    """Results of the undamaged files.

    mobilised, attending: examples with and without the mobilisation file. answers: mean_s of the rows of CALLS.csv.
    """

    mobilised: Examples
    attending: Examples
    answers: tuple[str, ...]


@dataclass(frozen=True)
class KeepsResults:
    """Expects exit code 0 and these rows.

    incidents, mobilisations: rows kept. rejected: {table.rule: rows}, for those rules alone. like: the examples are
    those of "mobilised" or "attending" in `Undamaged`. says: patterns of what is printed. reports: patterns of
    report.json. holds: a further check of the examples, its fault as a sentence or "".
    """

    incidents: int | None = None
    mobilisations: int | None = None
    examples: int | None = None
    rejected: dict[str, int] = field(default_factory=dict)
    like: str = ""
    says: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    holds: Callable[[Examples], str] = lambda examples: "" if examples else "no example"

    def faults(self, outcome: Outcome, undamaged: Undamaged) -> list[str]:
        """Return how the outcome differs from the expected one."""
        if outcome.exit_code or outcome.crash or outcome.report is None:
            return [_ended(outcome, "0 and a report")]
        wrong = [*self._wrong_counts(outcome), *lost(outcome), *missing(self.says, outcome.text)]
        wrong += missing(self.reports, str(outcome.report))
        if self.like:
            wrong += differing(outcome.examples, getattr(undamaged, self.like))
        return [*wrong, *filter(None, [self.holds(outcome.examples)])]

    def _wrong_counts(self, outcome: Outcome) -> list[str]:
        report = outcome.report or {}
        found: dict[str, int | None] = {"examples": report["examples"]}
        for table in ("incidents", "mobilisations"):
            counted = outcome.counts(table)
            found[table] = None if counted is None else counted[1]
        expected = {
            "incidents": self.incidents,
            "mobilisations": self.mobilisations,
            "examples": self.examples,
        }
        for name, rows in self.rejected.items():
            table, rule = name.split(".")
            expected[name], found[name] = rows, outcome.rejected(table).get(rule, 0)
        return [
            f"{name}: {found[name]} where {rows} are right"
            for name, rows in expected.items()
            if rows is not None and found[name] != rows
        ]


@dataclass(frozen=True)
class Rejects:
    """Expects exit code 2, one message that matches the patterns, no traceback and no output files."""

    says: tuple[str, ...]
    is_earlier_result_kept: bool = False
    """Whether OUT had an earlier result, which must be kept."""

    def faults(self, outcome: Outcome, undamaged: Undamaged) -> list[str]:
        """Return how the outcome differs from the expected one."""
        wrong = [] if outcome.exit_code == BAD_INPUT and not outcome.crash else [_ended(outcome, "2")]
        wrong += missing(self.says, outcome.text)
        is_written = outcome.report is not None or outcome.answers is not None
        if is_written is not self.is_earlier_result_kept:
            wrong.append(
                "the earlier result is gone" if self.is_earlier_result_kept else "a result was written"
            )
        return wrong


@dataclass(frozen=True)
class Answered:
    """Expects one entry per row of PREDICTIONS.csv.

    SAME: the mean of the row at that place in the unspoilt file. ANY: answered. Otherwise: a pattern of its error.
    Several entries of one row, as a tuple, are alternatives.
    """

    rows: tuple[str | tuple[str, ...], ...]
    says: tuple[str, ...] = ()
    says_not: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    def faults(self, outcome: Outcome, undamaged: Undamaged) -> list[str]:
        """Return how the outcome differs from the expected one."""
        answers = outcome.answers
        if outcome.crash or answers is None:
            return [_ended(outcome, "an answered file")]
        if len(answers) != len(self.rows):
            return [
                f"{len(answers)} rows where {len(self.rows)} are right: {[row['error'] for row in answers]}"
            ]
        wrong = [
            fault
            for number, (expected, row) in enumerate(zip(self.rows, answers, strict=True))
            if (fault := _wrong_row(expected, row, undamaged.answers[number % len(undamaged.answers)]))
        ]
        code = SOME_ROWS_UNANSWERED if any(row["error"] for row in answers) else 0
        if outcome.exit_code != code:
            wrong.append(_ended(outcome, str(code)))
        if self.ids and tuple(row["id"] for row in answers) != self.ids:
            wrong.append(f"ids {[row['id'] for row in answers]}")
        wrong += [f"it says {text!r}" for text in self.says_not if re.search(text, outcome.text)]
        return wrong + missing(self.says, outcome.text)


@dataclass(frozen=True)
class Either:
    """Expects any one of several outcomes."""

    ways: tuple["Expectation", ...]

    def faults(self, outcome: Outcome, undamaged: Undamaged) -> list[str]:
        """Return the faults against every expectation; empty if one of them is met."""
        found = [way.faults(outcome, undamaged) for way in self.ways]
        if not all(found):
            return []
        return [f"neither: {'; '.join(faults)}" for faults in found]


Expectation = KeepsResults | Rejects | Answered | Either
SAME, ANY = "same", "any"


def either(*ways: Expectation) -> Either:
    """Expect any one of these outcomes."""
    return Either(ways)


def rejects(*says: str) -> Rejects:
    """Expect a rejection whose message matches these patterns."""
    return Rejects(says)


def answered(*rows: str | tuple[str, ...], **more: Any) -> Answered:
    """Expect one answer per row."""
    return Answered(rows, **more)


def missing(patterns: Sequence[str], text: str) -> list[str]:
    """Return the patterns that the text does not match; blanks and line breaks count as one blank."""
    flat = " ".join(text.split())
    return [
        f"it does not say {pattern!r}" for pattern in patterns if not re.search(pattern, flat, re.IGNORECASE)
    ]


def lost(outcome: Outcome) -> list[str]:
    """Return the number of rows that are neither kept nor counted under a rule."""
    found = []
    for table in REPORTED_TABLES:
        counted = outcome.counts(table)
        if counted is not None and counted[0] != counted[1] + sum(outcome.rejected(table).values()):
            found.append(f"{table}: {counted[0]} rows, {counted[1]} kept, rejected {outcome.rejected(table)}")
    return found


def differing(found: Examples, expected: Examples) -> list[str]:
    """Return how two sets of examples differ; texts are compared without regard to case."""
    mine, theirs = _comparable(found), _comparable(expected)
    if len(mine) != len(theirs):
        return [f"{len(mine)} examples where {len(theirs)} are right"]
    differences = [
        f"{one['incident_number']} {name}: {one.get(name)!r} where {value!r} is right"
        for one, other in zip(mine, theirs, strict=True)
        for name, value in other.items()
        if not _is_like(one.get(name), value)
    ]
    return [f"{len(differences)} values differ", *differences[:MAX_DIFFERENCES]] if differences else []


def _is_like(found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, float):
        return abs(found - expected) < WITHIN
    return bool(found == expected)


def _comparable(examples: Examples) -> Examples:
    rows = [
        {
            name: value.casefold() if isinstance(value, str) else value
            for name, value in row.items()
            if name not in NOT_COMPARED
        }
        for row in examples
    ]
    return sorted(
        rows,
        key=lambda row: (
            row["incident_number"],
            str(row["mobilised_at"]),
            str(row["resource_code"]),
            str(row["pump"]),
        ),
    )


def _wrong_row(expected: str | tuple[str, ...], row: dict[str, str], mean_s: str) -> str:
    ways = expected if isinstance(expected, tuple) else (expected,)
    if any(_is_right(way, row, mean_s) for way in ways):
        return ""
    return f"row {row['id']!r}: {row['error'] or row['mean_s']!r} where {expected!r} ({mean_s}) is right"


def _is_right(way: str, row: dict[str, str], mean_s: str) -> bool:
    if way in (SAME, ANY):
        return not row["error"] and (way == ANY or row["mean_s"] == mean_s)
    return bool(row["error"]) and re.search(way, row["error"], re.IGNORECASE) is not None


def _ended(outcome: Outcome, expected: str) -> str:
    last_lines = outcome.crash.strip().splitlines()[-1:] or [outcome.text.strip()[-600:]]
    return f"exit code {outcome.exit_code} where {expected} is right: {last_lines[0]}"
