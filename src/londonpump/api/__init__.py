"""The Python API, `import londonpump as lp`: read records, prepare, train, predict, rank, explain and evaluate.

The functions are those of the commands. What predicts needs none of the libraries of training; what trains says which extra
is missing. Tables of pandas, Polars and Arrow, and dicts of columns, go in, and the same kind comes out.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from londonpump.api.model import Arrival, Model
from londonpump.domain.errors import BadFile, BadValue, LondonPumpError
from londonpump.lifecycle.context_store import ContextStore
from londonpump.lifecycle.predict import open_bundle
from londonpump.lifecycle.progress import Progress, silent
from londonpump.persistence.bundles import bundle_folder

if TYPE_CHECKING:
    import pyarrow as pa

    from londonpump.lifecycle.prepared_examples import Examples
    from londonpump.presentation.texts.models import EvaluationResults

__all__ = [
    "Arrival",
    "LondonPumpError",
    "Model",
    "PreparedData",
    "Records",
    "evaluate",
    "load",
    "prepare",
    "read_records",
    "train",
]
PathLike = str | Path
Files = PathLike | Sequence[PathLike]


@contextmanager
def _naming_the_extra() -> Iterator[None]:
    """Turn a missing library into an error that names the extra with it."""
    # The commands know which extra installs which module, and a test compares their list with the package's metadata.
    from londonpump.cli.application import not_installed

    try:
        yield
    except ModuleNotFoundError as error:
        problem = not_installed(error)
        if problem is None:
            raise
        raise problem from error


@dataclass(frozen=True, slots=True)
class Records:
    """Published records by file. Nothing is read before it is needed."""

    incident_files: tuple[Path, ...]
    mobilisation_files: tuple[Path, ...] = ()

    def incidents(self) -> "pa.Table":
        """Return the incidents as an Arrow table: one row per row of the files, typed and not yet cleaned.

        Raises: BadFile if a file is no such record.
        """
        return _published("incidents", self.incident_files)

    def mobilisations(self) -> "pa.Table":
        """Return the mobilisations as an Arrow table. Raises: BadFile if there are none, or a file is no such record."""
        if not self.mobilisation_files:
            raise BadFile(
                "records",
                "hold no mobilisations",
                "Name their files: lp.read_records(incidents, mobilisations).",
            )
        return _published("mobilisations", self.mobilisation_files)


def _published(name: str, files: tuple[Path, ...]) -> "pa.Table":
    with _naming_the_extra():
        import ibis

        from londonpump.ingest.published import read_published

        # A connection of its own: the one of Ibis' module would share tables with whatever else the user does.
        connection = ibis.duckdb.connect()
        try:
            return read_published(connection, name, files, silent).typed.to_pyarrow()
        finally:
            connection.disconnect()


def read_records(incidents: Files, mobilisations: Files = ()) -> Records:
    """Name the files of the published records (CSV or XLSX, of any year).

    Args: incidents: one file or several. mobilisations: the same; without them the two pumps of each incident are used.
    Raises: BadFile if a file does not exist.

    Examples:
        >>> records = lp.read_records("raw/incidents.csv", "raw/mobilisations.csv")
        >>> records.incidents().num_rows
        4000
    """
    records = Records(_paths(incidents), _paths(mobilisations))
    # Named here and not when they are read, which may be an hour of other work later.
    for path in (*records.incident_files, *records.mobilisation_files):
        if not path.is_file():
            raise BadFile(path, "is no file", "Check the path.")
    if not records.incident_files:
        raise BadFile("records", "name no incidents", "Give one file or more.")
    return records


def _paths(files: Files) -> tuple[Path, ...]:
    # a text is a sequence too, of characters
    return (Path(files),) if isinstance(files, str | Path) else tuple(Path(file) for file in files)


@dataclass(frozen=True, slots=True)
class PreparedData:
    """A folder that `prepare` wrote: examples, calls and rejected rows."""

    path: PathLike

    def examples(self) -> "pa.Table":
        """Return the examples as an Arrow table, one row per dispatch, with the columns of the data folder.

        Times are in UTC. `attendance_s` is the target in seconds. Raises: BadFile if the folder holds no prepared data.
        """
        with _naming_the_extra():
            import pyarrow as pa
            import pyarrow.parquet as pq

            # Reading it whole checks that it is complete and of this version, which the examples alone do not show.
            self._load()
            table = pq.read_table(Path(self.path) / "examples" / "examples.parquet")
            # in the file they have no zone, and a time without a zone is London time to `predict`
            zoned = [
                pa.field(one.name, pa.timestamp("us", "UTC")) if pa.types.is_timestamp(one.type) else one
                for one in table.schema
            ]
            return table.cast(pa.schema(zoned))

    def rows_to_predict(self, since: str | date) -> dict[str, list[Any]]:
        """Return the dispatches that `evaluate` scores from a London day on, as columns of CALLS.csv.

        The `id` of a dispatch is the one of the benchmark. What is known only later is left out.
        Raises: BadFile if the folder holds no prepared data, BadValue if the day is none.
        """
        with _naming_the_extra():
            from londonpump.lifecycle.benchmark import rows_to_predict

            columns = rows_to_predict(self._load(), _day("since", since))
        # NumPy's times have no zone, and without one `predict` would take them for London time.
        columns["mobilised_at"] = [
            at.replace(tzinfo=UTC) for at in columns["mobilised_at"] if isinstance(at, datetime)
        ]
        return columns

    def _load(self) -> "Examples":
        from londonpump.lifecycle.prepared_examples import load_examples

        return load_examples(Path(self.path))


def prepare(
    records: Records,
    out: PathLike,
    *,
    stations: PathLike | None = None,
    weather: PathLike | None = None,
    traffic: PathLike | None = None,
    school_holidays: PathLike | None = None,
    is_complete: bool | None = None,
    is_simulated: bool = False,
    progress: Progress = silent,
) -> PreparedData:
    """Clean records and write examples to a folder, whole or not at all, as `londonpump prepare` does.

    Args: out: a new folder, or one that this function wrote. stations, weather, traffic, school_holidays: your own files.
    is_complete: whether the records hold every call; None: found out per month. progress: called with (step, share done).
    Raises: BadFile for a wrong file, TooFewRows if no example is left. Needs londonpump[train].

    Examples:
        >>> data = lp.prepare(records, "data", is_simulated=True)
        >>> data.examples().column_names[:2]
        ['incident_number', 'source_file']
    """
    with _naming_the_extra():
        from londonpump.lifecycle.prepare import PrepareRequest
        from londonpump.lifecycle.prepare import prepare as prepare_files

        request = PrepareRequest(
            incidents=records.incident_files,
            mobilisations=records.mobilisation_files,
            out=Path(out),
            is_complete=is_complete,
            is_simulated=is_simulated,
            stations=_path(stations),
            weather=_path(weather),
            traffic=_path(traffic),
            school_holidays=_path(school_holidays),
        )
        prepare_files(request, progress)
    return PreparedData(Path(out))


def train(
    data: PreparedData | PathLike,
    out: PathLike,
    *,
    until: str | date | None = None,
    seed: int = 1,
    roads: PathLike | None = None,
    progress: Progress = silent,
) -> Model:
    """Train a model on examples and store it in a folder under `out`, named by its content, as `londonpump train` does.

    Args: until: train on incidents before this London day; None: 28 days before the newest complete day ends, or less of
    short records. roads: folder of tables of roads, made by `londonpump roads import`.
    Raises: BadFile if `data` was not prepared, TooFewRows if there are too few examples. Needs londonpump[train].

    Examples:
        >>> model = lp.train(data, "bundle", until="2023-10-01")
        >>> model.card.data.trained_until
        datetime.date(2023, 10, 1)
    """
    with _naming_the_extra():
        from londonpump.lifecycle.train import TrainRequest
        from londonpump.lifecycle.train import train as train_bundle
        from londonpump.models.train import TrainingPlan

        request = TrainRequest(
            data=_folder(data),
            out=Path(out),
            until=None if until is None else _day("until", until),
            plan=TrainingPlan(seed=seed),
            roads=_path(roads),
        )
        folder, bundle = train_bundle(request, progress)
    # the bundle as it was read back from the disk: what is used now is what `load` gives later
    return Model(folder, bundle)


def load(bundle: PathLike, *, roads: PathLike | None = None, database: str | None = None) -> Model:
    """Load a model from its folder, or the newest one of a folder of models, and verify it.

    Args: roads: folder of tables of roads, for a model that was trained with one. database: address of the database with
    weather, traffic and holidays, such as `sqlite:///home/londonpump.db`; without it, usual values are used and labelled.
    Raises: BadFile if the folder holds no model, or its content does not match its name.

    Examples:
        >>> model = lp.load("bundle")
        >>> model.name == model.path.name
        True
    """
    # No setting is read here: the same call gives the same numbers on every machine.
    opened = open_bundle(Path(bundle), _path(roads))
    return Model(bundle_folder(Path(bundle)), opened, None if database is None else ContextStore(database))


def evaluate(
    model: Model | PathLike,
    data: PreparedData | PathLike,
    *,
    since: str | date | None = None,
    predictions: PathLike | None = None,
    report: PathLike | None = None,
    card: PathLike | None = None,
    resamples: int = 1000,
    roads: PathLike | None = None,
    progress: Progress = silent,
) -> "EvaluationResults":
    """Evaluate a model and its baselines on dispatches later than its training, as `londonpump evaluate` does.

    Args: since: first London day; None: the end of the training. predictions: a CSV file of predictions of anybody, which
    are evaluated on the same dispatches. report, card: write these pages. resamples: of days, for the 95 % intervals.
    Returns: every figure; `evaluation.whole("ours")["mae_s"]` has `value`, `low` and `high` in seconds.
    Raises: BadValue if a dispatch was part of the training, TooFewRows for fewer than 50. Needs londonpump[train].

    Examples:
        >>> results = lp.evaluate(model, data, resamples=100)
        >>> ours = results.evaluation.whole("ours")["mae_s"]
        >>> ours.low < ours.value < ours.high
        True
    """
    with _naming_the_extra():
        from londonpump.lifecycle.evaluate import EvaluateRequest
        from londonpump.lifecycle.evaluate import evaluate as evaluate_bundle

        request = EvaluateRequest(
            bundle=model.path if isinstance(model, Model) else Path(model),
            data=_folder(data),
            from_date=None if since is None else _day("since", since),
            resamples=resamples,
            predictions=_path(predictions),
            report=_path(report),
            card=_path(card),
            roads=_path(roads),
        )
        return evaluate_bundle(request, progress).results


def _path(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)


def _folder(data: PreparedData | PathLike) -> Path:
    return Path(data.path if isinstance(data, PreparedData) else data)


def _day(name: str, value: str | date) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise BadValue(name, value, "is no day. Write it like 2023-10-01") from None


def _load_pyfunc(path: str) -> Model:
    """Load the model for `mlflow.pyfunc.load_model`, which calls `predict` with a data frame of pandas."""
    return load(path)
