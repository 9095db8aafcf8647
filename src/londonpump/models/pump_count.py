"""The model of the number of pumps: probabilities of 1, 2, 3, 4, 5 or more.

The target is the number that attended, which may differ from the number needed. The prediction is the average of
boosters (`pump_boosters`) and a table of incident type, property and night with back-off (`pump_frequencies`); the
announced number is weighted for macro F1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.json_values import from_json, to_json
from londonpump.features.dispatches import Dispatches
from londonpump.models import boosters
from londonpump.models.npz import from_npz, to_npz
from londonpump.models.pump_boosters import (
    NAMES,
    STEPS,
    Calls,
    PumpSteps,
    choose,
    fit_steps,
    fit_weights,
    mixed,
    table_of,
)
from londonpump.models.pump_frequencies import (
    CHAINS,
    FOLDS,
    N_CLASSES,
    Frequencies,
    Vocabulary,
    fit_frequencies,
    fit_vocabulary,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PATTERNS = tuple(
    (type_stated, property_stated) for type_stated in (False, True) for property_stated in (False, True)
)
"""(incident type given, property given)."""
# As in the response-time model: half of the calls come without an incident type.
SHARE_WITHOUT_TYPE, SHARE_WITHOUT_PROPERTY = 0.5, 0.3
MIN_INCIDENTS = 200
"""With fewer calls only the table is used, and the most likely number is announced."""
MODEL_JSON, TABLES_NPZ = "pumps.json", "tables.npz"


@dataclass(frozen=True, slots=True)
class PumpHyperparameters:
    """Training settings, chosen by the number of calls."""

    copies: int
    """Training rows per call, each masked differently; of two, one has its incident type."""
    trees: int
    leaves: int
    rate: float
    min_in_leaf: int
    weight_folds: int
    weight_rows: int
    """Maximum number of the latest calls of a fold on which the weights are fitted."""


SMALL = PumpHyperparameters(
    copies=2, trees=100, leaves=10, rate=0.05, min_in_leaf=10, weight_folds=5, weight_rows=60_000
)
LARGE = PumpHyperparameters(
    copies=1, trees=60, leaves=31, rate=0.1, min_in_leaf=100, weight_folds=1, weight_rows=30_000
)
# Each copy and each fold costs a training: with many calls, one of each limits the time.
SMALL_CALLS = 60_000


def hyperparameters_for(n_calls: int) -> PumpHyperparameters:
    """Return the training settings for a number of calls."""
    return SMALL if n_calls <= SMALL_CALLS else LARGE


@dataclass(frozen=True, slots=True)
class PumpChances:
    """Predicted numbers of pumps of n calls."""

    probability: Floats
    """(n, 5) of 1, 2, 3, 4, 5 or more; rows sum to 1."""
    chosen: Ints
    """(n,) 1 to 5, weighted for macro F1."""


@dataclass(frozen=True, slots=True)
class PumpsFile:
    """The content of pumps.json; counts and boosters have files of their own."""

    vocabulary: Mapping[str, list[str]]
    tables: Mapping[str, Floats]
    """Root of each table by chain."""
    weights: Floats


@dataclass(frozen=True, slots=True)
class PumpsModel:
    """The fitted model of the number of pumps."""

    vocabulary: Vocabulary
    tables: tuple[Frequencies, ...]
    """One table per chain of CHAINS."""
    steps: PumpSteps
    weights: Floats
    """(2, 2, 5) weights of the choice, by [incident type given, property given]."""

    def __call__(self, dispatches: Dispatches) -> PumpChances:
        """Predict the probabilities of each call and the number to announce."""
        calls = Calls.of(dispatches, self.vocabulary)
        probability = mixed(self.steps, calls, [table(calls.codes) for table in self.tables])
        return PumpChances(
            probability, choose(probability, self.weights[calls.has_incident_type, calls.has_property])
        )

    def to_files(self) -> dict[str, bytes]:
        """Return files by name: LightGBM text per step, the counts of the tables, and JSON for the rest."""
        stored = PumpsFile(
            vocabulary={name: list(codes) for name, codes in self.vocabulary.items()},
            tables={table.chain.name: table.root for table in self.tables},
            weights=self.weights.ravel(),
        )
        counts = {name: values for table in self.tables for name, values in table.to_arrays().items()}
        files = {
            MODEL_JSON: json.dumps(to_json(stored), separators=(",", ":")).encode(),
            TABLES_NPZ: to_npz(counts),
        }
        for k, booster in zip(STEPS, self.steps.steps, strict=True):
            if booster is not None:
                files[_step_file(k)] = boosters.to_bytes(booster)
        return files

    @classmethod
    def from_files(cls, files: dict[str, bytes]) -> "PumpsModel":
        """The inverse of `to_files`; other files of a bundle are ignored."""
        stored = from_json(PumpsFile, json.loads(files[MODEL_JSON]))
        counts = from_npz(files[TABLES_NPZ])
        names = [_step_file(k) for k in STEPS]
        return cls(
            vocabulary={
                name: {text: i for i, text in enumerate(texts)} for name, texts in stored.vocabulary.items()
            },
            tables=tuple(Frequencies.from_arrays(name, root, counts) for name, root in stored.tables.items()),
            steps=PumpSteps(tuple(boosters.from_bytes(files[f]) if f in files else None for f in names)),
            weights=stored.weights.reshape(2, 2, N_CLASSES),
        )


@dataclass(frozen=True, slots=True)
class PumpTrainingData:
    """Training calls with (n,) pumps and folds."""

    calls: Calls
    pumps: Ints
    fold: Ints
    tables: tuple[tuple[Frequencies, ...], ...]
    """Per chain, the table of all calls, then one without each fold."""

    def shares(self, calls: Calls, fold: Ints) -> list[Floats]:
        """Return (n, 5) shares per chain, each call from the table without its own fold."""
        answers = [np.empty((len(fold), N_CLASSES)) for _ in self.tables]
        for f in range(FOLDS):
            rows = np.flatnonzero(fold == f)
            part = calls.take(rows)
            for answer, tables in zip(answers, self.tables, strict=True):
                answer[rows] = tables[1 + f](part.codes)
        return answers


def fit_pumps(dispatches: Dispatches, pumps: Floats, incident: Ints, seed: int) -> PumpsModel:
    """Fit the number of pumps.

    Args: dispatches: any number per incident; only the first mobilised is used. pumps: (n,) attending, NaN where not
    recorded (left out). incident: (n,) codes.
    Returns: a model; with fewer than MIN_INCIDENTS incidents it has tables only.
    """
    rows = _one_row_an_incident(dispatches.columns["mobilised_us"], pumps, incident)
    first = Dispatches({name: values[rows] for name, values in dispatches.columns.items()}, dispatches.lookup)
    vocabulary = fit_vocabulary(first)
    calls, number = Calls.of(first, vocabulary), np.clip(pumps[rows], 1, N_CLASSES).astype(np.int64)
    rng = np.random.default_rng(seed)
    fold = rng.integers(0, FOLDS, len(rows))
    # every fold needs a call, also of a handful of calls
    fold[:FOLDS] = np.arange(FOLDS)[: len(rows)]
    tables = tuple(fit_frequencies(chain, calls.codes, number, fold) for chain in CHAINS)
    training_data = PumpTrainingData(calls, number, fold, tables)
    hyperparameters = hyperparameters_for(len(rows))
    weights = _fit_weights(training_data, hyperparameters, seed)
    steps = _fit_steps(training_data, np.arange(len(rows)), hyperparameters, seed)
    return PumpsModel(vocabulary, tuple(of_all for of_all, *_ in tables), steps, weights)


def _one_row_an_incident(mobilised_us: Ints, pumps: Floats, incident: Ints) -> Ints:
    known = np.flatnonzero(np.isfinite(pumps))
    in_time = known[np.argsort(mobilised_us[known], kind="stable")]
    _, first = np.unique(incident[in_time], return_index=True)
    return np.asarray(np.sort(in_time[first]))


def _fit_steps(
    training_data: PumpTrainingData, rows: Ints, hyperparameters: PumpHyperparameters, seed: int
) -> PumpSteps:
    """Train boosters on some calls, half of them without incident type and some without property."""
    if len(rows) < MIN_INCIDENTS:
        return PumpSteps((None,) * len(STEPS))
    rng = np.random.default_rng(seed)
    calls, pumps, fold = training_data.calls.take(rows), training_data.pumps[rows], training_data.fold[rows]
    # callers often state neither type nor property, so the boosters must handle their absence
    is_hidden = rng.random(len(rows)) < SHARE_WITHOUT_TYPE
    tables = []
    for copy in range(hyperparameters.copies):
        no_property = rng.random(len(rows)) < SHARE_WITHOUT_PROPERTY
        seen = calls.hiding(is_hidden ^ (copy % 2 == 1), no_property)
        # The tables are out of fold: a table that counts the call itself would teach the boosters to trust it too much.
        tables.append(table_of(seen, training_data.shares(seen, fold)))
    parameters = _parameters(hyperparameters, seed)
    return fit_steps(np.concatenate(tables), np.tile(pumps, hyperparameters.copies), NAMES, parameters)


def _fit_weights(training_data: PumpTrainingData, hyperparameters: PumpHyperparameters, seed: int) -> Floats:
    """Fit (2, 2, 5) weights on calls outside the training rows of the boosters and tables that predict them.

    The encodings of the boosters' training rows still count these calls, which affects the weights only slightly.
    """
    if len(training_data.pumps) < MIN_INCIDENTS:
        return np.ones((2, 2, N_CLASSES))
    probability: dict[tuple[bool, bool], list[Floats]] = {pattern: [] for pattern in PATTERNS}
    weight_rows = []
    for f in range(hyperparameters.weight_folds):
        steps = _fit_steps(
            training_data, np.flatnonzero(training_data.fold != f), hyperparameters, seed + 1 + f
        )
        rows = np.flatnonzero(training_data.fold == f)[-hyperparameters.weight_rows :]
        weight_rows.append(rows)
        for type_stated, property_stated in PATTERNS:
            seen = training_data.calls.take(rows).hiding(
                np.full(len(rows), not type_stated), np.full(len(rows), not property_stated)
            )
            probability[type_stated, property_stated].append(
                mixed(steps, seen, training_data.shares(seen, training_data.fold[rows]))
            )
    pumps = training_data.pumps[np.concatenate(weight_rows)]
    # Weights per pattern, because probabilities are flatter without type and property.
    weights = [fit_weights(np.concatenate(probability[pattern]), pumps) for pattern in PATTERNS]
    return np.array(weights).reshape(2, 2, N_CLASSES)


def _parameters(hyperparameters: PumpHyperparameters, seed: int) -> boosters.Parameters:
    return {
        "num_trees": hyperparameters.trees,
        "num_leaves": hyperparameters.leaves,
        "learning_rate": hyperparameters.rate,
        "min_data_in_leaf": hyperparameters.min_in_leaf,
        "lambda_l2": 5.0,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": seed,
    }


def _step_file(k: int) -> str:
    return f"pumps_over_{k}.txt"
