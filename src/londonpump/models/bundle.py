"""A bundle of trained models, its conversion to named files and back, and its self-test.

All parts are fitted on the same training rows: the response-time model, the model of the number of pumps, the
look-ups, and the baselines. This module converts to bytes only; `persistence` writes them to disk.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from londonpump.domain.errors import BadFile
from londonpump.domain.json_values import IF_KNOWN, INLINE, from_json, stored_as, to_json
from londonpump.domain.stations import Station, known_stations, land_stations
from londonpump.features.catalogue import FEATURES, Feature
from londonpump.features.dispatches import Dispatches
from londonpump.features.ground_lookup import GroundLookup
from londonpump.features.roads import RoadLookUp
from londonpump.models import boosters
from londonpump.models.applicability_domain import ApplicabilityDomain
from londonpump.models.area_points import AreaPoints
from londonpump.models.baselines import Constant, Distance
from londonpump.models.distribution import P50, ResponseTimes
from londonpump.models.error_calibration import NO_CALIBRATION, ErrorCalibration
from londonpump.models.fitted_context import FittedContext
from londonpump.models.location_effect import LocationEffect
from londonpump.models.npz import from_npz, to_npz
from londonpump.models.pump_count import PumpsModel
from londonpump.models.response_time_model import BaseCurve, ResponseTimeModel, RoadCurve, RoadModel
from londonpump.models.usual_error import UsualErrors

SCHEMA = 5
"""Version of the file layout. 4 left out the original's model and renamed files and keys; 5 added the calibration by hour and type, and
the usual errors by place."""
READABLE_SCHEMAS = (4, SCHEMA)
"""An upgrade must go on with the model that it finds: a bundle that lacks what was added is read without it."""
# Both models are made of files: the prefix keeps the names of one apart from those of the other.
PUMPS_PREFIX = "pumps_"
ROAD_EFFECTS = "road_location_effects.npz"
# `monitor` reads these two alone.
GROUND, USUAL_ERRORS = "ground.json", "usual_errors.json"
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class SelfTest:
    """A training dispatch, None where unknown, and its predicted median."""

    dispatch: Mapping[str, str | float | None]
    p50_s: float
    way: Mapping[str, float | None] | None = field(default=None, metadata=IF_KNOWN)
    """The way by road of the dispatch, so that the test needs no table; None in a bundle without roads."""

    def look_up(
        self, stations: ArrayLike, easting_m: ArrayLike, northing_m: ArrayLike
    ) -> dict[str, NDArray[np.float32]]:
        """Return the way, for every dispatch that is asked for."""
        del easting_m, northing_m
        shape = np.shape(stations)
        return {
            name: np.full(shape, np.nan if value is None else value, np.float32)
            for name, value in (self.way or {}).items()
        }

    def has_moved(
        self, stations: ArrayLike, easting_m: ArrayLike, northing_m: ArrayLike
    ) -> NDArray[np.bool_]:
        """Return False, as the way is that of this dispatch."""
        del easting_m, northing_m
        return np.zeros(np.shape(stations), np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFacts:
    """The origin of the training data; none depends on the clock or the host, so the hash of the bundle is stable."""

    data_hash: str = ""
    code_version: str = ""
    trained_from: date | None = None
    trained_until: date
    """The first day after the training data."""
    left_out_share: float | None = field(default=None, metadata=IF_KNOWN)
    """Share of the examples that begin on this day or later, on which the model can be evaluated."""
    is_stream: bool = False
    is_simulated: bool = False
    libraries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoadFacts:
    """The table of roads that a bundle was trained with, and needs."""

    name: str
    source: str
    date: str | None
    licence: str
    attribution: str
    known_share: float
    """Share of the training rows whose way by road is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Facts about a bundle for people."""

    schema: int = SCHEMA
    seed: int
    rows: int
    features: tuple[str, ...]
    location_effects: tuple[str, ...]
    hyperparameters: Mapping[str, float]
    context: Mapping[str, str]
    is_without_fast: bool = field(metadata=stored_as("without_dispatches_over_60_kmh"))
    roads: RoadFacts | None = field(default=None, metadata=IF_KNOWN)
    """None: trained without roads."""
    self_test: SelfTest | None = field(metadata=IF_KNOWN)
    data: TrainingFacts = field(metadata=INLINE)


@dataclass(frozen=True, slots=True)
class ResponseFile:
    """The content of response_time.json; the boosters and location effects have files of their own."""

    features: tuple[str, ...]
    location_effects: tuple[str, ...]
    curve: NDArray[np.float64]
    centres: int
    shape: NDArray[np.float64]
    group_of: NDArray[np.int64]
    risk_threshold: float
    calibration: ErrorCalibration | None = field(default=None, metadata=IF_KNOWN)
    """None before schema 5."""
    road_curve: NDArray[np.float64] | None = field(default=None, metadata=IF_KNOWN)


@dataclass(frozen=True, slots=True)
class Bundle:
    """One set of models that were trained together."""

    card: Card
    stations: tuple[Station, ...]
    ground: GroundLookup
    applicability_domain: ApplicabilityDomain
    response: ResponseTimeModel
    pumps: PumpsModel
    constant: Constant
    distance: Distance
    risk_stations: dict[str, float]
    """Density between 600 and 1,600 s by station, from which the original's list follows."""
    risk_threshold: float
    """A dispatch is flagged if its chance of a late surprise is this or more."""
    seen: NDArray[np.int64]
    """Sorted hashes of the training incidents, so that the bundle is never scored on them."""
    area_points: AreaPoints
    usual_errors: UsualErrors | None = None
    """None before schema 5."""
    roads: RoadLookUp | None = None
    """The table of roads; not part of the files."""

    @property
    def lacks_roads(self) -> bool:
        """True if the bundle was trained with a table of roads and has none: it then answers as where no road is known."""
        return self.card.roads is not None and self.roads is None

    def has_seen(self, incident_number: NDArray[Any]) -> NDArray[np.bool_]:
        """Return (n,) whether an incident was among the training rows (one false positive in a million)."""
        # Five bytes per incident instead of its number keep a bundle small.
        return np.isin(incident_hashes(incident_number), self.seen)

    def dispatches(self, columns: Columns) -> Dispatches:
        """Return columns as dispatches with the look-ups of this bundle."""
        return Dispatches(columns, self.ground, self.roads)

    def response_times(self, dispatches: Dispatches) -> ResponseTimes:
        """Return the distributions, wider where a dispatch lies outside the applicability domain."""
        return self.response(dispatches, self.applicability_domain.interval_scaling(dispatches)[0])


