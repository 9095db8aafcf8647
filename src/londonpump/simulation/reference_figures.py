"""Figures of the real records, with the tolerances for a simulation.

Source: LFB Incident and Mobilisation Records, 2023 unless a figure says otherwise; London Fire Brigade
and London Datastore, Open Government Licence v3.0.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReferenceFigure:
    """A measured figure, with a tolerance in the same unit."""

    name: str
    unit: str
    value: float
    tolerance: float


def _quantiles(
    what: str, unit: str, values: tuple[float, ...], tolerances: tuple[float, ...]
) -> list[ReferenceFigure]:
    names = ("mean", "sd", "p10", "p25", "p50", "p75", "p90", "p99")
    return [
        ReferenceFigure(f"{what} {name}", unit, value, tolerance)
        for name, value, tolerance in zip(names, values, tolerances, strict=True)
    ]


_FIRST_BY_HOUR_S = (
    310, 312, 325, 331, 328, 320, 333, 324, 298, 305, 313, 329,
    338, 322, 328, 333, 330, 330, 322, 305, 299, 293, 295, 295,
)  # fmt: skip
_TURNOUT_BY_BAND_S = (97, 116, 82, 62, 60, 68, 63, 64)
_CALLS_BY_HOUR = (
    8.1, 7.3, 5.4, 4.5, 4.0, 4.2, 5.4, 7.3, 10.0, 11.4, 12.7, 13.6,
    13.9, 14.8, 15.0, 15.5, 15.6, 16.1, 18.1, 16.2, 15.0, 12.4, 11.2, 9.7,
)  # fmt: skip
_BAND_EDGES_M = (0, 250, 500, 750, 1000, 1250, 1500, 2000, 2500, 3000, 4000, 5000)
_FIRST_BY_BAND_S = (143, 209, 238, 258, 277, 300, 333, 380, 410, 460, 520, 592)

REFERENCE_FIGURES: tuple[ReferenceFigure, ...] = (
    *_quantiles(
        "first pump", "s", (316.9, 134.9, 176, 233, 299, 379, 478, 766), (8, 8, 12, 8, 8, 10, 14, 50)
    ),
    *_quantiles(
        "second pump", "s", (404.4, 153.1, 243, 307, 382, 475, 590, 929), (12, 10, 15, 12, 12, 15, 25, 80)
    ),
    ReferenceFigure("first pump of own ground mean", "s", 284.2, 8),
    ReferenceFigure("first pump of own ground sd", "s", 114.7, 8),
    ReferenceFigure("first pump of other station mean", "s", 403.4, 15),
    ReferenceFigure("first pump of other station sd", "s", 146.0, 12),
    ReferenceFigure("all pumps attendance mean", "s", 357.8, 10),
    ReferenceFigure("all pumps attendance sd", "s", 152.8, 8),
    ReferenceFigure("all pumps turnout mean", "s", 74.0, 5),
    ReferenceFigure("all pumps turnout sd", "s", 40.8, 5),
    ReferenceFigure("all pumps travel mean", "s", 284.9, 10),
    ReferenceFigure("all pumps travel sd", "s", 150.2, 8),
    ReferenceFigure("first pump within 360 s", "%", 70.2, 2.5),
    ReferenceFigure("first pump within 600 s", "%", 96.6, 1),
    ReferenceFigure("first pump within 720 s", "%", 98.7, 0.5),
    ReferenceFigure("second pump within 480 s", "%", 76.3, 3),
    ReferenceFigure("second pump within 600 s", "%", 90.7, 2),
    ReferenceFigure("no first-pump time", "%", 5.2, 0.6),
    ReferenceFigure("incidents with a second pump", "%", 36.4, 2),
    ReferenceFigure("second pump quicker than first", "%", 1.8, 1),
    ReferenceFigure("first pump not of own ground", "%", 27.4, 3),
    ReferenceFigure("second pump not of own ground", "%", 67.0, 6),
    ReferenceFigure("both pumps of one station (2017)", "%", 38.0, 5),
    ReferenceFigure("first pump of nearest station", "%", 71.5, 3),
    ReferenceFigure("first pump of second nearest", "%", 17.2, 2.5),
    ReferenceFigure("first pump of third nearest", "%", 5.8, 1.5),
    ReferenceFigure("ground is of nearest station", "%", 88.0, 3),
    *(
        ReferenceFigure(f"incidents with {n} pumps", "%", share, tolerance)
        for n, share, tolerance in (
            ("1", 61.7, 2),
            ("2", 29.5, 2),
            ("3", 3.1, 1),
            ("4", 1.3, 0.5),
            ("5", 3.2, 1),
        )
    ),
    ReferenceFigure("pumps from other than home station", "%", 4.0, 1),
    ReferenceFigure("distance of first pump mean", "km", 1.62, 0.06),
    ReferenceFigure("distance of first pump p10", "km", 0.49, 0.05),
    ReferenceFigure("distance of first pump p50", "km", 1.43, 0.06),
    ReferenceFigure("distance of first pump p90", "km", 2.96, 0.12),
    ReferenceFigure("distance of first pump p99", "km", 5.3, 0.5),
    ReferenceFigure("distance of second pump mean", "km", 2.34, 0.12),
    ReferenceFigure("distance of second pump p50", "km", 2.15, 0.12),
    ReferenceFigure("distance of second pump p90", "km", 3.9, 0.3),
    ReferenceFigure("nearest station p50", "km", 1.19, 0.05),
    ReferenceFigure("nearest station p90", "km", 2.23, 0.1),
    ReferenceFigure("first ~ sqrt(distance): R2", "", 0.404, 0.05),
    ReferenceFigure("first ~ sqrt(distance): mean absolute error", "s", 68.8, 5),
    ReferenceFigure("first ~ sqrt(distance): residual sd", "s", 104.1, 8),
    ReferenceFigure("travel ~ distance: R2", "", 0.496, 0.06),
    ReferenceFigure("travel ~ distance: mean absolute error", "s", 68.2, 7),
    *(
        ReferenceFigure(f"turnout {3 * i:02}-{3 * i + 2:02} h London", "s", mean, 8)
        for i, mean in enumerate(_TURNOUT_BY_BAND_S)
    ),
    *(
        ReferenceFigure(f"first pump at {h:02} h London", "s", mean, 18)
        for h, mean in enumerate(_FIRST_BY_HOUR_S)
    ),
    *(
        ReferenceFigure(f"calls at {h:02} h (2017)", "% of day", 100 * calls / sum(_CALLS_BY_HOUR), 0.8)
        for h, calls in enumerate(_CALLS_BY_HOUR)
    ),
    *(
        ReferenceFigure(f"first pump from {edge} m on", "s", mean, 20 if edge else 30)
        for edge, mean in zip(_BAND_EDGES_M, _FIRST_BY_BAND_S, strict=True)
    ),
    ReferenceFigure("busy ground (call within 30 min before): first pump", "s", 353, 20),
    ReferenceFigure("quiet ground: first pump", "s", 315, 10),
    ReferenceFigure("busy ground: own station sends", "%", 51, 8),
    ReferenceFigure("quiet ground: own station sends", "%", 78, 8),
    ReferenceFigure("False Alarm", "%", 50.1, 1.5),
    ReferenceFigure("Special Service", "%", 37.4, 1.5),
    ReferenceFigure("Fire", "%", 12.5, 1),
    ReferenceFigure("Dwelling", "%", 58.3, 1.5),
    ReferenceFigure("calls in a repeated 100 m square: mean size in 15,558 calls (2017)", "", 1.95, 0.3),
)

BAND_EDGES_M = _BAND_EDGES_M
