"""The original system's model as a baseline of an evaluation: its columns, its fit and its predictions.

A passive-aggressive regressor on one-hot texts and scaled numbers, its C chosen by three folds on MAE.
scikit-learn drops `PassiveAggressiveRegressor` in 1.10; `SGDRegressor` with the step rule `pa1` is the
same algorithm, and a test holds both to the same coefficients.

The design is sparse, 30 times less work per pass than the original's dense one. For sparse rows
scikit-learn slows the intercept down a hundredfold; a constant column brings its step back to the
dense one, so that the two agree to within 0.02 s on every row.

It is unstable, the more so the fewer the rows: score it as the median of eleven seeds, and its best.
Measured on real incident records alone (8 of the 19 features there), MAE of first and second pumps:

| train -> test                           | rows            | median | best | worst | CPU, 11 seeds |
|-----------------------------------------|-----------------|--------|------|-------|---------------|
| 2023, January-September -> last quarter | 7,769 -> 3,484  | 72.4 s | 72.3 | 73.4  | 0.9 s         |
| 2017, January -> February               | 10,993 -> 9,690 | 74.8 s | 74.7 | 74.8  | 4.3 s         |

540,000 made rows with all 19 features (261 coefficients) take 47 CPU s for eleven seeds, 430 MiB at the
peak; with 100,000 of them drawn, 15 CPU s for the same MAE to 0.1 s.

Source: the original system's 19 features, under the names of this product (specification of the
original, section 3): `ground_pumps_available` is text there, hence one-hot; `month` and the 0/1 flags
are numbers left unscaled.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDRegressor

from londonpump.domain.errors import BadValue, TooFewRows
from londonpump.features.dispatches import Dispatches
from londonpump.models.train import distance_as_original_km

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

CS = (0.001, 0.0025, 0.005, 0.008, 0.01)
# As in the original.
FOLDS = 3
MIN_ROWS = 30
# More rows change the MAE by less than 0.1 s and triple the time of the fit.
MAX_FIT_ROWS = 100_000
EPSILON_S = 0.1
"""A residual below this moves nothing: the default of the original's class."""
CONSTANT = np.sqrt(0.99)
"""0.01 of a step reaches the intercept of a sparse design; the square of this adds the other 0.99."""


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


@dataclass(frozen=True, slots=True)
class RowLimits:
    """Maximum numbers of rows; whole incidents are drawn at random, None means all rows.

    C is chosen on a part, because the fifteen fits of the choice would cost more than the final ones.
    """

    max_cv_rows: int | None = 60_000
    max_fit_rows: int | None = None


def fit_original(dispatches: Dispatches, incident: Integers) -> OriginalModel:
    """Fit the original's model on training dispatches with their attendance times, with eleven seeds."""
    attendance_s = dispatches.columns["attendance_s"]
    limits = RowLimits(max_fit_rows=MAX_FIT_ROWS)
    return fit_original_model(original_columns(dispatches), attendance_s, groups=incident, limits=limits)


def original_columns(dispatches: Dispatches) -> Columns:
    """Return the original's 19 features under this product's names, from the recorded ground as in the original."""
    rows = dict(dispatches.columns)
    home = rows.get("home_station_code")
    station = rows["station_code"]
    # Without any home station in the records, the station that the pump left from is all that is known.
    known = home is not None and any(code is not None for code in home)
    return {
        **rows,
        "home_station_code": home if known and home is not None else station,
        "ground_code": dispatches.text("recorded_ground_code"),
        "distance_km": distance_as_original_km(rows),
        "month": dispatches.month.astype(np.float64),
        "is_working_day": dispatches.is_working_day.astype(np.float64),
    }


