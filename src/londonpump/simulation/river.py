"""The Thames and its crossings: how many kilometres more a run takes when it must cross.

Source: the course of the river read off a map, one northing for each easting (metres, EPSG:27700).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_COURSE_M = np.array(
    [
        (505_000, 170_500), (510_000, 167_500), (515_500, 168_400), (517_500, 169_500), (517_900, 174_500),
        (518_300, 177_300), (520_500, 177_900), (521_500, 176_400), (522_900, 178_200), (523_500, 176_200),
        (525_500, 175_400), (527_200, 177_200), (530_000, 178_000), (530_400, 179_500), (531_000, 180_600),
        (533_700, 180_200), (535_800, 180_000), (537_000, 178_900), (538_300, 178_100), (538_800, 179_000),
        (539_200, 180_200), (541_000, 179_600), (543_500, 179_200), (546_000, 180_300), (548_000, 181_200),
        (551_500, 178_900), (556_500, 176_500),
    ],
    dtype=np.float64,
)  # fmt: skip

_CROSSINGS_M = (
    (511_000, 167_700), (515_400, 168_500), (517_700, 169_400), (517_800, 174_500), (519_000, 177_900),
    (520_300, 177_900), (522_900, 178_000), (524_200, 175_700), (525_900, 175_400), (526_900, 176_900),
    (528_500, 177_800), (530_200, 178_100), (530_300, 178_900), (530_500, 179_700), (530_800, 180_400),
    (531_700, 180_600), (532_800, 180_400), (533_700, 180_200), (535_600, 180_300), (538_900, 180_100),
    (556_500, 176_500),
)  # fmt: skip


def is_north(east_m: Floats, north_m: Floats) -> NDArray[np.bool_]:
    """Whether points lie on the north bank, same shape."""
    return np.asarray(north_m > np.interp(east_m, _COURSE_M[:, 0], _COURSE_M[:, 1]))


def detour_km(from_east_m: Floats, from_north_m: Floats, to_east_m: Floats, to_north_m: Floats) -> Floats:
    """Kilometres by the best crossing beyond the straight line, 0 on one bank. Broadcasts; shape of the pair."""
    straight = np.hypot(from_east_m - to_east_m, from_north_m - to_north_m)
    best = np.full(straight.shape, np.inf)
    for east, north in _CROSSINGS_M:
        reach = np.hypot(from_east_m - east, from_north_m - north)
        np.minimum(best, reach + np.hypot(to_east_m - east, to_north_m - north), out=best)
    crosses = is_north(from_east_m, from_north_m) != is_north(to_east_m, to_north_m)
    return np.where(crosses, (best - straight) / 1000, 0.0)
