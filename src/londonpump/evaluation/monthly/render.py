"""From the values of a month to a page."""

from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template

from londonpump.domain.london_clock import LONDON
from londonpump.evaluation.monthly import attendance_tables, model_tables
from londonpump.evaluation.monthly.attendance import FEW, RESAMPLES, figures, figures_by
from londonpump.evaluation.monthly.headline import headline
from londonpump.evaluation.monthly.inputs import DecisionLine, MonthInputs
from londonpump.evaluation.monthly.live_tables import live_tables
from londonpump.evaluation.monthly.maps import draw_maps
from londonpump.evaluation.monthly.plots import draw_curves
from londonpump.evaluation.monthly.text_formats import format_borough, format_ground
from londonpump.evaluation.report.text_formats import format_count, format_day, format_number


def render_month(inputs: MonthInputs) -> str:
    """The page of a month as one HTML file that asks nothing of the network."""
    rows = inputs.rows
    london = () if rows is None else figures(rows)
    boroughs = {} if rows is None else figures_by(rows, rows.borough)
    grounds = {} if rows is None else figures_by(rows, rows.ground_code)
    counted = attendance_tables.occasions(inputs)
    return _page().render(
        inputs=inputs,
        headline=headline(inputs, london, boroughs),
        facts=_facts(inputs),
        is_sample=inputs.records is not None and not inputs.records.is_complete,
        london=attendance_tables.london_table(inputs, london) if london else None,
        missing=_missing(inputs),
        boroughs=attendance_tables.area_tables(boroughs, format_borough, "Borough", counted),
        grounds=attendance_tables.area_tables(grounds, format_ground, "Station ground", counted),
        changed=attendance_tables.changed_table(inputs),
        curves=draw_curves(inputs),
        maps=[] if rows is None else draw_maps(rows, grounds),
        live_performances=[
            (performance, live_tables(inputs, performance)) for performance in inputs.live_performances
        ],
        drift=model_tables.drift_table(inputs),
        stations=[(format_ground(change.station), change) for change in inputs.stations],
        decisions=_decisions(inputs),
        alarms=model_tables.alarm_table(inputs.alarms),
        resamples=format_count(RESAMPLES),
        few=FEW,
    )


def _decisions(inputs: MonthInputs) -> list[Any]:
    """Those of the month, and those since."""
    during: list[DecisionLine] = []
    since: list[DecisionLine] = []
    for line in inputs.decisions:
        is_during = line.decided_at.astimezone(LONDON).date() <= inputs.month.last_date
        (during if is_during else since).append(line)
    shown = [
        model_tables.decision_table(during, f"Decided in {inputs.month}"),
        model_tables.decision_table(since, "Decided since then"),
    ]
    return [table for table in shown if table is not None]


def _missing(inputs: MonthInputs) -> str:
    """The share of incidents without a published first arrival; empty where it cannot be told."""
    rows, records = inputs.rows, inputs.records
    if rows is None or records is None or not records.incidents:
        return ""
    share = max(0.0, 1 - len(rows.firsts) / records.incidents)
    of = (
        f"{format_count(records.incidents)} incidents of the month"
        if records.is_complete
        else "the sample's incidents"
    )
    return f"{format_number(share, '%')} % of {of} have no first arrival here: none was published, or it was set aside."


def _facts(inputs: MonthInputs) -> dict[str, str]:
    there = inputs.at.astimezone(LONDON)
    facts = {"Month": _format_month(inputs), "Records": _format_records(inputs), **inputs.facts}
    facts["Looked at"] = f"{format_day(there.date())}, {there:%H:%M} in London"
    return {name: text for name, text in facts.items() if text}


def _format_month(inputs: MonthInputs) -> str:
    records = inputs.records
    if records is None or inputs.rows is None or inputs.is_whole:
        return str(inputs.month)
    return f"{inputs.month}, only until {format_day(records.until_date)}: not a whole month"


def _format_records(inputs: MonthInputs) -> str:
    records = inputs.records
    if records is None:
        return "none prepared"
    coverage = "every incident" if records.is_complete else "a sample of the incidents"
    return f"{coverage}, until {format_day(records.until_date)}"


def _page() -> Template:
    """Style and parts are those of the evaluation report."""
    packages = ("londonpump.evaluation.monthly", "londonpump.evaluation.report")
    loader = ChoiceLoader([PackageLoader(package, "templates") for package in packages])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("monthly.html.j2")
