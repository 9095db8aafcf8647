"""A trained model in Python: predict a table of dispatches, rank the stations for an incident, explain predictions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from londonpump.api.tables import Table, cell_of
from londonpump.domain.attendance_targets import LATENESS_LIMITS_S
from londonpump.domain.errors import BadValue
from londonpump.domain.london_clock import LONDON
from londonpump.domain.national_grid import to_grid
from londonpump.domain.stations import by_code
from londonpump.lifecycle import predict as prediction
from londonpump.lifecycle.calls_file import (
    OPTIONAL,
    Calls,
    parse_rows,
    parse_timestamp,
)
from londonpump.lifecycle.context_store import ContextStore
from londonpump.lifecycle.rank import predict_from, stations_with_pumps
from londonpump.models.area_points import central
from londonpump.models.bundle import Bundle, Card
from londonpump.models.distribution import P10, P90
from londonpump.models.predict import MAX_AREA_DISPATCHES

Location = tuple[float, float] | Mapping[str, Any] | str
EXPLAINED = ("id", "feature_group", "contribution_s", "text")


@dataclass(frozen=True, slots=True)
class Arrival:
    """The predicted arrival of a pump from one station, in seconds from its mobilisation."""

    station_code: str
    station_name: str
    mean_s: float
    p10_s: float
    """One such dispatch in ten is faster."""
    p50_s: float
    """The announced time: half of such dispatches are faster."""
    p90_s: float
    p_over: Mapping[int, float]
    """Probability of more than 360, 480, 600 and 720 s, by that limit."""
    imputed: tuple[str, ...]
    """Labels `column=source` of values that the call does not state."""


@dataclass(frozen=True, slots=True)
class Model:
    """A trained model: `predict` a table of dispatches, `rank` the stations for an incident, `explain` predictions."""

    path: Path
    bundle: Bundle = field(repr=False)
    context: ContextStore | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Return the hash that names the model."""
        return self.path.resolve().name

    @property
    def card(self) -> Card:
        """Return the facts about the model: its training data, features and hyperparameters."""
        return self.bundle.card

    def predict(self, frame: Any) -> Any:
        """Predict a table of dispatches, one pump per row.

        Args: frame: a data frame of pandas or Polars, an Arrow table, or a dict of columns (a dict of single values is one
        row), with the columns of CALLS.csv: `mobilised_at`, `station_code`, `easting_m` and `northing_m`, and optional ones.
        A time without a zone is London time. Without `id`, rows are numbered from 1.
        Returns: a table of the same kind with the columns of PREDICTIONS.csv and one row per row, in the same order; a
        data frame of pandas keeps its index. Seconds have the suffix `_s`. A row with a wrong value has `error` and
        nothing else.
        Raises: LondonPumpError if it is no table or lacks a column.

        Examples:
            >>> call = {"mobilised_at": "2023-12-01T08:00Z", "station_code": "G30", "easting_m": 518650, "northing_m": 186250}
            >>> predicted = model.predict(call)
            >>> predicted["p10_s"][0] < predicted["p50_s"][0] < predicted["p90_s"][0]
            True
        """
        table = Table.of(frame)
        calls = self._parsed(table)
        return table.same_kind(
            prediction.prediction_columns(calls, prediction.predict_calls(self.bundle, calls, self.context))
        )

    def explain(self, frame: Any) -> Any:
        """Explain predictions: the seconds that each group of features adds to the median.

        Args: frame: as in `predict`. Returns: a table of the same kind with several rows per dispatch, the largest
        contribution first: `id`, `feature_group`, `contribution_s` and `text`. Those of a dispatch add up to its
        `p50_s`. A row with a wrong value has none.
        Raises: LondonPumpError if it is no table or lacks a column.

        Examples:
            >>> explained = model.explain(call)
            >>> abs(sum(explained["contribution_s"]) - predicted["p50_s"][0]) < 0.001
            True
        """
        table = Table.of(frame)
        calls = self._parsed(table)
        predictions = prediction.predict_calls(self.bundle, calls, self.context)
        explained = [] if predictions is None else predictions.explanations(self.bundle)
        rows = [
            (calls.ids[row], one.group, one.seconds, one.description)
            for row, ones in zip(calls.answered, explained, strict=True)
            for one in ones
        ]
        return table.same_kind(
            {name: [row[i] for row in rows] for i, name in enumerate(EXPLAINED)}, is_by_row=False
        )

    def rank(
        self,
        location: Location,
        *,
        at: str | datetime | None = None,
        stations: Iterable[str] | None = None,
        max_stations: int = 10,
        **call: Any,
    ) -> list[Arrival]:
        """Rank the stations by when a pump from there would arrive, the earliest first.

        The board is not read: whether a station has a pump free is for you to say, by `stations`.

        Args: location: (easting, northing) in metres of the National Grid; a dict with `easting_m` and `northing_m`, with
        `latitude` and `longitude`, with `postcode_district` or with `station_ground`; or the text of one of the last two.
        at: time of the mobilisation; None: now. stations: codes; None: every station on land that has a pump. call: optional
        columns of CALLS.csv, such as `incident_type="Fire"`.
        Raises: BadValue for a wrong value, a place far from London or an area without past calls.

        Examples:
            >>> first, second = model.rank((530030, 180390), at="2023-12-01T08:00Z", max_stations=2)
            >>> first.station_name, first.p50_s < second.p50_s
            ('Soho', True)
        """
        points_m, ground = self._points(location)
        if not isinstance(max_stations, int) or max_stations < 1:
            raise BadValue("max_stations", max_stations, "is no number of stations. Give 1 or more")
        # a datetime without a zone is London time, as in tables
        at = datetime.now(UTC) if at is None else parse_timestamp(cell_of(at), "at")[0]
        unknown = sorted(call.keys() - set(OPTIONAL))
        if unknown:
            raise BadValue(
                unknown[0], call[unknown[0]], f"is no column of a call. It may state {', '.join(OPTIONAL)}"
            )
        codes = (
            stations_with_pumps(self.bundle, at.astimezone(LONDON).date())
            if stations is None
            else [*stations]
        )
        if not codes:
            return []
        centre = points_m[central(points_m)].tolist()
        texts = {
            "mobilised_at": cell_of(at),
            **dict(zip(("easting_m", "northing_m"), map(cell_of, centre), strict=True)),
            "station_ground_code": ground,
            **{name: cell_of(value) for name, value in call.items()},
        }
        # stations that were named are all ranked, as the service does with pumps
        most = len(codes) if stations is not None else max(MAX_AREA_DISPATCHES, max_stations)
        order, station_of, predictions = predict_from(self.bundle, texts, codes, points_m, self.context, most)
        times, known = predictions.times, by_code(self.bundle.stations)
        p10_s, p90_s = times.quantile(P10), times.quantile(P90)
        p_over = {limit_s: times.p_over(limit_s) for limit_s in LATENESS_LIMITS_S}
        return [
            Arrival(
                station_code=str(station_of[i]),
                station_name=known[station_of[i]].name,
                mean_s=float(times.mean_s[i]),
                p10_s=float(p10_s[i]),
                p50_s=float(predictions.median_s[i]),
                p90_s=float(p90_s[i]),
                p_over={limit_s: float(chance[i]) for limit_s, chance in p_over.items()},
                imputed=tuple(predictions.imputed[int(i)]),
            )
            for i in order[:max_stations]
        ]

    def _parsed(self, table: "Table") -> Calls:
        return parse_rows(table.header, table.rows, by_code(self.bundle.stations))

    def _points(self, location: Location) -> tuple[np.ndarray[Any, Any], str]:
        """Return the (k, 2) points of a location, and its station ground if that is all that is stated."""
        areas = self.bundle.area_points
        if isinstance(location, str):
            # no district has the code of a ground: the Brigade numbers from 21 on, E of the postcodes ends at 20
            is_ground = areas.ground(location) is not None
            location = {"station_ground" if is_ground else "postcode_district": location}
        if isinstance(location, Sequence):
            location = dict(zip(("easting_m", "northing_m", "too many"), location, strict=False))
        match sorted(map(str, location)) if isinstance(location, Mapping) else None:
            case ["easting_m", "northing_m"]:
                return np.array(
                    [[_coordinate(location, "easting_m"), _coordinate(location, "northing_m")]]
                ), ""
            case ["latitude", "longitude"]:
                return np.column_stack(
                    to_grid(_coordinate(location, "latitude"), _coordinate(location, "longitude"))
                ), ""
            case [("postcode_district" | "station_ground") as kind]:
                code = str(location[kind])
                is_ground = kind == "station_ground"
                points_m = areas.ground(code) if is_ground else areas.district(code)
                if points_m is None:
                    raise BadValue(
                        f"location.{kind}",
                        code,
                        "has no past calls in this model. Give easting_m and northing_m",
                    )
                return points_m, code if is_ground else ""
        raise BadValue(
            "location",
            location,
            "is none. Give (easting, northing), or a dict with easting_m and northing_m, latitude and longitude, "
            "postcode_district, or station_ground",
        )


def _coordinate(location: Mapping[str, Any], name: str) -> float:
    """Return a coordinate of a location as a number. Raises: BadValue."""
    try:
        number = float(location[name])
    except (TypeError, ValueError, OverflowError):
        number = np.nan
    if not np.isfinite(number):
        raise BadValue(f"location.{name}", location[name], "is no number")
    return number
