"""Conversion between the British National Grid (EPSG:27700) and WGS84 degrees, and the text forms of coordinates.

Source: Ordnance Survey, "A guide to coordinate systems in Great Britain", annexes B and C: transverse
Mercator on Airy 1830 and a seven-parameter Helmert shift. It is exact to 5 m in Great Britain, which is
finer than the 100 m cells in which most locations are published.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

AIRY_A_M, AIRY_B_M = 6377563.396, 6356256.909
WGS84_A_M, WGS84_B_M = 6378137.0, 6356752.314245
SCALE = 0.9996012717
ORIGIN_LATITUDE, ORIGIN_LONGITUDE = np.radians(49.0), np.radians(-2.0)
FALSE_EASTING_M, FALSE_NORTHING_M = 400_000.0, -100_000.0
EARTH_RADIUS_KM = 6371.0

# WGS84 -> OSGB36: shift in metres, scale, rotations in radians.
_SHIFT_M = np.array([-446.448, 125.157, -542.060])
_SHIFT_SCALE = 20.4894e-6
_ROTATION = np.radians(np.array([-0.1502, -0.2470, -0.8421]) / 3600.0)

PLAIN_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_SCIENTIFIC_NUMBER = (
    *(rf"[0-9]+\.[0-9]{{{power - 1},}}[eE]\+?0?{power}" for power in range(2, 7)),  # metres
    *(rf"[0-9]+\.[0-9]{{{4 + power},}}[eE]\+?0?{power}" for power in (0, 1)),  # degrees
    *(rf"[0-9]+\.[0-9]{{{4 - power},}}[eE]-0?{power}" for power in range(1, 4)),
    rf"{PLAIN_NUMBER}[eE]-(?:0?[4-9]|[1-9][0-9])",
)
COORDINATE = rf"[-+]?(?:{PLAIN_NUMBER}|{'|'.join(_SCIENTIFIC_NUMBER)})"
"""A coordinate as text: plain, or in scientific notation with digits down to 10 m or 0.0001 degrees.

