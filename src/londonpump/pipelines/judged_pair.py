"""Two bundles on the same later rows: what each answers there, how each does in a fresh process, and the rule's word."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from londonpump.brigade.errors import BadFile, BadValue
from londonpump.evaluation.promotion.evidence import Contender, Evidence, Trial
from londonpump.evaluation.promotion.rule import decide
from londonpump.evaluation.promotion.settings import PromotionSettings
from londonpump.evaluation.promotion.verdict import Verdict
from londonpump.models.bundle import Bundle
from londonpump.models.training import with_workload
from londonpump.pipelines.data import Columns, Examples
from londonpump.pipelines.judged_rows import FEW, SEEN_BY_CHANCE, forecast_of, judged
from londonpump.pipelines.promote import SimulatedModel
from londonpump.registry.trial import tried
from londonpump.storage.checked_bundle import open_checked

TryOut = Callable[[Path], Trial]
"""How a bundle does elsewhere: `registry.trial.tried`."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A bundle that is to be judged. bundle None: it cannot be used, as `trial` says; trained_until is then what the
    ledger told of it."""

    name: str
    bundle: Bundle | None
    trained_until: date
    trial: Trial


def open_pair(
    champion: tuple[Path, date] | None, challenger: tuple[Path, date], try_out: TryOut = tried
) -> tuple[Opened | None, Opened]:
    """Both bundles, tried side by side. Each: its folder, and until when it learnt if it cannot say so itself."""
    wanted = [challenger] if champion is None else [challenger, champion]
    with ThreadPoolExecutor(len(wanted)) as at_once:
        trials = list(at_once.map(try_out, [folder for folder, _ in wanted]))
    opened = [_open(folder, until, trial) for (folder, until), trial in zip(wanted, trials, strict=True)]
    return (None if champion is None else opened[1]), opened[0]


def judge_pair(
    champion: Opened | None,
    challenger: Opened,
    examples: Examples,
    today: date,
    settings: PromotionSettings,
) -> Verdict:
    """The rule's word. examples: of incidents that began when both trainings had ended, and no others.

    Raises: BadValue if either learnt from some of them.
    """
    rows = examples.take(np.isfinite(examples.rows["attendance_s"]))
    both = [each for each in (challenger, champion) if each is not None]
    contenders = {each.name: _contender(each, examples, rows) for each in both}
    one = next((each.bundle for each in both if each.bundle is not None), None)
    if one is None:
        raise BadFile(challenger.name, str(challenger.trial.problem), "Train again.")
    evidence = Evidence(
        rows=judged(one, rows),
        champion=None if champion is None else contenders[champion.name],
        challenger=contenders[challenger.name],
        today=today,
    )
    return decide(evidence, settings)


def judged_from(champion: Opened | None, challenger: Opened) -> date:
    """The first day that neither learnt from."""
    return max(each.trained_until for each in (champion, challenger) if each is not None)


def refuse_mixed(champion: Opened | None, challenger: Opened, examples: Examples) -> None:
    """A real model is not judged on made-up rows, nor against a made-up model. Raises: SimulatedModel."""
    is_simulated = {
        each.name: bool(each.bundle.card.get("is_simulated"))
        for each in (champion, challenger)
        if each is not None and each.bundle is not None
    }
    is_simulated["the data"] = bool(examples.report.get("simulated", False))
    if len(set(is_simulated.values())) > 1:
        made_up = ", ".join(name for name, each in is_simulated.items() if each)
        real = ", ".join(name for name, each in is_simulated.items() if not each)
        raise SimulatedModel(
            f"Of a simulated Brigade: {made_up}; of real records: {real}. They say nothing about each other: name "
            "other data, or put a model on duty by hand."
        )


def _open(folder: Path, until: date, trial: Trial) -> Opened:
    if trial.problem is not None:
        return Opened(folder.name, None, until, trial)
    try:
        name, bundle, _ = open_checked(folder)
    except BadFile as error:
        return Opened(folder.name, None, until, Trial(str(error)))
    return Opened(name, bundle, date.fromisoformat(bundle.card["trained_until"]), trial)


def _contender(opened: Opened, examples: Examples, rows: Columns) -> Contender:
    """With what it answers, by its own look-ups; without where it cannot be used or answers some run with no number."""
    bundle = opened.bundle
    if bundle is None:
        return Contender(opened.trained_until, opened.trial, None)
    _refuse_seen(opened, bundle, examples, rows)
    counted = with_workload(rows, examples.calls, bundle.ground, examples.complete)
    times = bundle.response_times(bundle.runs(counted))
    try:
        return Contender(opened.trained_until, opened.trial, forecast_of(times))
    except BadValue as error:
        return Contender(opened.trained_until, Trial(f"its answers are no forecast: {error}"), None)


def _refuse_seen(opened: Opened, bundle: Bundle, examples: Examples, rows: Columns) -> None:
    n = len(rows["mobilised_us"])
    seen = int(bundle.has_seen(rows["incident_number"]).sum())
    if seen > FEW + SEEN_BY_CHANCE * n:
        raise BadValue(
            "--data",
            examples.data_hash,
            f"holds {seen} runs that {opened.name} learnt from, though it learnt until {opened.trained_until} only. "
            "Prepare it from the same records again",
        )
