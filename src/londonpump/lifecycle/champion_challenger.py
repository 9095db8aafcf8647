"""Comparison of two bundles on the same later rows: load and test both, predict with both, and apply the promotion rule."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from londonpump.domain.errors import BadFile, BadValue
from londonpump.evaluation.promotion.evidence import (
    EvaluatedModel,
    Evidence,
    PromotionSettings,
    SmokeTest,
    Verdict,
)
from londonpump.evaluation.promotion.rule import decide
from londonpump.lifecycle.prepared_examples import (
    MAX_SEEN_ROWS,
    MAX_SEEN_SHARE,
    Columns,
    Examples,
    build_judged_rows,
    forecast_of,
)
from londonpump.models.bundle import Bundle
from londonpump.models.train import with_workload
from londonpump.persistence.verified_bundle import open_verified
from londonpump.registry.bundle_store import run_smoke_test
from londonpump.registry.manual_decisions import SimulatedModel
from londonpump.roads.bundles import with_roads

SmokeTester = Callable[[Path], SmokeTest]
"""Function that tests a bundle in another process, such as `registry.bundle_store.run_smoke_test`."""


@dataclass(frozen=True, slots=True)
class LoadedBundle:
    """Bundle that is to be evaluated."""

    name: str
    bundle: Bundle | None  # None: it cannot be used, as `smoke_test` says
    trained_until: date  # taken from the ledger if the bundle cannot be used
    smoke_test: SmokeTest


def open_pair(
    champion: tuple[Path, date] | None,
    challenger: tuple[Path, date],
    roads: Path,
    smoke_tester: SmokeTester = run_smoke_test,
) -> tuple[LoadedBundle | None, LoadedBundle]:
    """Test and load both bundles.

    Args: per bundle its folder, and the end of its training in case it does not load. roads: folder of tables of roads.
    """
    # Threads suffice: each smoke test waits for its own process.
    folders = [challenger] if champion is None else [challenger, champion]
    with ThreadPoolExecutor(len(folders)) as executor:
        smoke_tests = list(executor.map(smoke_tester, [folder for folder, _ in folders]))
    opened = [
        _open(folder, until, roads, smoke_test)
        for (folder, until), smoke_test in zip(folders, smoke_tests, strict=True)
    ]
    return (None if champion is None else opened[1]), opened[0]


def judge_pair(
    champion: LoadedBundle | None,
    challenger: LoadedBundle,
    examples: Examples,
    today: date,
    settings: PromotionSettings,
) -> Verdict:
    """Apply the promotion rule. examples: only of incidents that began after both trainings ended.

    Raises: BadValue if a model was trained on some of them.
    """
    rows = examples.take(np.isfinite(examples.rows["attendance_s"]))
    both = [each for each in (challenger, champion) if each is not None]
    contenders = {each.name: _contender(each, examples, rows) for each in both}
    # Rows and slices need a bundle to compute distances; either one serves.
    one = next((each.bundle for each in both if each.bundle is not None), None)
    if one is None:
        raise BadFile(challenger.name, str(challenger.smoke_test.problem), "Train again.")
    evidence = Evidence(
        rows=build_judged_rows(one, rows),
        champion=None if champion is None else contenders[champion.name],
        challenger=contenders[challenger.name],
        today=today,
    )
    return decide(evidence, settings)


def judged_from(champion: LoadedBundle | None, challenger: LoadedBundle) -> date:
    """Return the first day that neither bundle was trained on."""
    return max(each.trained_until for each in (champion, challenger) if each is not None)


def require_same_origin(champion: LoadedBundle | None, challenger: LoadedBundle, examples: Examples) -> None:
    """Reject a mix of real and simulated models or data. Raises: SimulatedModel."""
    is_simulated = {
        each.name: each.bundle.card.data.is_simulated
        for each in (champion, challenger)
        if each is not None and each.bundle is not None
    }
    is_simulated["the data"] = examples.is_simulated
    if len(set(is_simulated.values())) > 1:
        made_up = ", ".join(name for name, each in is_simulated.items() if each)
        real = ", ".join(name for name, each in is_simulated.items() if not each)
        raise SimulatedModel(
            f"Simulated: {made_up}; from real records: {real}. These cannot be compared. Name other data, or promote a "
            "model by hand."
        )


def _open(folder: Path, until: date, roads: Path, smoke_test: SmokeTest) -> LoadedBundle:
    if smoke_test.problem is not None:
        return LoadedBundle(folder.name, None, until, smoke_test)
    try:
        name, bundle, _ = open_verified(folder)
        bundle = with_roads(bundle, roads)
    except BadFile as error:
        return LoadedBundle(folder.name, None, until, SmokeTest(str(error)))
    return LoadedBundle(name, bundle, bundle.card.data.trained_until, smoke_test)


def _contender(opened: LoadedBundle, examples: Examples, rows: Columns) -> EvaluatedModel:
    """Return a model with its predictions, or without them if it cannot be used or a prediction is not a number."""
    bundle = opened.bundle
    if bundle is None:
        return EvaluatedModel(opened.trained_until, opened.smoke_test, None)
    _require_unseen_rows(opened, bundle, examples, rows)
    counted = with_workload(rows, examples.calls, bundle.ground, examples.complete)
    times = bundle.response_times(bundle.dispatches(counted))
    try:
        return EvaluatedModel(opened.trained_until, opened.smoke_test, forecast_of(times))
    except BadValue as error:
        return EvaluatedModel(
            opened.trained_until, SmokeTest(f"its predictions are not usable: {error}"), None
        )


def _require_unseen_rows(opened: LoadedBundle, bundle: Bundle, examples: Examples, rows: Columns) -> None:
    n = len(rows["mobilised_us"])
    n_seen = int(bundle.has_seen(rows["incident_number"]).sum())
    if n_seen > MAX_SEEN_ROWS + MAX_SEEN_SHARE * n:
        raise BadValue(
            "--data",
            examples.data_hash,
            f"holds {n_seen} mobilisations that {opened.name} was trained on, although its training ended on "
            f"{opened.trained_until}. Prepare the same records again",
        )
