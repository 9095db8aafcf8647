"""Layers of maps: figures by borough, station or cell as GeoJSON, smoothed so that few rows do not make the extremes.

Smoothing (empirical Bayes, normal with moments). The mean r of an area with n rows varies around its true value by s²/n, where s²
is the variance of rows within areas, all areas together. True values vary around the common mean m by t², which follows from
the spread of the means beyond what s²/n explains (DerSimonian and Laird, 1986):

    w = n / s²,  m0 = Σ w r / Σ w,  t² = max(0, (Σ w (r - m0)² - (k - 1)) / (Σ w - Σ w² / Σ w)),
    m = Σ r / (t² + s²/n) / Σ 1 / (t² + s²/n),  b = t² / (t² + s²/n),  smoothed = m + b (r - m),

with the 95 % interval smoothed ± 1.96 √(b s²/n + (1 - b)² / Σ 1 / (t² + s²/n)). An area with many rows keeps its mean; one with few
moves to that of London. Rows count as independent here: the tables, not the maps, have intervals from resampled days.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from londonpump.domain.london_map import MAP_ATTRIBUTION, GeoJson, borough_outlines
from londonpump.domain.national_grid import to_degrees
from londonpump.domain.stations import known_stations
from londonpump.evaluation.evaluation_rows import Floats, Texts

# The 97.5 % quantile of the normal distribution.
Z_95 = 1.959964
# A metre, as the outlines have it.
DEGREE_DIGITS = 5
LAYER_KEY = "londonpump"
"""Member of an exported layer that names the product: a file with it may be overwritten."""


@dataclass(frozen=True, slots=True)
class Smoothed:
    """The figure of one area: its mean over n rows, and what is left of it after smoothing, with a 95 % interval."""

    n: int
    mean: float
    smoothed: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MapLayer:
    """Figures of areas on the map of London."""

    key: str
    """Name of the file and of the layer in a GeoPackage."""
    title: str
    label: str
    """What the colours show, with the unit."""
    limit: float
    """The target, or the figure of all London: colours diverge here."""
    collection: GeoJson
    """Features with name, code, n, mean, smoothed, low, high, and is_worse: the whole interval is on the bad side of the limit."""
    is_more_worse: bool = True

    @property
    def worse(self) -> list[str]:
        """Return the names of the areas that are worse than the limit, the worst first; cells have empty ones."""
        sign = -1 if self.is_more_worse else 1
        found = [each["properties"] for each in self.collection["features"] if each["properties"]["is_worse"]]
        return [each["name"] for each in sorted(found, key=lambda each: sign * each["smoothed"])]


def smooth(values: Floats, area: Texts) -> dict[str, Smoothed]:
    """Return the smoothed mean of (n,) values (a share: of zeros and ones) by area, with its count.

    A single area, or areas without two rows each anywhere, keep their means, with an interval where the variance is known.
    """
    names, index = np.unique(area, return_inverse=True)
    n = np.bincount(index).astype(np.float64)
    mean = np.bincount(index, values) / n
    # One variance for all areas: that of an area with five rows alone would be noise.
    spare = len(values) - len(names)
    variance = float(((values - mean[index]) ** 2).sum() / spare) if spare > 0 else 0.0
    # Equal values everywhere leave nothing to smooth, and would divide by 0.
    noise = np.maximum(variance, 1e-12) / n
    weight = 1 / noise
    excess = float((weight * (mean - np.average(mean, weights=weight)) ** 2).sum()) - (len(names) - 1)
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    between = max(0.0, excess / scale) if scale > 0 else 0.0
    common_weight = 1 / (between + noise)
    common = float(np.average(mean, weights=common_weight))
    # A single area has no others to move towards.
    kept = between / (between + noise) if len(names) > 1 else np.ones(1)
    smoothed = common + kept * (mean - common)
    half = Z_95 * np.sqrt(kept * noise + (1 - kept) ** 2 / common_weight.sum())
    table = np.stack([mean, smoothed, smoothed - half, smoothed + half], axis=1)
    return {
        str(name): Smoothed(int(count), *map(float, row))
        for name, count, row in zip(names, n, table, strict=True)
    }


Shape = tuple[str, str, GeoJson]
"""Code, name and geometry of an area."""


def borough_shapes() -> dict[str, Shape]:
    """Return the boroughs by their names in the records, which are in capitals."""
    return {
        each["properties"]["name"].upper(): (
            each["properties"]["code"],
            each["properties"]["name"],
            each["geometry"],
        )
        for each in borough_outlines()["features"]
    }


def station_shapes() -> dict[str, Shape]:
    """Return the listed stations by code, as points."""
    found = known_stations()
    latitude, longitude = to_degrees(
        [station.easting_m for station in found], [station.northing_m for station in found]
    )
    spots = np.round(np.stack([longitude, latitude], axis=1), DEGREE_DIGITS).tolist()
    return {
        station.code: (
            station.code,
            station.name,
            {"type": "Point", "coordinates": spot},
        )
        for station, spot in zip(found, spots, strict=True)
    }


def cell_names(easting_m: Floats, northing_m: Floats, cell_m: int = 1000) -> Texts:
    """Return the (n,) cell of each location, as the metres of its south-west corner: `530000,180000`."""
    corner = [
        (np.floor(axis / cell_m) * cell_m).astype(np.int64).astype(np.str_)
        for axis in (easting_m, northing_m)
    ]
    return np.char.add(np.char.add(corner[0], ","), corner[1])


def cell_shapes(names: Iterable[str], cell_m: int = 1000) -> dict[str, Shape]:
    """Return the squares of cells by their names, which are their codes: a square has no name of its own."""
    codes = list(names)
    corner = np.array([name.split(",") for name in codes], np.int64).reshape(-1, 2, 1)
    latitude, longitude = to_degrees(
        corner[:, 0] + cell_m * np.array([0, 1, 1, 0, 0]), corner[:, 1] + cell_m * np.array([0, 0, 1, 1, 0])
    )
    rings = np.round(np.stack([longitude, latitude], axis=2), DEGREE_DIGITS).tolist()
    return {
        name: (name, "", {"type": "Polygon", "coordinates": [ring]})
        for name, ring in zip(codes, rings, strict=True)
    }


def map_layer(
    layer: tuple[str, str, str],
    shapes: Mapping[str, Shape],
    found: Mapping[str, Smoothed],
    limit: float,
    *,
    is_more_worse: bool = True,
) -> MapLayer:
    """Return the figures on the shapes that they belong to; figures without a shape are left out.

    Args: layer: key, title and label. limit: where the colours diverge.
    """
    key, title, label = layer
    features: list[GeoJson] = []
    for name, figure in found.items():
        if name not in shapes:
            continue
        code, shown, geometry = shapes[name]
        is_worse = figure.low > limit if is_more_worse else figure.high < limit
        properties: dict[str, Any] = {
            "name": shown,
            "code": code,
            "n": figure.n,
            **{end: round(getattr(figure, end), 4) for end in ("mean", "smoothed", "low", "high")},
            "is_worse": is_worse,
        }
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    collection = {
        "type": "FeatureCollection",
        LAYER_KEY: {"title": title, "label": label, "limit": round(limit, 4), "attribution": MAP_ATTRIBUTION},
        "features": features,
    }
    return MapLayer(key, title, label, limit, collection, is_more_worse)
