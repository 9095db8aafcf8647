"""The original's model after fitting: its columns, coefficients and predictions, in NumPy alone.

The fitting is in `original_model_training`, so that loading a bundle needs no scikit-learn.

Source: the original system's 19 features, under the names of this product (specification of the
original, section 3): `ground_pumps_available` is text there, hence one-hot; `month` and the 0/1 flags
are numbers left unscaled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from londonpump.domain.errors import BadValue

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Columns = Mapping[str, NDArray[Any]]

TEXTS = (
    "deployed_from",
    "appliance",
    "property_category",
    "address_qualifier",
    "incident_type",
    "conditions",
    "home_station_code",
    "ground_code",
    "ground_pumps_available",
)
SCALED_NUMBERS = (
    "distance_km",
    "pumps_out",
    "temp_c",
    "precip_mm",
    "cloudcover_pct",
    "visibility_km",
    "congestion_rate",
)
PLAIN_NUMBERS = ("month", "is_working_day", "is_school_holiday")
FEATURES = TEXTS + SCALED_NUMBERS + PLAIN_NUMBERS

NOT_STATED = ""
"""The category of a null text."""


@dataclass(frozen=True, slots=True)
class TextColumn:
    """One-hot coded text: the categories of the training rows, in the order of their coefficients."""

    name: str
    categories: tuple[str, ...]

    def positions(self, values: NDArray[Any]) -> Integers:
        """Return the (n,) position of each value in `categories`, -1 for one not in the training rows."""
        known = {category: position for position, category in enumerate(self.categories)}
        codes, texts = distinct_texts(values)
        return np.array([known.get(text, -1) for text in texts], np.int64)[codes]


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """The scaling of a number: null is replaced by `fill`, then (value - centre) / scale."""

    name: str
    fill: float
    centre: float
    scale: float

    def scaled(self, values: NDArray[Any]) -> Floats:
        """Return the (n,) scaled numbers. Raises: BadValue."""
        number = as_numbers(self.name, values)
        return np.asarray((np.where(np.isnan(number), self.fill, number) - self.centre) / self.scale)


@dataclass(frozen=True, slots=True)
class Encoding:
    """The mapping of columns to coefficients: texts first, then numbers, in this order."""

    texts: tuple[TextColumn, ...]
    numbers: tuple[NumberColumn, ...]
    absent: tuple[str, ...]
    """Features of the original that the training rows lack or that hold one value only."""

    @property
    def width(self) -> int:
        """Return the number of coefficients per seed."""
        return sum(len(text.categories) for text in self.texts) + len(self.numbers)

    def positions(self, columns: Columns) -> list[Integers]:
        """Return, for each text, its (n,) position among all coefficients, -1 where the value is unknown.

        A missing column counts as null. Raises: BadValue.
        """
        n, offset, found = count_rows(columns), 0, []
        for text in self.texts:
            position = text.positions(_column_or_null(columns, text.name, n))
            found.append(np.where(position < 0, -1, position + offset))
            offset += len(text.categories)
        return found

    def scaled(self, columns: Columns) -> list[Floats]:
        """Return, for each number, its (n,) scaled values; a missing column counts as null. Raises: BadValue."""
        n = count_rows(columns)
        return [number.scaled(_column_or_null(columns, number.name, n)) for number in self.numbers]


@dataclass(frozen=True, slots=True)
class OriginalModel:
    """The original's linear model, fitted once per seed; predictions are not clipped, as in the original."""

    encoding: Encoding
    c: float
    """The chosen aggressiveness."""
    cv_mae_s: dict[float, float]
    """MAE over the folds by C."""
    seeds: tuple[int, ...]
    coefficients: Floats
    """(seeds, width)."""
    intercepts_s: Floats
    training_mae_s: Floats
    epochs: tuple[int, ...]
    """Passes over the rows, per seed."""
    rows: int
    """Number of training rows."""

    @property
    def typical_index(self) -> int:
        """Return the index of the seed whose MAE on the training rows is the median."""
        # Chosen on the training rows: the best seed on later rows is known only afterwards.
        order = np.argsort(self.training_mae_s, kind="stable")
        return int(order[(len(order) - 1) // 2])

    def predict(self, columns: Columns, seed_index: int | None = None) -> Floats:
        """Return (n,) attendance seconds by one seed, by default the typical one. Raises: BadValue."""
        index = self.typical_index if seed_index is None else seed_index
        if not 0 <= index < len(self.seeds):
            raise BadValue("seed_index", index, f"there are {len(self.seeds)} seeds, counted from 0")
        return np.asarray(self._answers(columns, slice(index, index + 1))[0])

    def predict_all(self, columns: Columns) -> Floats:
        """Return (seeds, n) attendance seconds by every seed. Raises: BadValue."""
        return self._answers(columns, slice(None))

    def _answers(self, columns: Columns, which: slice) -> Floats:
        coefficients = self.coefficients[which]
        # the position -1 of an unknown category picks this last column: it adds nothing
        padded = np.concatenate([coefficients, np.zeros((len(coefficients), 1))], axis=1)
        # Adding the coefficient of each category is the product with a one-hot row, without the zeros.
        answers = np.repeat(self.intercepts_s[which][:, None], count_rows(columns), axis=1)
        for position in self.encoding.positions(columns):
            answers += padded[:, position]
        first_number = self.encoding.width - len(self.encoding.numbers)
        for offset, values in enumerate(self.encoding.scaled(columns)):
            answers += coefficients[:, first_number + offset, None] * values
        return answers

    def to_json(self) -> dict[str, Any]:
        """Return JSON-serializable values from which `from_json` restores the same predictions bit for bit."""
        return {
            "texts": {text.name: list(text.categories) for text in self.encoding.texts},
            "numbers": {
                number.name: {"fill": number.fill, "centre": number.centre, "scale": number.scale}
                for number in self.encoding.numbers
            },
            "absent": list(self.encoding.absent),
            "c": self.c,
            "cv_mae_s": {str(c): mae_s for c, mae_s in self.cv_mae_s.items()},
            "seeds": list(self.seeds),
            "coefficients": self.coefficients.tolist(),
            "intercepts_s": self.intercepts_s.tolist(),
            "training_mae_s": self.training_mae_s.tolist(),
            "epochs": list(self.epochs),
            "rows": self.rows,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(
            encoding=Encoding(
                texts=tuple(TextColumn(name, tuple(known)) for name, known in stored["texts"].items()),
                numbers=tuple(NumberColumn(name, **scaling) for name, scaling in stored["numbers"].items()),
                absent=tuple(stored["absent"]),
            ),
            c=float(stored["c"]),
            cv_mae_s={float(c): float(mae_s) for c, mae_s in stored["cv_mae_s"].items()},
            seeds=tuple(stored["seeds"]),
            coefficients=np.array(stored["coefficients"], np.float64),
            intercepts_s=np.array(stored["intercepts_s"], np.float64),
            training_mae_s=np.array(stored["training_mae_s"], np.float64),
            epochs=tuple(stored["epochs"]),
            rows=int(stored["rows"]),
        )


def count_rows(columns: Columns) -> int:
    """Return the number of rows. Raises: BadValue if columns differ in length or no feature is present."""
    lengths = {name: len(columns[name]) for name in FEATURES if name in columns}
    if not lengths:
        raise BadValue("columns", sorted(columns), f"none of the original's features is there: {FEATURES}")
    if len(set(lengths.values())) > 1:
        raise BadValue("columns", lengths, "the columns must have one length")
    return next(iter(lengths.values()))


def distinct_texts(values: NDArray[Any]) -> tuple[Integers, list[str]]:
    """Return the (n,) positions in the list of distinct texts, and that list; null, NaN and blank are NOT_STATED."""
    if values.dtype.kind in "biuf":
        numbers, codes = np.unique(values, return_inverse=True)
        return codes.astype(np.int64), [_text_of(number) for number in numbers.tolist()]
    seen: dict[Any, int] = {}
    # setdefault sees len(seen) before it adds, so each new value gets the next position
    every = (seen.setdefault(value, len(seen)) for value in values.tolist())
    codes = np.fromiter(every, np.int64, len(values))
    return codes, [_text_of(value) for value in seen]


def as_numbers(name: str, values: NDArray[Any]) -> Floats:
    """Return (n,) float64, NaN for null. Raises: BadValue for text or an infinite number."""
    try:
        numbers = np.asarray(values).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise BadValue(name, str(error), "every value must be a number or null") from error
    if np.isinf(numbers).any():
        raise BadValue(name, float(numbers[np.isinf(numbers)][0]), "must be finite or null")
    return numbers


def _text_of(value: Any) -> str:
    if value is None or value != value:  # only NaN differs from itself
        return NOT_STATED
    # The same code must be the same category, whether a null turned its column into floats or not.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _column_or_null(columns: Columns, name: str, n: int) -> NDArray[Any]:
    return columns[name] if name in columns else np.full(n, np.nan)