def fit_original_model(
    columns: Columns,
    attendance_s: Floats,
    seeds: Sequence[int] = range(11),
    groups: NDArray[Any] | None = None,
    limits: RowLimits = RowLimits(),
) -> OriginalModel:
    """Fit the original's model once per seed, with one C for all, chosen with the first seed.

    Args: columns: {feature: (n,)}, features that are missing, entirely null, or numbers with one
        value are left out and recorded. attendance_s: (n,) seconds, finite. groups: (n,) the incident of each row, kept whole
        in a fold; without it each row is its own incident.
    Raises: TooFewRows below 30 rows or three incidents; BadValue for a value that cannot be used.
    """
    target_s = _checked_target(columns, attendance_s, seeds)
    encoding = fit_encoding(columns)
    design = build_design(encoding, columns)
    rank = _shuffled_incident_rank(groups, len(target_s), seeds[0])
    cv_mae_s = _score_each_c(design, target_s, _folds(rank, limits.max_cv_rows), seeds[0])
    c = min(cv_mae_s, key=lambda candidate: cv_mae_s[candidate])
    drawn = _first_incidents(rank, limits.max_fit_rows)
    if not drawn.all():
        design, target_s = design[drawn], target_s[drawn]
    fits = [_fit(design, target_s, c, seed) for seed in seeds]
    coefficients = np.array([fit.coef_ for fit in fits])
    # The constant column is folded into the intercept, so that predictions need no such column.
    intercepts_s = np.array([fit.intercept_[0] for fit in fits]) + CONSTANT * coefficients[:, -1]
    return OriginalModel(
        encoding=encoding,
        c=c,
        cv_mae_s=cv_mae_s,
        seeds=tuple(int(seed) for seed in seeds),
        coefficients=coefficients[:, :-1],
        intercepts_s=intercepts_s,
        training_mae_s=np.array([_mae_s(fit, design, target_s) for fit in fits]),
        epochs=tuple(int(fit.n_iter_) for fit in fits),
        rows=len(target_s),
    )


def median_and_best(mae_s: Iterable[float]) -> tuple[float, float]:
    """Return the median and the lowest MAE over the seeds."""
    every_s = np.asarray(list(mae_s), np.float64)
    return float(np.median(every_s)), float(every_s.min())


def fit_encoding(columns: Columns) -> Encoding:
    """Fit the categories, means and scales of the training rows. Raises: BadValue."""
    present = {name: columns[name] for name in FEATURES if name in columns}
    texts = [_fit_text(name, present[name]) for name in TEXTS if name in present]
    numbers = [_fit_number(name, present[name]) for name in SCALED_NUMBERS + PLAIN_NUMBERS if name in present]
    kept_texts = tuple(text for text in texts if text.categories != (NOT_STATED,))
    kept_numbers = tuple(number for number in numbers if number is not None)
    used = {column.name for column in kept_texts} | {column.name for column in kept_numbers}
    if not used:
        raise BadValue("columns", sorted(columns), "every feature of the original is null")
    return Encoding(kept_texts, kept_numbers, tuple(name for name in FEATURES if name not in used))


def build_design(encoding: Encoding, columns: Columns) -> sparse.csr_matrix:
    """Return (n, width + 1) sparse rows; the last column is the constant. Every category must be known."""
    n, width = count_rows(columns), encoding.width
    positions, numbers = encoding.positions(columns), encoding.scaled(columns)
    n_entries = len(positions) + len(numbers) + 1
    where = np.empty((n, n_entries), np.int32)
    values = np.ones((n, n_entries))
    for column, position in enumerate(positions):
        where[:, column] = position
    where[:, len(positions) :] = np.arange(width - len(numbers), width + 1)
    for column, scaled in enumerate(numbers, start=len(positions)):
        values[:, column] = scaled
    values[:, -1] = CONSTANT
    # Every row has the same number of entries, so the sparse rows are built without a loop over them.
    starts = np.arange(0, n * n_entries + 1, n_entries, dtype=np.int32)
    return sparse.csr_matrix((values.ravel(), where.ravel(), starts), shape=(n, width + 1))


def _fit_text(name: str, values: NDArray[Any]) -> TextColumn:
    return TextColumn(name, tuple(sorted(set(distinct_texts(values)[1]))))


