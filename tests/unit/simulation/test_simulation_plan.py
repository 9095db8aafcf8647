from datetime import date

import pytest

from londonpump.domain.errors import BadValue
from londonpump.simulation.plan import SimulationPlan


@pytest.mark.parametrize(
    ("field", "value", "advice"),
    [
        ("incidents", 0, "at least 1 incident"),
        ("days", 0, "at least 1 day"),
        ("seed", -1, "0 or more"),
        ("start", date(2008, 12, 31), "begin on 2009-01-01"),
        ("vintage", "2015-20", "choose one of 2009-14, 2021-24, 2025"),
        ("file_format", "ods", "csv or as xlsx"),
        ("closed_stations", ("Z99",), "no such London station"),
        ("closed_stations", ("K21",), "no such London station"),
        ("incidents", 10_000_000, "more days or fewer incidents"),
        ("days", 40_000, "must end by"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_with_advice(field, value, advice):
    with pytest.raises(BadValue, match=advice) as error:
        SimulationPlan(**{field: value})
    assert error.value.column == field


def test_a_station_is_closed_by_code_or_by_name():
    assert SimulationPlan(closed_stations=("a24", "Euston")).closed_codes() == {"A24", "A23"}


def test_a_brigade_without_any_pump_is_refused():
    every = tuple(f"{area}{n}" for area, n in _codes())
    with pytest.raises(BadValue, match="leave at least one open"):
        SimulationPlan(closed_stations=every)


def _codes():
    from londonpump.simulation.plan import london_stations

    return [(s.code[0], s.code[1:]) for s in london_stations()]
