"""What a person who reads no further should know of a month."""

from collections.abc import Mapping

from londonpump.evaluation.live import live_figures
from londonpump.evaluation.monthly.attendance import FEW, MISSED, NOT_JUDGED, UNSURE, Figure, Figures
from londonpump.evaluation.monthly.inputs import MonthInputs
from londonpump.evaluation.monthly.words import aim_words, borough_words, ends_words, value_words
from londonpump.evaluation.report.words import count_words, number_words

JUDGED = {UNSURE: "too near to the target to say", NOT_JUDGED: "too few to say", MISSED: "missed"}


def headline(inputs: MonthInputs, london: Figures, boroughs: Mapping[str, Figures]) -> list[str]:
    """Sentences; those of targets only where there are arrivals."""
    told = [_averages(london), _late(london)] if london else [_none(inputs)]
    return [*told, *_slowest(boroughs), *_model(inputs), _alarms(inputs)]


def _none(inputs: MonthInputs) -> str:
    return f"No published records of {inputs.month} are prepared: nothing can be said about the targets."


def _averages(london: Figures) -> str:
    return f"The first pump came after {_figure(london[0])}, the second after {_figure(london[-1])}."


def _late(london: Figures) -> str:
    return f"The first pump was there within 10 min on {_figure(london[1])} and within 12 min on {_figure(london[2])}."


def _figure(figure: Figure) -> str:
    is_average = figure.target.share is None
    value = f"{value_words(figure)}{' on average' if is_average else ' %'}"
    ends = ends_words(figure)
    bracket = f"{ends}; " if ends else ""
    verdict = JUDGED.get(figure.verdict, "met")
    return f"{value} ({bracket}target {aim_words(figure.target)}: {verdict})"


def _slowest(boroughs: Mapping[str, Figures]) -> list[str]:
    judged = {name: row[0] for name, row in boroughs.items() if row[0].n >= FEW}
    if not judged:
        return []
    slowest = max(judged, key=lambda name: judged[name].stat["value"] or 0)
    beyond = sum(figure.verdict == MISSED for figure in judged.values())
    verb = "is" if beyond == 1 else "are"
    told = (
        f"Of {len(judged)} boroughs with enough arrivals {beyond or 'none'} {verb if beyond else 'is'} surely slower than 6 min on average; the slowest is "
        f"{borough_words(slowest)}, {value_words(judged[slowest])} ({ends_words(judged[slowest])})."
    )
    return [told]


def _model(inputs: MonthInputs) -> list[str]:
    told = []
    for reality in inputs.realities:
        rows = None if reality.rows is None else reality.rows.take(inputs.month.holds(reality.rows.day))
        if rows is None or not len(rows):
            continue
        found = live_figures(rows)["all"]["all"]
        told.append(
            f"{reality.title}: mean error {number_words(found['mae_s']['value'], 's')} s on {count_words(len(rows))} runs, "
            f"P10 to P90 held {number_words(found['cover_80_share']['value'], '%')} % of them."
        )
    return told


def _alarms(inputs: MonthInputs) -> str:
    standing = sum(alarm.cleared_at is None for alarm in inputs.alarms)
    alarms = (
        "No alarm stands"
        if not standing
        else f"{standing} alarm{'s' * (standing > 1)} of the monitor stand{'s' * (standing == 1)}"
    )
    return f"{alarms}; {len(inputs.decisions) or 'no'} decision{'s' * (len(inputs.decisions) != 1)} about models since the month began."
