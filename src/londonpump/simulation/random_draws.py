"""The part of each run that nothing foretells: crews, drivers, traffic lights, addresses hard to find."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from londonpump.simulation.calls import Calls
from londonpump.simulation.measured_tables import table
from londonpump.simulation.timestamps import DAY_S, year_of
from londonpump.simulation.travel_times import turnout_s

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SLOTS = 8
"""Runs of one call that have chances of their own; later ones repeat the last."""
TURNOUT_SHAPE = 5.5
SLOW_TURNOUT, SLOW_TURNOUT_S = 0.04, 80.0
"""Share of crews held up at the station, and the mean seconds lost."""
CALL_SPREAD, DISPATCH_SPREAD = 0.12, 0.18
"""Log sd of travel shared by the runs of a call, and of each run alone."""
HELD_UP, HELD_UP_S = 0.06, 210.0
"""Share of runs held up (traffic, address, gates) and the mean seconds lost."""
CONVOY_GAP_S = 16.0
LATER_WAVE, LATER_WAVE_OF_SEVERAL, LATER_WAVE_S = 0.08, 0.25, 420.0
"""Share of calls for two, or for more, whose later pumps are sent some minutes after."""
ON_SCENE_S = {
    "AFA": 700.0, "False alarm - Good intent": 750.0, "False alarm - Malicious": 650.0,
    "Primary Fire": 3300.0, "Secondary Fire": 1500.0, "RTC": 2400.0, "Flooding": 1700.0,
    "Effecting entry/exit": 1100.0, "Lift Release": 1200.0, "Hazardous Materials incident": 2700.0,
}  # fmt: skip
OTHER_ON_SCENE_S = 1100.0
ON_SCENE_SPREAD = 0.85


@dataclass(frozen=True, slots=True)
class RunDraws:
    """What chance holds for the runs of some calls. Shapes (n, SLOTS) but for the last two, (n,).

    travel_factor, held_up_s: usual travel times the first plus the second. gap_s: how far an engine
    arrives after the one it left its station with. first_wave: pumps sent at once.
    """

    turnout_s: Floats
    travel_factor: Floats
    held_up_s: Floats
    gap_s: Floats
    on_scene_s: Floats
    first_wave: Ints
    later_s: Ints


def draw_run_effects(calls: Calls, part: slice, rng: np.random.Generator) -> RunDraws:
    """Chance for the calls of a stretch."""
    at_s = calls.london_s[part]
    n = len(at_s)
    shape = (n, SLOTS)
    usual_s = turnout_s(at_s % DAY_S // 3600, year_of(at_s // DAY_S))
    shared, own = rng.standard_normal((n, 1)), rng.standard_normal(shape)
    middle = -(CALL_SPREAD**2 + DISPATCH_SPREAD**2) / 2
    scene_s = np.array(
        [
            ON_SCENE_S.get(service or stop, OTHER_ON_SCENE_S)
            for stop, service in zip(
                table("kinds")["stop_code"], table("kinds")["special_service"], strict=True
            )
        ]
    )[calls.incident_type[part]]
    pumps_needed = calls.pumps_needed[part]
    splits = rng.random(n) < np.where(pumps_needed > 2, LATER_WAVE_OF_SEVERAL, LATER_WAVE)
    return RunDraws(
        turnout_s=usual_s[:, None] * rng.gamma(TURNOUT_SHAPE, 1 / TURNOUT_SHAPE, shape)
        + np.where(rng.random(shape) < SLOW_TURNOUT, rng.exponential(SLOW_TURNOUT_S, shape), 0.0),
        travel_factor=np.exp(CALL_SPREAD * shared + DISPATCH_SPREAD * own + middle),
        held_up_s=np.where(rng.random(shape) < HELD_UP, rng.exponential(HELD_UP_S, shape), 0.0),
        gap_s=rng.exponential(CONVOY_GAP_S, shape),
        on_scene_s=_scene(scene_s, rng),
        first_wave=np.where(splits & (pumps_needed > 1), np.where(pumps_needed > 2, 2, 1), pumps_needed),
        later_s=60 + rng.exponential(LATER_WAVE_S, n).astype(np.int64),
    )


def _scene(mean_s: Floats, rng: np.random.Generator) -> Floats:
    """(n, SLOTS) seconds on scene: alike for the engines of a call, shorter for later ones."""
    call = ON_SCENE_SPREAD * rng.standard_normal((len(mean_s), 1))
    dispatch_noise = 0.25 * rng.standard_normal((len(mean_s), SLOTS))
    return 60 + np.asarray(
        mean_s[:, None] * np.exp(call + dispatch_noise - ON_SCENE_SPREAD**2 / 2)
    ) * np.linspace(1.0, 0.7, SLOTS)
