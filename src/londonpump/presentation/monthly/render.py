"""Rendering of the monthly page, and its headline."""

from collections.abc import Mapping
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template

from londonpump.domain.london_clock import LONDON
from londonpump.evaluation.live import live_figures
from londonpump.presentation.monthly import attendance_tables, model_tables
from londonpump.presentation.monthly.attendance_tables import (
    format_figure_interval,
    format_figure_value,
    format_target,
)
from londonpump.presentation.monthly.inputs import (
    FEW,
    MISSED,
    NOT_EVALUATED,
    RESAMPLES,
    UNSURE,
    Figure,
    Figures,
    MonthInputs,
    figures,
    figures_by,
)
from londonpump.presentation.monthly.model_tables import live_tables
from londonpump.presentation.monthly.plots import draw_curves, draw_lateness, draw_maps
from londonpump.presentation.report.style import format_count, format_day, format_number
from londonpump.presentation.texts.places import format_borough, format_ground

VERDICT_TEXTS = {UNSURE: "too near to the target to say", NOT_EVALUATED: "too few to say", MISSED: "missed"}


def headline(inputs: MonthInputs, london: Figures, boroughs: Mapping[str, Figures]) -> list[str]:
    """Return the sentences of the headline; those about targets only if there are arrivals."""
    sentences = [_averages(london), _late(london)] if london else [_none(inputs)]
    return [*sentences, *_slowest(boroughs), *_model(inputs), _alarms(inputs)]


def _none(inputs: MonthInputs) -> str:
    return f"No published records of {inputs.month} are prepared: nothing can be said about the targets."


def _averages(london: Figures) -> str:
    return f"The first pump came after {_figure(london[0])}, the second after {_figure(london[-1])}."


def _late(london: Figures) -> str:
    return f"The first pump was there within 10 min on {_figure(london[1])} and within 12 min on {_figure(london[2])}."


def _figure(figure: Figure) -> str:
    is_average = figure.target.share is None
    value = f"{format_figure_value(figure)}{' on average' if is_average else ' %'}"
    ends = format_figure_interval(figure)
    bracket = f"{ends}; " if ends else ""
    verdict = VERDICT_TEXTS.get(figure.verdict, "met")
    return f"{value} ({bracket}target {format_target(figure.target)}: {verdict})"


def _slowest(boroughs: Mapping[str, Figures]) -> list[str]:
    evaluated = {name: row[0] for name, row in boroughs.items() if row[0].n >= FEW}
    if not evaluated:
        return []
    slowest = max(evaluated, key=lambda name: evaluated[name].stat.value or 0)
    beyond = sum(figure.verdict == MISSED for figure in evaluated.values())
    verb = "is" if beyond == 1 else "are"
    sentence = (
        f"Of {len(evaluated)} boroughs with enough arrivals {beyond or 'none'} {verb if beyond else 'is'} clearly slower than 6 min on average; the slowest is "
        f"{format_borough(slowest)}, {format_figure_value(evaluated[slowest])} ({format_figure_interval(evaluated[slowest])})."
    )
    return [sentence]


def _model(inputs: MonthInputs) -> list[str]:
    sentences = []
    for performance in inputs.live_performances:
        rows = (
            None
            if performance.rows is None
            else performance.rows.take(inputs.month.holds(performance.rows.day))
        )
        if rows is None or not len(rows):
            continue
        found = live_figures(rows).whole
        sentences.append(
            f"{performance.title}: mean error {format_number(found.mae_s.value, 's')} s on {format_count(len(rows))} mobilisations, "
            f"P10 to P90 held {format_number(found.cover_80_share.value, '%')} % of them."
        )
    return sentences


def _alarms(inputs: MonthInputs) -> str:
    standing = sum(alarm.cleared_at is None for alarm in inputs.alarms)
    alarms = (
        "No alarm is open" if not standing else f"{standing} alarm{'s are' if standing > 1 else ' is'} open"
    )
    return f"{alarms}; {len(inputs.decisions) or 'no'} decision{'s' * (len(inputs.decisions) != 1)} about models since the month began."


def render_month(inputs: MonthInputs) -> str:
    """Render the page of a month as one self-contained HTML file."""
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
        maps=[] if rows is None else draw_maps(rows),
        live_performances=[
            (performance, live_tables(inputs, performance)) for performance in inputs.live_performances
        ],
        lateness=draw_lateness(inputs),
        drift=model_tables.drift_table(inputs),
        stations=[(format_ground(change.station), change) for change in inputs.stations],
        decisions=_decisions(inputs),
        alarms=model_tables.alarm_table(inputs.alarms),
        resamples=format_count(RESAMPLES),
        few=FEW,
    )


def _decisions(inputs: MonthInputs) -> list[Any]:
    """Return the tables of decisions in the month and since then."""
    end_date = inputs.month.next.first_date
    lines = [(line.decided_at.astimezone(LONDON).date() < end_date, line) for line in inputs.decisions]
    shown = [
        model_tables.decision_table([line for is_during, line in lines if is_during is wanted], caption)
        for wanted, caption in ((True, f"Decided in {inputs.month}"), (False, "Decided since then"))
    ]
    return [table for table in shown if table is not None]


def _missing(inputs: MonthInputs) -> str:
    """Return the text about incidents without a published first arrival; empty if the share is unknown."""
    rows, records = inputs.rows, inputs.records
    if rows is None or records is None or not records.incidents:
        return ""
    share = max(0.0, 1 - len(rows.firsts) / records.incidents)
    of = (
        f"{format_count(records.incidents)} incidents of the month"
        if records.is_complete
        else "the sample's incidents"
    )
    return f"{format_number(share, '%')} % of {of} have no first arrival here: none was published, or it was rejected."


def _facts(inputs: MonthInputs) -> dict[str, str]:
    there = inputs.at.astimezone(LONDON)
    facts = {"Month": _format_month(inputs), "Records": _format_records(inputs), **inputs.facts}
    facts["As of"] = f"{format_day(there.date())}, {there:%H:%M} in London"
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
    """Load the template, with style and parts of the evaluation report."""
    packages = ("londonpump.presentation.monthly", "londonpump.presentation.report")
    loader = ChoiceLoader([PackageLoader(package, "templates") for package in packages])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("monthly.html.j2")
