"""What a person who reads no further should know of a month."""

from collections.abc import Mapping

from londonpump.evaluation.live import live_figures
from londonpump.evaluation.monthly.attendance import FEW, MISSED, NOT_EVALUATED, UNSURE, Figure, Figures
from londonpump.evaluation.monthly.inputs import MonthInputs
from londonpump.evaluation.monthly.text_formats import (
    format_borough,
    format_figure_interval,
    format_figure_value,
    format_target,
)
from londonpump.evaluation.report.text_formats import format_count, format_number

VERDICT_TEXTS = {UNSURE: "too near to the target to say", NOT_EVALUATED: "too few to say", MISSED: "missed"}


def headline(inputs: MonthInputs, london: Figures, boroughs: Mapping[str, Figures]) -> list[str]:
    """Sentences; those of targets only where there are arrivals."""
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
    slowest = max(evaluated, key=lambda name: evaluated[name].stat["value"] or 0)
    beyond = sum(figure.verdict == MISSED for figure in evaluated.values())
    verb = "is" if beyond == 1 else "are"
    sentence = (
        f"Of {len(evaluated)} boroughs with enough arrivals {beyond or 'none'} {verb if beyond else 'is'} surely slower than 6 min on average; the slowest is "
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
        found = live_figures(rows)["all"]["all"]
        sentences.append(
            f"{performance.title}: mean error {format_number(found['mae_s']['value'], 's')} s on {format_count(len(rows))} runs, "
            f"P10 to P90 held {format_number(found['cover_80_share']['value'], '%')} % of them."
        )
    return sentences


def _alarms(inputs: MonthInputs) -> str:
    standing = sum(alarm.cleared_at is None for alarm in inputs.alarms)
    alarms = (
        "No alarm stands"
        if not standing
        else f"{standing} alarm{'s' * (standing > 1)} of the monitor stand{'s' * (standing == 1)}"
    )
    return f"{alarms}; {len(inputs.decisions) or 'no'} decision{'s' * (len(inputs.decisions) != 1)} about models since the month began."