def _fit_number(name: str, values: NDArray[Any]) -> NumberColumn | None:
    """Fit the scaling of a number; None if every value is null or all are equal.

    An unscaled constant would take over part of the intercept: fitted on one January, `month` takes
    half of it and doubles it in February (MAE 139 s instead of 74).
    """
    numbers = as_numbers(name, values)
    known = ~np.isnan(numbers)
    if not known.any() or float(np.ptp(numbers[known])) == 0.0:
        return None
    mean = float(numbers[known].mean())
    if name in PLAIN_NUMBERS:
        return NumberColumn(name, fill=mean, centre=0.0, scale=1.0)
    deviation = float(np.where(known, numbers, mean).std())
    return NumberColumn(name, fill=mean, centre=mean, scale=deviation)


def _checked_target(columns: Columns, attendance_s: Floats, seeds: Sequence[int]) -> Floats:
    target_s = np.asarray(attendance_s, np.float64)
    if len(target_s) != count_rows(columns):
        raise BadValue("attendance_s", len(target_s), f"{count_rows(columns)} rows of features were given")
    if not np.isfinite(target_s).all():
        raise BadValue(
            "attendance_s", int((~np.isfinite(target_s)).sum()), "rows without a time: leave them out"
        )
    if len(target_s) < MIN_ROWS:
        raise TooFewRows(
            f"original model: {len(target_s)} training rows, {MIN_ROWS} needed. Give more records."
        )
    if len(seeds) == 0:
        raise BadValue("seeds", list(seeds), "name at least one")
    return target_s


def _shuffled_incident_rank(groups: NDArray[Any] | None, n: int, seed: int) -> Integers:
    """Return a random (n,) rank per row, equal within an incident, from 0 without gaps."""
    incident = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    n_incidents = int(incident.max()) + 1
    if n_incidents < FOLDS:
        raise TooFewRows(
            f"original model: {n_incidents} incidents, {FOLDS} needed to choose C. Give more records."
        )
    return np.random.default_rng(seed).permutation(n_incidents)[incident]


def _first_incidents(rank: Integers, max_rows: int | None) -> NDArray[np.bool_]:
    """Return (n,) flags of the incidents of lowest rank that fit into `max_rows`, at least three incidents."""
    if max_rows is None:
        return np.ones(len(rank), np.bool_)
    fits = np.cumsum(np.bincount(rank)) <= max_rows
    # Each of the three folds needs an incident, even if one incident exceeds the limit.
    fits[:FOLDS] = True
    return fits[rank]


def _folds(rank: Integers, max_rows: int | None) -> Integers:
    """Return the (n,) fold 0, 1 or 2; -1 for a row that is not used for the choice of C."""
    return np.where(_first_incidents(rank, max_rows), rank % FOLDS, -1)


def _score_each_c(
    design: sparse.csr_matrix, target_s: Floats, fold: Integers, seed: int
) -> dict[float, float]:
    scores: dict[float, list[float]] = {c: [] for c in CS}
    for left_out in range(FOLDS):
        is_training, is_test = (fold >= 0) & (fold != left_out), fold == left_out
        training_design, test_design = design[is_training], design[is_test]
        for c in CS:
            fit = _fit(training_design, target_s[is_training], c, seed)
            scores[c].append(_mae_s(fit, test_design, target_s[is_test]))
    return {c: float(np.mean(maes_s)) for c, maes_s in scores.items()}


def _fit(design: sparse.csr_matrix, target_s: Floats, c: float, seed: int) -> SGDRegressor:
    model = SGDRegressor(
        loss="epsilon_insensitive",
        penalty=None,
        learning_rate="pa1",
        eta0=c,
        epsilon=EPSILON_S,
        random_state=int(seed),
    )
    with warnings.catch_warnings():
        # few rows and small steps may use up the thousand passes; `epochs` records it
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(design, target_s)


def _mae_s(fit: SGDRegressor, design: sparse.csr_matrix, target_s: Floats) -> float:
    return float(np.abs(fit.predict(design) - target_s).mean())