def to_files(bundle: Bundle) -> dict[str, bytes]:
    """Return the content of each file by name; the same bundle gives the same bytes."""
    response = bundle.response
    texts = {
        "bundle.json": bundle.card,
        GROUND: bundle.ground,
        "applicability_domain.json": bundle.applicability_domain,
        "stations.json": bundle.stations,
        "response_time.json": ResponseFile(
            features=tuple(feature.name for feature in response.features),
            location_effects=tuple(effect.smoothing.name for effect in response.location_effects),
            curve=response.curve.coefficients,
            centres=len(response.centre),
            shape=response.shape,
            group_of=response.group_of,
            risk_threshold=bundle.risk_threshold,
            calibration=response.calibration,
            road_curve=None if response.roads is None else response.roads.curve.coefficients,
        ),
        "context.json": response.context,
        "area_points.json": bundle.area_points.to_json(),
        **({} if bundle.usual_errors is None else {USUAL_ERRORS: bundle.usual_errors}),
        "baselines.json": {"constant": bundle.constant, "distance": bundle.distance},
        "risk_stations.json": {"date": bundle.card.data.trained_until, "density": bundle.risk_stations},
    }
    # JSON, NumPy's format and LightGBM's text contain no code: opening a bundle runs nothing of its maker.
    files = {name: _json(to_json(value)) for name, value in texts.items()}
    files["location_effects.npz"] = _effects_file(response.location_effects)
    if response.roads is not None:
        files[ROAD_EFFECTS] = _effects_file(response.roads.location_effects)
    # differences of sorted hashes are small numbers, which compress well
    files["training_incidents.npz"] = to_npz({"steps": np.diff(bundle.seen, prepend=0)})
    files |= {f"centre_{i}.txt": boosters.to_bytes(b) for i, b in enumerate(response.centre)}
    files["scale.txt"] = boosters.to_bytes(response.scale)
    files |= {PUMPS_PREFIX + name: content for name, content in bundle.pumps.to_files().items()}
    return files


def _effects_file(effects: Sequence[LocationEffect]) -> bytes:
    return to_npz({name: values for effect in effects for name, values in effect.to_arrays().items()})


def _effects_of(names: Sequence[str], content: bytes) -> tuple[LocationEffect, ...]:
    arrays = from_npz(content)
    return tuple(LocationEffect.from_arrays(name, arrays) for name in names)


def from_files(files: dict[str, bytes], path: str) -> Bundle:
    """The inverse of `to_files`; `path` appears in error messages.

    Raises: BadFile if a file is missing or of another version of the product.
    """
    try:
        card = json.loads(files["bundle.json"])
        if card["schema"] not in READABLE_SCHEMAS:
            problem = f"is of schema {card['schema']}, this version reads {' and '.join(map(str, READABLE_SCHEMAS))}"
            raise BadFile(path, problem, "Train again: londonpump train.")
        return _assemble(from_json(Card, card), files)
    except ValueError as error:
        # the hash of the bundle is checked before, so the file was written like this
        raise BadFile(path, f"cannot be read ({error})", "Train again.") from error
    except KeyError as error:
        raise BadFile(
            path, f"lacks or does not know {error.args[0]}", "Train again, or use the version that made it."
        ) from error


