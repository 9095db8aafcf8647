"""Aggregates of published records that the simulation draws from.

Source: LFB Incident Records, January and February 2017 and samples of 2023, counted by cell, kind of
call, hour and property; London Fire Brigade and London Datastore, Open Government Licence v3.0.
"""

import csv
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray


@cache
def table(name: str) -> dict[str, list[str]]:
    """Return a table of this package as columns of text: cells, wards, boroughs, kinds, hours, ..."""
    path = resources.files(__package__).joinpath("measured").joinpath(f"{name}.csv")
    header, *rows = csv.reader(path.read_text("utf-8").splitlines())
    return {column: [row[i] for row in rows] for i, column in enumerate(header)}


def numbers(name: str, column: str) -> NDArray[np.float64]:
    """Return a numeric column of a table."""
    return np.array(table(name)[column], dtype=np.float64)


def positions(values: list[str], among: list[str]) -> NDArray[np.int64]:
    """Return the position of each value in `among`. Raises: KeyError if it is missing."""
    index = {word: i for i, word in enumerate(among)}
    return np.array([index[word] for word in values], dtype=np.int64)
