"""Maps as files."""

import importlib.util
import json

import numpy as np
import pyogrio
import pytest

from londonpump.domain.errors import BadFile
from londonpump.evaluation.map_layers import borough_shapes, map_layer, smooth, station_shapes
from londonpump.lifecycle import map_files
from londonpump.lifecycle.map_files import write_maps


@pytest.fixture(scope="module")
def layers():
    rng = np.random.default_rng(3)
    seconds = rng.gamma(4.6, 69, 600)
    boroughs, stations = (rng.choice(names, 600) for names in (list(borough_shapes()), ["A21", "A24", "H27"]))
    return [
        map_layer(
            ("by-borough", "By borough", "First pump, s"), borough_shapes(), smooth(seconds, boroughs), 360
        ),
        map_layer(
            ("by-station", "By station", "First pump, s"), station_shapes(), smooth(seconds, stations), 360
        ),
    ]


def test_every_layer_is_written_in_three_forms(tmp_path, layers):
    text = write_maps(tmp_path / "maps", layers)
    assert text == f"2 maps as PNG, GeoJSON and GeoPackage: {tmp_path / 'maps'}"
    for layer in layers:
        assert (tmp_path / "maps" / f"{layer.key}.png").read_bytes().startswith(b"\x89PNG")
        stored = json.loads((tmp_path / "maps" / f"{layer.key}.geojson").read_text())
        assert stored == layer.collection
    found = {str(name): str(shape) for name, shape in pyogrio.list_layers(tmp_path / "maps" / "maps.gpkg")}
    assert found == {
        "by-borough": "MultiPolygon",
        "by-station": "Point",
        "boroughs": "MultiPolygon",
        "thames": "MultiPolygon",
    }
    meta, _, _, values = pyogrio.raw.read(tmp_path / "maps" / "maps.gpkg", layer="by-station")
    columns = dict(zip(meta["fields"], values, strict=True))
    expected = [each["properties"] for each in layers[1].collection["features"]]
    assert columns["smoothed"].tolist() == [each["smoothed"] for each in expected]
    assert columns["n"].tolist() == [each["n"] for each in expected]
    assert "4326" in meta["crs"]


def test_without_the_extra_there_is_one_sentence_and_the_other_forms(tmp_path, layers, monkeypatch):
    monkeypatch.setattr(map_files, "find_spec", lambda name: None)
    assert "No GeoPackage was written: that needs londonpump[gis]" in write_maps(
        tmp_path / "maps", layers[:1]
    )
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == [
        "boroughs.geojson",
        "by-borough.geojson",
        "by-borough.png",
        "thames.geojson",
    ]
    assert importlib.util.find_spec("pyogrio") is not None


def test_maps_are_replaced_and_other_folders_are_not(tmp_path, layers):
    write_maps(tmp_path / "maps", layers)
    write_maps(tmp_path / "maps", layers[:1])
    assert not (tmp_path / "maps" / "by-station.png").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    with pytest.raises(BadFile, match="holds other things"):
        write_maps(tmp_path / "mine", layers)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]
