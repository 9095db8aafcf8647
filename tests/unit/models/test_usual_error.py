"""Usual errors of the announced median by place."""

import json

import numpy as np
import pytest

from londonpump.domain.json_values import from_json, to_json
from londonpump.features.dispatches import Dispatches
from londonpump.features.ground_lookup import fit_ground
from londonpump.models.usual_error import (
    MAX_ERROR_S,
    PRIOR_ROWS,
    UNKNOWN,
    UsualErrors,
    clip_errors,
    fit_usual_errors,
)

CAMDEN_M, BEXLEY_M = (529_050.0, 183_050.0), (548_050.0, 175_050.0)
N = 300


def fitted(camden_s: float, bexley_s: float, far_share: float = 0.0) -> UsualErrors:
    """Fit N dispatches in Camden (ground A23) and as many in Bexley (E28), whose errors are constant."""
    easting_m, northing_m = (np.repeat(axis, N) for axis in zip(CAMDEN_M, BEXLEY_M, strict=True))
    ground = fit_ground(easting_m, northing_m, np.repeat(np.array(["A23", "E28"], object), N), ())
    error_s = np.repeat([camden_s, bexley_s], N)
    error_s[: int(far_share * N)] = np.nan
    zero = np.zeros(2 * N)
    columns = {
        "easting_m": easting_m,
        "northing_m": northing_m,
        "mobilised_us": zero.astype(np.int64),
        "call_us": zero.astype(np.int64),
    }
    borough = np.repeat(np.array(["CAMDEN", "BEXLEY"], object), N)
    return fit_usual_errors(error_s, Dispatches(columns, ground), borough)


def test_a_place_is_drawn_towards_all_london_by_its_number_of_dispatches() -> None:
    found = fitted(30.0, 10.0)
    camden_s = (N * 30 + PRIOR_ROWS * 20) / (N + PRIOR_ROWS)
    assert (found.london_s, found.borough_s["CAMDEN"], found.ground_s["A23"]) == (20.0, camden_s, camden_s)


def test_errors_that_do_not_count_are_left_out() -> None:
    found = fitted(40.0, 10.0, far_share=2 / 3)
    assert found.london_s == pytest.approx((100 * 40 + N * 10) / (100 + N))


def test_a_single_very_late_pump_does_not_decide() -> None:
    assert clip_errors(np.array([-900.0, 5.0, 900.0])).tolist() == [-MAX_ERROR_S, 5.0, MAX_ERROR_S]


def test_the_borough_of_a_location_is_that_of_past_dispatches_near_it_or_else_on_its_ground() -> None:
    far_m = (505_050.0, 170_050.0)
    easting_m, northing_m = np.array([CAMDEN_M, BEXLEY_M, far_m, far_m]).T
    ground = np.array(["A23", "A23", "E28", "Z99"])
    found = fitted(0.0, 0.0).borough_of(easting_m, northing_m, ground)
    assert found.tolist() == ["CAMDEN", "BEXLEY", "BEXLEY", UNKNOWN]


def test_the_borough_of_a_ground_is_that_of_most_of_its_dispatches() -> None:
    # both places on one ground, and half of those in Camden without a recorded borough
    easting_m, northing_m = (np.repeat(axis, N) for axis in zip(CAMDEN_M, BEXLEY_M, strict=True))
    ground = fit_ground(easting_m, northing_m, np.full(2 * N, "A23", object), ())
    start = np.zeros(2 * N, np.int64)
    columns = {"easting_m": easting_m, "northing_m": northing_m, "mobilised_us": start, "call_us": start}
    borough = np.repeat(np.array(["CAMDEN", None, "BEXLEY"], object), [N // 2, N // 2, N])
    found = fit_usual_errors(np.zeros(2 * N), Dispatches(columns, ground), borough)
    assert found.borough_of_ground == {"A23": "BEXLEY"}


def test_an_unknown_place_has_the_usual_error_of_london() -> None:
    found = fitted(30.0, 10.0)
    london_s, borough_s, ground_s = found.at(np.array([UNKNOWN]), np.array(["Z99"]))
    assert (london_s[0], borough_s[0], ground_s[0]) == (20.0, 20.0, 20.0)


def test_it_is_read_back_from_its_file_as_it_was() -> None:
    found = fitted(30.0, 10.0)
    again = from_json(UsualErrors, json.loads(json.dumps(to_json(found))))
    assert again.borough_s == found.borough_s
    easting_m, northing_m = np.array([CAMDEN_M]).T
    assert again.borough_of(easting_m, northing_m, np.array(["A23"])).tolist() == ["CAMDEN"]
