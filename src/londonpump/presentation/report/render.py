"""Rendering of the report and the model card."""

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from londonpump.evaluation.intervals import Stat
from londonpump.presentation.report import tables
from londonpump.presentation.report.dependence import draw_dependence
from londonpump.presentation.report.inputs import ReportInputs
from londonpump.presentation.report.maps import draw_maps
from londonpump.presentation.report.plots import draw_curves
from londonpump.presentation.report.style import (
    format_count,
    format_day,
    format_interval,
    format_number,
    model_in_sentence,
    model_label,
)


def render_report(inputs: ReportInputs) -> str:
    """Render the report as one self-contained HTML page."""
    gaps = tables.differences(inputs)
    return _page("report.html.j2").render(
        _shared(inputs),
        headline=headline(inputs, gaps),
        models=tables.metric_table(
            inputs,
            "All models on the same mobilisations, with 95 % intervals from resampled days",
            tables.POINT_METRICS,
        ),
        differences=tables.difference_table(gaps),
        spread=tables.metric_table(
            inputs, "How sure: intervals and the whole distribution", tables.SPREAD_METRICS
        ),
        late=tables.metric_table(inputs, "Chance of arriving late", tables.LATE_METRICS),
        worst=[one for one in (tables.worst_by_error(inputs), tables.worst_by_cover(inputs)) if one],
        warnings=tables.warning_table(inputs),
        order=tables.order_table(inputs),
        pumps=tables.pump_tables(inputs),
        curves=draw_curves(inputs),
        maps=draw_maps(inputs),
        min_rows=format_count(inputs.min_rows),
    )


def render_model_card(inputs: ReportInputs) -> str:
    """Render the model card as one HTML page: purpose, data, metrics, limits, and what it must not be used for."""
    gaps = tables.differences(inputs)
    return _page("card.html.j2").render(
        _shared(inputs),
        headline=headline(inputs, gaps),
        models=tables.metric_table(inputs, "Point answers, with 95 % intervals", tables.POINT_METRICS),
        spread=tables.metric_table(inputs, "Intervals and distribution", tables.SPREAD_METRICS),
        late=tables.metric_table(inputs, "Chance of arriving late", tables.LATE_METRICS),
        warnings=tables.warning_table(inputs),
        pumps=tables.pump_tables(inputs)[:1],
        worst=[one for one in (tables.worst_by_error(inputs, 5), tables.worst_by_cover(inputs, 5)) if one],
        dependence=draw_dependence(inputs.dependences),
        min_rows=format_count(inputs.min_rows),
        missed=format_number(1 - (inputs.whole["within_60_share"].value or 0), "%"),
    )


def headline(inputs: ReportInputs, gaps: Mapping[str, Mapping[str, Stat]]) -> list[str]:
    """Return the sentences of the headline."""
    ours = inputs.whole
    rows_text = "later mobilisations" if inputs.is_later else "mobilisations"
    first = (
        f"On {format_count(len(inputs.rows))} {rows_text}, half of the announced times are within "
        f"{format_number(ours['median_ae_s'].value, 's')} s of the actual one and "
        f"{format_number(ours['within_60_share'].value, '%')} % within 60 s."
    )
    sentences = [first]
    compared = [_format_gain(gaps[name]["mae_s"], name) for name in gaps]
    mean = f"The mean error is {format_number(ours['mae_s'].value, 's')} s{_bracket(ours['mae_s'], 's')}"
    sentences.append(f"{mean}: {_listed(compared)}." if compared else f"{mean}.")
    cover = ours.get("cover_80_share")
    if cover is not None and cover.value is not None:
        sentences.append(
            f"The 80 % interval held {format_number(cover.value, '%')} % of the actual times; "
            f"it is {format_number(ours['width_80_s'].value, 's')} s wide on average."
        )
    return sentences


def _format_gain(gap: Stat, name: str) -> str:
    if gap.value is None:
        return f"not compared with {model_in_sentence(name)}"
    size = format_number(abs(gap.value), "s")
    direction = "less" if gap.value < 0 else "more"
    is_sure = gap.low is not None and gap.high is not None and gap.low * gap.high > 0
    doubt = "" if is_sure else " (the interval holds 0)"
    return f"{size} s {direction} than {model_in_sentence(name)}{doubt}"


def _bracket(found: Stat, unit: str) -> str:
    interval_text = format_interval(found, unit)
    return f" ({interval_text})" if interval_text else ""


def _listed(phrases: list[str]) -> str:
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def _shared(inputs: ReportInputs) -> dict[str, object]:
    about = inputs.about
    facts = {
        "Model": model_label(inputs.ours),
        "Bundle": about.bundle,
        "Trained on": f"{format_day(about.trained_from_date)} to {format_day(about.trained_until_date)}, "
        f"{format_count(about.trained_rows)} mobilisations",
        "Evaluated on": f"{format_day(inputs.tested_from_date)} to {format_day(inputs.tested_until_date)}, "
        f"{format_count(len(inputs.rows))} mobilisations on {format_count(inputs.results.days)} days",
        "Rows chosen": about.split,
        "Data hash": about.data_hash,
        "Made": about.made_at,
    }
    return {
        "about": about,
        "facts": {name: text for name, text in facts.items() if text},
        "is_later": inputs.is_later,
        "resamples": format_count(inputs.results.resamples),
    }


def _page(name: str) -> Template:
    loader = PackageLoader("londonpump.presentation.report", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)
