"""Rendering of the report and the model card."""

from collections.abc import Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markdown_it import MarkdownIt
from markupsafe import Markup

from londonpump.evaluation.intervals import Stat
from londonpump.evaluation.slices import SliceDifference, worse_slices
from londonpump.presentation.report import tables
from londonpump.presentation.report.inputs import ReportInputs
from londonpump.presentation.report.maps import draw_maps
from londonpump.presentation.report.plots import draw_answers, draw_curves, draw_worked_call
from londonpump.presentation.report.style import (
    format_count,
    format_day,
    format_interval,
    format_number,
    format_slice,
    model_in_sentence,
    model_label,
)

HINT = '<p class="hint">Scroll sideways for all columns.</p>'


def render_report(inputs: ReportInputs) -> str:
    """Render the report as one self-contained HTML page."""
    gaps = tables.differences(inputs)
    by_error, by_cover = tables.compared_slices(inputs)
    answers = {**headline(inputs, gaps), "Where worst?": _worst(inputs, by_error)}
    worst = (tables.worst_by_error(inputs, by_error), tables.worst_by_cover(inputs, by_cover))
    return _page("report.html.j2").render(
        _shared(inputs),
        answers=draw_answers(inputs, by_error, answers),
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
        worst=[one for one in worst if one],
        n_slices=len(by_error),
        warnings=tables.warning_table(inputs),
        order=tables.order_table(inputs),
        pumps=tables.pump_tables(inputs),
        curves=draw_curves(inputs),
        call=inputs.worked_call,
        call_plot=draw_worked_call(inputs.worked_call) if inputs.worked_call else None,
        maps=draw_maps(inputs),
        min_rows=format_count(inputs.min_rows),
    )


def render_model_card(inputs: ReportInputs) -> str:
    """Render the model card as one HTML page, from its Markdown, with the plots of single features at the end."""
    # A page shows what is below the facts for machines, which end with the second rule.
    body = render_card_markdown(inputs).split("---\n", 2)[2]
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")
    renderer.add_render_rule(
        "table_open",
        lambda *_: '<div class="scroll" role="region" tabindex="0" aria-label="Table">' + HINT + "<table>",
    )
    renderer.add_render_rule("table_close", lambda *_: "</table></div>")
    return _page("card.html.j2").render(
        _shared(inputs),
        # The renderer escapes whatever looks like HTML in names.
        body=Markup(renderer.render(body)),  # noqa: S704
        dependence=inputs.dependence,
    )


def render_card_markdown(inputs: ReportInputs) -> str:
    """Render the model card in the form of Hugging Face: facts as YAML, then purpose, data, metrics and limits."""
    gaps = tables.differences(inputs)
    by_error, by_cover = tables.compared_slices(inputs)
    worst = (tables.worst_by_error(inputs, by_error, 5), tables.worst_by_cover(inputs, by_cover, 5))
    metrics = {
        key: (label.removesuffix(", s").removesuffix(", %"), inputs.whole[key].value)
        for key, (label, _) in {**tables.POINT_METRICS, **tables.SPREAD_METRICS}.items()
        if key in inputs.whole and inputs.whole[key].value is not None
    }
    shown = [
        tables.metric_table(inputs, "Announced times, with 95 % intervals", tables.POINT_METRICS),
        tables.metric_table(inputs, "Intervals and distribution", tables.SPREAD_METRICS),
        tables.metric_table(inputs, "Chance of arriving late", tables.LATE_METRICS),
        tables.warning_table(inputs),
        *tables.pump_tables(inputs)[:1],
    ]
    return _page("card.md.j2").render(
        _shared(inputs),
        headline=list(headline(inputs, gaps).values()),
        metrics=metrics,
        tables=[one for one in shown if one],
        features=tables.feature_table(inputs),
        worst=[one for one in worst if one],
        min_rows=format_count(inputs.min_rows),
        missed=format_number(1 - (inputs.whole["within_60_share"].value or 0), "%"),
    )


def headline(inputs: ReportInputs, gaps: Mapping[str, Mapping[str, Stat]]) -> dict[str, str]:
    """Return what a reader asks first, with the answer in one sentence."""
    ours = inputs.whole
    rows_text = "later mobilisations" if inputs.is_later else "mobilisations"
    answers = {
        "How far off?": f"On {format_count(len(inputs.rows))} {rows_text}, half of the announced times are within "
        f"{format_number(ours['median_ae_s'].value, 's')} s of the actual one and "
        f"{format_number(ours['within_60_share'].value, '%')} % within 60 s."
    }
    cover = ours.get("cover_80_share")
    if cover is not None and cover.value is not None:
        answers["How sure?"] = (
            f"The 80 % interval held {format_number(cover.value, '%')} % of the actual times; "
            f"it is {format_number(ours['width_80_s'].value, 's')} s wide on average."
        )
    mean = f"The mean error is {format_number(ours['mae_s'].value, 's')} s{_bracket(ours['mae_s'], 's')}"
    compared = [_format_gain(gaps[name]["mae_s"], name) for name in gaps]
    answers["Against what?"] = f"{mean}: {_listed(compared)}." if compared else f"{mean}."
    return answers


def _worst(inputs: ReportInputs, found: Sequence[SliceDifference]) -> str:
    """Return the sentence on the slices that are surely worse than all."""
    worse = worse_slices(found)
    if not worse:
        return f"In none of {len(found)} slices of {inputs.min_rows} mobilisations or more is the error surely larger than elsewhere."
    first = worse[0]
    return (
        f"In {len(worse)} of {len(found)} slices the error is surely larger than elsewhere, most for "
        f"{format_slice(first.slice_name, first.value)}, by {format_number(first.difference.value, 's')} s"
        f"{_bracket(first.difference, 's')}."
    )


def _format_gain(gap: Stat, name: str) -> str:
    if gap.value is None:
        return f"not compared with {model_in_sentence(name)}"
    size = format_number(abs(gap.value), "s")
    direction = "less" if gap.value < 0 else "more"
    if float(size) == 0:
        return f"as much as {model_in_sentence(name)}"
    doubt = "" if tables.is_visible(gap, "s") else " (the interval holds 0)"
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
        loader=loader,
        autoescape=name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
