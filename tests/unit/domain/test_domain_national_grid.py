"""The National Grid and degrees, against published pairs of both."""

import numpy as np
import pyproj
import pytest

from londonpump.domain import national_grid

DISAGREES_WITH_ITSELF = "176909-11112023"
"""One record of 4,113 whose two published places are 11 m apart."""


def exact_pairs(sampled_incidents):
    """(n, 4) easting and northing in metres, latitude and longitude in degrees, where all are published."""
    pairs = np.array(
        [
            [float(row[name] or "nan") for name in ("Easting_m", "Northing_m", "Latitude", "Longitude")]
            for row in sampled_incidents
            if row["IncidentNumber"] != DISAGREES_WITH_ITSELF
        ]
    )
    return pairs[np.isfinite(pairs).all(axis=1) & (pairs[:, 2] != 0)].T


def test_degrees_become_the_published_metres_within_six(sampled_incidents):
    easting, northing, latitude, longitude = exact_pairs(sampled_incidents)
    our_easting, our_northing = national_grid.to_grid(latitude, longitude)
    assert len(easting) > 4_000
    assert np.hypot(our_easting - easting, our_northing - northing).max() < 6


def test_metres_become_the_published_degrees_within_six_metres(sampled_incidents):
    easting, northing, latitude, longitude = exact_pairs(sampled_incidents)
    our_latitude, our_longitude = national_grid.to_degrees(easting, northing)
    assert (1000 * national_grid.great_circle_km(latitude, longitude, our_latitude, our_longitude)).max() < 6


def test_stations_stand_where_their_latitude_and_longitude_say(published_stations):
    easting, northing, latitude, longitude = np.array(
        [
            [float(row[name]) for name in ("easting", "northing", "latitude", "longitude")]
            for row in published_stations
        ]
    ).T
    our_easting, our_northing = national_grid.to_grid(latitude, longitude)
    assert np.hypot(our_easting - easting, our_northing - northing).max() < 6


def test_the_projection_gives_the_worked_example_of_the_ordnance_survey():
    latitude = np.radians(52 + 39 / 60 + 27.2531 / 3600)
    longitude = np.radians(1 + 43 / 60 + 4.5177 / 3600)
    easting, northing = national_grid._to_transverse_mercator(latitude, longitude)
    assert (float(easting), float(northing)) == pytest.approx((651_409.903, 313_177.270), abs=0.001)


def test_the_projection_is_undone_as_in_the_worked_example():
    latitude, longitude = national_grid._from_transverse_mercator(
        np.array(651_409.903), np.array(313_177.270)
    )
    assert np.degrees(latitude) * 3600 == pytest.approx(52 * 3600 + 39 * 60 + 27.2531, abs=0.0001)
    assert np.degrees(longitude) * 3600 == pytest.approx(1 * 3600 + 43 * 60 + 4.5177, abs=0.0001)


def test_one_place_and_a_table_of_places_give_the_same():
    easting, northing = np.array([[518_650.0, 533_000.0]]), np.array([[186_250.0, 181_000.0]])
    latitude, longitude = national_grid.to_degrees(easting, northing)
    alone = national_grid.to_degrees(533_000, 181_000)
    assert latitude.shape == longitude.shape == (1, 2)
    assert (latitude[0, 1], longitude[0, 1]) == pytest.approx((float(alone[0]), float(alone[1])), abs=1e-12)


def test_an_unknown_place_stays_unknown():
    assert np.isnan(national_grid.to_degrees(np.nan, np.nan)).all()
    assert np.isnan(national_grid.to_grid(np.nan, np.nan)).all()


def test_a_degree_of_latitude_is_111_km_on_the_sphere():
    assert float(national_grid.great_circle_km(51.0, 0.0, 52.0, 0.0)) == pytest.approx(np.pi * 6371 / 180)


def test_a_degree_of_longitude_shrinks_with_the_cosine_of_the_latitude():
    at_equator, at_sixty = national_grid.great_circle_km([0.0, 60.0], 0.0, [0.0, 60.0], 0.01)
    assert at_sixty / at_equator == pytest.approx(0.5, rel=1e-6)


def test_a_place_is_no_way_from_itself():
    assert float(national_grid.great_circle_km(51.5, -0.1, 51.5, -0.1)) == 0


def test_over_london_the_grid_and_the_sphere_agree_within_half_a_percent(sampled_incidents):
    easting, northing, latitude, longitude = exact_pairs(sampled_incidents)
    on_grid_km = np.hypot(easting[1:] - easting[:-1], northing[1:] - northing[:-1]) / 1000
    on_sphere_km = national_grid.great_circle_km(latitude[1:], longitude[1:], latitude[:-1], longitude[:-1])
    far = on_grid_km > 1
    assert np.abs(on_sphere_km[far] / on_grid_km[far] - 1).max() < 0.005


def points_of_london():
    """Return (latitude, longitude) of 400 points in and around London."""
    rng = np.random.default_rng(3)
    return rng.uniform(51.2, 51.75, 400), rng.uniform(-0.6, 0.4, 400)


def test_pyproj_projects_the_same_metres():
    latitude, longitude = points_of_london()
    easting, northing = pyproj.Transformer.from_crs("EPSG:4277", "EPSG:27700", always_xy=True).transform(
        longitude, latitude
    )
    our_easting, our_northing = national_grid._to_transverse_mercator(
        np.radians(latitude), np.radians(longitude)
    )
    assert np.hypot(our_easting - easting, our_northing - northing).max() < 0.001


def test_pyproj_shifts_the_datum_to_the_same_metres():
    latitude, longitude = points_of_london()
    # by the seven parameters of the Ordnance Survey (EPSG 1314), as we do: the grid of corrections is not installed
    helmert = pyproj.Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=push +v_3 +step +proj=cart +ellps=WGS84 "
        "+step +inv +proj=helmert +x=446.448 +y=-125.157 +z=542.06 +rx=0.15 +ry=0.247 +rz=0.842 +s=-20.489 "
        "+convention=position_vector +step +inv +proj=cart +ellps=airy +step +proj=pop +v_3 "
        "+step +proj=tmerc +lat_0=49 +lon_0=-2 +k=0.9996012717 +x_0=400000 +y_0=-100000 +ellps=airy"
    )
    easting, northing = helmert.transform(longitude, latitude)
    our_easting, our_northing = national_grid.to_grid(latitude, longitude)
    assert np.hypot(our_easting - easting, our_northing - northing).max() < 0.01
    back_latitude, back_longitude = national_grid.to_degrees(np.array(easting), np.array(northing))
    away_m = 1000 * national_grid.great_circle_km(latitude, longitude, back_latitude, back_longitude)
    assert away_m.max() < 0.01
