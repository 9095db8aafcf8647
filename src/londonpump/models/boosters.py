"""LightGBM in this house: native text, one thread, the same bytes for the same rows and seed."""

from collections.abc import Mapping
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ALWAYS: dict[str, Any] = {
    "verbosity": -1,
    "deterministic": True,
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
    """Boost `parameters["num_trees"]` trees on (n, features)."""
    settings = {**ALWAYS, **parameters}
    trees = settings.pop("num_trees")
    data = lgb.Dataset(
        table, target, feature_name=list(names), params={**ALWAYS, "max_bin": settings.get("max_bin", 255)}
    )
    return lgb.train(settings, data, num_boost_round=trees)


def to_bytes(booster: lgb.Booster) -> bytes:
    """The native text of a booster."""
    return str(booster.model_to_string()).encode()


def from_bytes(text: bytes) -> lgb.Booster:
    """A booster out of its native text."""
    return lgb.Booster(model_str=text.decode())


def predict(booster: lgb.Booster, table: Floats) -> Floats:
    """(n,) or (n, classes) raw answers on one thread."""
    return np.asarray(booster.predict(table, num_threads=1))
