"""LightGBM with fixed settings: one thread, and the same model text for the same rows and seed."""

from collections.abc import Mapping
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Several threads add floating-point numbers in varying order: one thread keeps models and predictions reproducible.
ALWAYS: dict[str, Any] = {
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
    parameters: Mapping[str, Any],
) -> lgb.Booster:
    """Train `parameters["num_trees"]` trees on an (n, features) table."""
    settings = {**ALWAYS, **parameters}
    trees = settings.pop("num_trees")
    # Bins are made with the data set, so max_bin is a parameter of it.
    data = lgb.Dataset(
        table, target, feature_name=list(names), params={**ALWAYS, "max_bin": settings.get("max_bin", 255)}
    )
    return lgb.train(settings, data, num_boost_round=trees)


def to_bytes(booster: lgb.Booster) -> bytes:
    """Return the native text of a booster."""
    return str(booster.model_to_string()).encode()


def from_bytes(text: bytes) -> lgb.Booster:
    """Read a booster from its native text."""
    return lgb.Booster(model_str=text.decode())


def predict(booster: lgb.Booster, table: Floats) -> Floats:
    """Return (n,) or (n, classes) raw predictions."""
    return np.asarray(booster.predict(table, num_threads=1))
