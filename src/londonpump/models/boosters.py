"""LightGBM with fixed settings: one thread, and the same model text for the same rows and seed."""

import sys
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

# The optional interfaces of LightGBM would load scikit-learn and pandas: half of the start of a command.
_HIDDEN = {"sklearn", "pandas", "pyarrow"} - set(sys.modules)
sys.modules.update(dict.fromkeys(_HIDDEN))  # type: ignore[arg-type]
try:
    import lightgbm as lgb
finally:
    for _name in _HIDDEN:
        sys.modules.pop(_name, None)

Booster = lgb.Booster
Floats = NDArray[np.float64]
# Several threads add floating-point numbers in varying order: one thread keeps models and predictions reproducible.
Parameters = Mapping[str, str | float]
ALWAYS: Parameters = {
    "verbosity": -1,
    "deterministic": True,
    # LightGBM would otherwise time both layouts and pick one, and the layouts add up in different orders.
    "force_row_wise": True,
    "num_threads": 1,
    "feature_pre_filter": False,
}


def train(
    table: Floats,
    target: Floats,
    names: tuple[str, ...],
    parameters: Parameters,
) -> Booster:
    """Train `parameters["num_trees"]` trees on an (n, features) table."""
    settings = {**ALWAYS, **parameters}
    trees = int(settings.pop("num_trees"))
    # Bins are made with the data set, so max_bin is a parameter of it.
    data = lgb.Dataset(
        table, target, feature_name=list(names), params={**ALWAYS, "max_bin": settings.get("max_bin", 255)}
    )
    return lgb.train(settings, data, num_boost_round=trees)


def to_bytes(booster: Booster) -> bytes:
    """Return the native text of a booster."""
    return str(booster.model_to_string()).encode()


def from_bytes(text: bytes) -> Booster:
    """Read a booster from its native text."""
    return lgb.Booster(model_str=text.decode())


def predict(booster: Booster, table: Floats) -> Floats:
    """Return (n,) or (n, classes) raw predictions."""
    return np.asarray(booster.predict(table, num_threads=1))
