"""Maps as files: PNG to look at, GeoJSON, and one GeoPackage with every layer for QGIS."""

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from matplotlib.ticker import FuncFormatter

from londonpump.domain.london_map import MAP_ATTRIBUTION, GeoJson, borough_outlines, thames_outline
from londonpump.evaluation.map_layers import MapLayer
from londonpump.persistence.atomic_files import atomic_folder, write_text
from londonpump.presentation.report.maps import map_png

OUTLINES, GEOPACKAGE = "boroughs.geojson", "maps.gpkg"
NO_GEOPACKAGE = "No GeoPackage was written: that needs londonpump[gis] (pip install 'londonpump[gis]'). QGIS opens the GeoJSON files too."


def write_maps(folder: Path, layers: Sequence[MapLayer], ticks: FuncFormatter | None = None) -> str:
    """Write the layers and the outlines to a folder, completely or not at all; a folder of maps is replaced.

    Args: ticks: how figures are written at the colours, if not as plain numbers.
    Returns: a sentence on what was written.
    Raises: BadFile if the folder holds other things or cannot be written.
    """
    collections = {
        **{layer.key: layer.collection for layer in layers},
        "boroughs": borough_outlines(),
        "thames": thames_outline(),
    }
    # Looked for and not imported: GDAL takes a second to load, and the other files need none of it.
    is_with_gis = find_spec("pyogrio") is not None
    with atomic_folder(folder, OUTLINES) as part:
        for name, collection in collections.items():
            write_text(
                part / f"{name}.geojson", json.dumps(collection, separators=(",", ":"), allow_nan=False)
            )
        for layer in layers:
            (part / f"{layer.key}.png").write_bytes(map_png(layer, ticks))
        if is_with_gis:
            _write_geopackage(part / GEOPACKAGE, collections)
    forms = "PNG, GeoJSON and GeoPackage" if is_with_gis else "PNG and GeoJSON"
    return f"{len(layers)} maps as {forms}: {folder}" + ("" if is_with_gis else f"\n{NO_GEOPACKAGE}")


def _write_geopackage(path: Path, collections: dict[str, GeoJson]) -> None:
    import pyogrio.raw  # noqa: PLC0415 - only a GeoPackage needs the library, which few installations have

    for number, (name, collection) in enumerate(collections.items()):
        # GDAL reads the GeoJSON itself, so that geometries and types of columns are made in one place.
        meta, _, geometry, values = pyogrio.raw.read(json.dumps(collection).encode())
        pyogrio.raw.write(
            path,
            geometry,
            values,
            meta["fields"],
            layer=name,
            driver="GPKG",
            # boroughs beside the river have more than one part
            geometry_type="Point" if meta["geometry_type"] == "Point" else "MultiPolygon",
            promote_to_multi=meta["geometry_type"] != "Point",
            crs=meta["crs"],
            append=number > 0,
            layer_metadata={"attribution": MAP_ATTRIBUTION},
        )