def _assemble(card: Card, files: dict[str, bytes]) -> Bundle:
    value = {
        name: json.loads(text)
        for name, text in files.items()
        if name.endswith(".json") and not name.startswith(PUMPS_PREFIX)
    }
    stored = from_json(ResponseFile, value["response_time.json"])
    response = ResponseTimeModel(
        features=features_named(stored.features),
        curve=BaseCurve(stored.curve),
        location_effects=_effects_of(stored.location_effects, files["location_effects.npz"]),
        centre=tuple(boosters.from_bytes(files[f"centre_{i}.txt"]) for i in range(stored.centres)),
        scale=boosters.from_bytes(files["scale.txt"]),
        shape=stored.shape,
        group_of=stored.group_of,
        calibration=stored.calibration or NO_CALIBRATION,
        context=from_json(FittedContext, value["context.json"]),
        roads=None
        if stored.road_curve is None
        else RoadModel(
            RoadCurve(stored.road_curve), _effects_of(stored.location_effects, files[ROAD_EFFECTS])
        ),
    )
    pumps = {
        name.removeprefix(PUMPS_PREFIX): text for name, text in files.items() if name.startswith(PUMPS_PREFIX)
    }
    return Bundle(
        card=card,
        stations=from_json(tuple[Station, ...], value["stations.json"]),
        ground=from_json(GroundLookup, value[GROUND]),
        applicability_domain=from_json(ApplicabilityDomain, value["applicability_domain.json"]),
        response=response,
        pumps=PumpsModel.from_files(pumps),
        constant=from_json(Constant, value["baselines.json"]["constant"]),
        distance=from_json(Distance, value["baselines.json"]["distance"]),
        risk_stations=value["risk_stations.json"]["density"],
        risk_threshold=stored.risk_threshold,
        seen=np.cumsum(from_npz(files["training_incidents.npz"])["steps"]),
        area_points=AreaPoints.from_json(value["area_points.json"]),
        usual_errors=from_json(UsualErrors, value[USUAL_ERRORS]) if USUAL_ERRORS in value else None,
    )


def incident_hashes(incident_number: NDArray[Any]) -> NDArray[np.int64]:
    """Return (n,) 40-bit hashes of incident numbers."""
    return np.fromiter(
        (int.from_bytes(blake2b(str(n).encode(), digest_size=5).digest()) for n in incident_number),
        np.int64,
        len(incident_number),
    )


def features_named(names: Sequence[str]) -> tuple[Feature, ...]:
    """Return features by name. Raises: KeyError for a name this version does not know."""
    known = {feature.name: feature for feature in FEATURES}
    return tuple(known[name] for name in names)


def stations_or_known(stations: tuple[Station, ...]) -> tuple[Station, ...]:
    """Return the land stations of a list, closed ones included, or those of London if there are none."""
    # A dispatch over land cannot start at the river station, which would be the nearest for places at the Thames.
    return land_stations(stations) or land_stations(known_stations())


def _json(value: Any) -> bytes:
    # NaN is no JSON: it must fail here, in training, and not when the bundle is opened.
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


TOLERANCE_S = 0.01
"""The card rounds to 0.001 s; another machine's arithmetic may differ in the last digits."""


def self_test_columns(dispatch: Mapping[str, str | float | None]) -> Columns:
    """Return the dispatch on a card as columns of one row; null is unknown."""
    return {
        name: np.array([value], np.int64 if name == "mobilised_us" else object)
        if value is None or isinstance(value, str) or name == "mobilised_us"
        else np.array([value], np.float64)
        for name, value in dispatch.items()
    }


def require_self_test(bundle: Bundle, path: str) -> SelfTest:
    """Return the example on the card of a bundle. Raises: BadFile if it has none."""
    if bundle.card.self_test is None:
        raise BadFile(path, "has no example for the self-test", "Train again.")
    return bundle.card.self_test


def check_self_test(bundle: Bundle, path: str) -> float:
    """Predict the example on the card of a bundle and return the median in seconds.

    Raises: BadFile if the card has no example, or the prediction differs because files or libraries changed.
    """
    self_test = require_self_test(bundle, path)
    dispatches = Dispatches(self_test_columns(self_test.dispatch), bundle.ground, self_test)
    answered_s = float(bundle.response(dispatches).quantile(P50)[0])
    if not math.isclose(answered_s, self_test.p50_s, abs_tol=TOLERANCE_S):
        raise BadFile(
            path,
            f"predicts {answered_s:.3f} s in its self-test, not {self_test.p50_s:.3f} s as when it was trained",
            "Train again, or use the versions of the libraries that are on its card.",
        )
    return answered_s