5.18650E+05 is 518,650 m, as is 5.1865E+05, which R writes. 5.21E+05, as Excel shows it, may be off by 500 m.
"""
ROUNDED_PROBLEM = "was rounded by scientific notation. Write all its digits"
MAX_DISTANCE_TO_STATION_M = 30_000.0
"""The largest distance to the nearest station. A location beyond it is a mistake: easting and northing exchanged,
or another country."""
TOO_FAR_PROBLEM = (
    "lies {:.0f} km from the nearest station of London. Check it: easting comes before northing, latitude before "
    "longitude"
)


def to_degrees(easting_m: ArrayLike, northing_m: ArrayLike) -> tuple[Floats, Floats]:
    """Convert grid points in metres to latitude and longitude in WGS84 degrees, of the same shape."""
    latitude, longitude = _from_transverse_mercator(
        np.asarray(easting_m, np.float64), np.asarray(northing_m, np.float64)
    )
    cartesian = _to_cartesian(latitude, longitude, AIRY_A_M, AIRY_B_M)
    latitude, longitude = _from_cartesian(_helmert(cartesian, -1.0), WGS84_A_M, WGS84_B_M)
    return np.degrees(latitude), np.degrees(longitude)


def to_grid(latitude: ArrayLike, longitude: ArrayLike) -> tuple[Floats, Floats]:
    """Convert WGS84 degrees to easting and northing in metres, of the same shape."""
    cartesian = _to_cartesian(
        np.radians(np.asarray(latitude, np.float64)),
        np.radians(np.asarray(longitude, np.float64)),
        WGS84_A_M,
        WGS84_B_M,
    )
    return _to_transverse_mercator(*_from_cartesian(_helmert(cartesian, 1.0), AIRY_A_M, AIRY_B_M))


def great_circle_km(
    latitude_a: ArrayLike, longitude_a: ArrayLike, latitude_b: ArrayLike, longitude_b: ArrayLike
) -> Floats:
    """Return the great-circle distance in km on a sphere of 6371 km, as the original computes it."""
    phi_a, phi_b = np.radians(np.asarray(latitude_a)), np.radians(np.asarray(latitude_b))
    half_dphi = (phi_b - phi_a) / 2
    half_dlambda = np.radians(np.asarray(longitude_b) - np.asarray(longitude_a)) / 2
    chord = np.sin(half_dphi) ** 2 + np.cos(phi_a) * np.cos(phi_b) * np.sin(half_dlambda) ** 2
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(chord)))


def _meridional_arc(latitude: Floats) -> Floats:
    n = (AIRY_A_M - AIRY_B_M) / (AIRY_A_M + AIRY_B_M)
    less, more = latitude - ORIGIN_LATITUDE, latitude + ORIGIN_LATITUDE
    return np.asarray(
        AIRY_B_M
        * SCALE
        * (
            (1 + n + 1.25 * n**2 + 1.25 * n**3) * less
            - (3 * n + 3 * n**2 + 2.625 * n**3) * np.sin(less) * np.cos(more)
            + (1.875 * n**2 + 1.875 * n**3) * np.sin(2 * less) * np.cos(2 * more)
            - 35 / 24 * n**3 * np.sin(3 * less) * np.cos(3 * more)
        )
    )


def _radii(latitude: Floats) -> tuple[Floats, Floats]:
    """Return the radii of curvature in metres, across the meridian and along it."""
    e2 = 1 - (AIRY_B_M / AIRY_A_M) ** 2
    bend = 1 - e2 * np.sin(latitude) ** 2
    return AIRY_A_M * SCALE / np.sqrt(bend), AIRY_A_M * SCALE * (1 - e2) / bend**1.5


def _to_transverse_mercator(latitude: Floats, longitude: Floats) -> tuple[Floats, Floats]:
    nu, rho = _radii(latitude)
    eta2 = nu / rho - 1
    sin, cos, tan2 = np.sin(latitude), np.cos(latitude), np.tan(latitude) ** 2
    d = longitude - ORIGIN_LONGITUDE
    northing = (
        _meridional_arc(latitude)
        + FALSE_NORTHING_M
        + nu / 2 * sin * cos * d**2
        + nu / 24 * sin * cos**3 * (5 - tan2 + 9 * eta2) * d**4
        + nu / 720 * sin * cos**5 * (61 - 58 * tan2 + tan2**2) * d**6
    )
    easting = (
        FALSE_EASTING_M
        + nu * cos * d
        + nu / 6 * cos**3 * (nu / rho - tan2) * d**3
        + nu / 120 * cos**5 * (5 - 18 * tan2 + tan2**2 + 14 * eta2 - 58 * tan2 * eta2) * d**5
    )
    return np.asarray(easting), np.asarray(northing)


def _from_transverse_mercator(easting_m: Floats, northing_m: Floats) -> tuple[Floats, Floats]:
    latitude = ORIGIN_LATITUDE + (northing_m - FALSE_NORTHING_M) / (AIRY_A_M * SCALE)
    for _ in range(6):  # each round gains three digits; six are below a tenth of a millimetre
        latitude = latitude + (northing_m - FALSE_NORTHING_M - _meridional_arc(latitude)) / (AIRY_A_M * SCALE)
    nu, rho = _radii(latitude)
    eta2 = nu / rho - 1
    tan, sec = np.tan(latitude), 1 / np.cos(latitude)
    tan2, d = tan**2, easting_m - FALSE_EASTING_M
    phi = (
        latitude
        - tan / (2 * rho * nu) * d**2
        + tan / (24 * rho * nu**3) * (5 + 3 * tan2 + eta2 - 9 * tan2 * eta2) * d**4
        - tan / (720 * rho * nu**5) * (61 + 90 * tan2 + 45 * tan2**2) * d**6
    )
    lam = (
        ORIGIN_LONGITUDE
        + sec / nu * d
        - sec / (6 * nu**3) * (nu / rho + 2 * tan2) * d**3
        + sec / (120 * nu**5) * (5 + 28 * tan2 + 24 * tan2**2) * d**5
        - sec / (5040 * nu**7) * (61 + 662 * tan2 + 1320 * tan2**2 + 720 * tan2**3) * d**7
    )
    return np.asarray(phi), np.asarray(lam)


def _to_cartesian(latitude: Floats, longitude: Floats, a_m: float, b_m: float) -> Floats:
    e2 = 1 - (b_m / a_m) ** 2
    nu = a_m / np.sqrt(1 - e2 * np.sin(latitude) ** 2)
    return np.stack(
        [
            nu * np.cos(latitude) * np.cos(longitude),
            nu * np.cos(latitude) * np.sin(longitude),
            nu * (1 - e2) * np.sin(latitude),
        ]
    )


def _from_cartesian(point_m: Floats, a_m: float, b_m: float) -> tuple[Floats, Floats]:
    e2 = 1 - (b_m / a_m) ** 2
    x, y, z = point_m
    p = np.hypot(x, y)
    latitude = np.arctan2(z, p * (1 - e2))
    # Fixed-point iteration: five rounds are exact to well below a millimetre.
    for _ in range(5):
        nu = a_m / np.sqrt(1 - e2 * np.sin(latitude) ** 2)
        latitude = np.arctan2(z + e2 * nu * np.sin(latitude), p)
    return np.asarray(latitude), np.asarray(np.arctan2(y, x))


def _helmert(point_m: Floats, sign: float) -> Floats:
    rx, ry, rz = sign * _ROTATION
    s = 1 + sign * _SHIFT_SCALE
    x, y, z = point_m
    tx, ty, tz = sign * _SHIFT_M
    return np.stack(
        [tx + s * x - rz * y + ry * z, ty + rz * x + s * y - rx * z, tz - ry * x + rx * y + s * z]
    )
