"""The page of the report and the model card."""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from londonpump.domain.errors import BadValue
from londonpump.evaluation.evaluate import evaluate_models, evaluate_pumps
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast
from londonpump.evaluation.intervals import Stat
from londonpump.models.explanations import Dependence
from londonpump.presentation.report import About, ReportInputs, render_model_card, render_report
from londonpump.presentation.report.style import format_interval, format_number
from londonpump.presentation.report.tables import worst_by_cover, worst_by_error

ATTRIBUTION = "Contains public sector information licensed under the Open Government Licence v3.0."
LEVELS = (0.05, 0.1, 0.14, 0.23, 0.32, 0.41, 0.5, 0.59, 0.68, 0.77, 0.86, 0.9, 0.95)


def runs(n=3000):
    rng = np.random.default_rng(9)
    actual_s = rng.gamma(4.6, 69, n).clip(1, 1200)
    station = rng.choice(["A21", "A24", "G30", "H27"], n)
    return EvaluationRows(
        actual_s=actual_s,
        day=rng.integers(19_631, 19_700, n),
        incident=np.arange(n),
        slices={"station": station, "borough": rng.choice(["CAMDEN", "BRENT"], n)},
        station_code=station,
        distance_m=rng.gamma(2, 800, n),
        hour=rng.integers(0, 24, n),
        easting_m=rng.normal(530_000, 6000, n),
        northing_m=rng.normal(180_000, 5000, n),
    )


def forecasts_of(rows):
    rng = np.random.default_rng(1)
    median_s = np.maximum(rows.actual_s + rng.normal(0, 70, len(rows)), 10)
    median_s = median_s + np.where(rows.slices["station"] == "G30", 150, 0)
    quantiles_s = median_s[:, None] + 150 * (np.array(LEVELS) - 0.5)
    p_over = {t: 1 / (1 + np.exp((t - median_s) / 60)) for t in (360, 480, 600, 720)}
    ours = Forecast(median_s, median_s + 8, LEVELS, quantiles_s, p_over, p_over[480])
    far = rows.slices["station"] == "A24"
    return {
        "constant": Forecast(np.full(len(rows), 300.0)),
        "original": Forecast(rows.actual_s * 0.5 + 150, is_listed=far),
        "ours": ours,
    }


def about(**changes):
    known = About(
        bundle="3f9ac81e",
        data_hash="5f2b7c91",
        trained_from_date=date(2023, 1, 1),
        trained_until_date=date(2023, 9, 30),
        trained_rows=9392,
        attribution=ATTRIBUTION,
        features=("distance_m, m, known at mobilisation",),
    )
    return replace(known, **changes)


def inputs_of(rows, forecasts, **changes):
    results = evaluate_models(rows, forecasts, resamples=60)
    return ReportInputs(rows, forecasts, results, about(**changes))


@pytest.fixture(scope="module")
def inputs():
    rows = runs()
    rng = np.random.default_rng(2)
    probability = rng.dirichlet([6, 3, 1, 1, 1], 500)
    actual = rng.integers(1, 6, 500)
    pumps = evaluate_pumps(actual, probability, probability.argmax(axis=1) + 1, rng.integers(0, 30, 500), 20)
    return replace(inputs_of(rows, forecasts_of(rows)), pumps=pumps)


@pytest.fixture(scope="module")
def page(inputs):
    return render_report(inputs)


class Outline(HTMLParser):
    """Checks that tags close in order and gathers what a reader's tools look for."""

    VOID = ("meta", "br", "img", "link", "hr")

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.tags, self.links, self.svg_names = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found[name] for name in ("src", "href", "xlink:href") if name in found]
        self.svg_names += [found.get("aria-label")] if tag == "svg" else []
        self.open += [] if tag in self.VOID else [tag]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def outline(page):
    parser = Outline()
    parser.feed(page)
    parser.close()
    return parser


def test_the_page_is_whole_and_asks_nothing_of_the_network(page, outline):
    assert outline.open == []
    assert all(link.startswith(("#", "data:image/png")) for link in outline.links)
    assert "url(http" not in page
    assert "@import" not in page
    assert "<script" not in page


def test_no_id_stands_twice(outline):
    assert len(outline.ids) == len(set(outline.ids))


def test_every_plot_has_a_text_for_who_cannot_see_it(outline):
    assert len(outline.svg_names) == 11
    assert all(outline.svg_names)


def test_every_plot_is_sound_xml_and_takes_its_colours_from_the_page(page):
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(svg)  # noqa: S314 - our own page
        assert not re.search(r"#0[1-4]0[1-4]0[1-4]|#05050", svg)


def test_every_table_has_a_caption_and_scopes(outline, page):
    assert outline.tags.count("table") == outline.tags.count("caption") > 5
    assert not re.search(r"<th(?! scope)[ >]", page)
    assert '<th scope="col"></th>' not in page


def test_the_page_is_small(page):
    assert len(page) < 1_500_000


def test_the_first_sentence_gives_the_figures_of_the_judge(inputs, page):
    ours = inputs.whole
    expected = f"On 3,000 later mobilisations, half of the announced times are within {ours['median_ae_s'].value:.1f} s"
    assert expected in page


def test_the_page_says_what_it_is_about(page):
    for text in (
        "3f9ac81e",
        "5f2b7c91",
        "1 January 2023 to 30 September 2023, 9,392 mobilisations",
        ATTRIBUTION,
    ):
        assert text in page


@pytest.mark.slow
@pytest.mark.long
def test_simulated_runs_are_marked_and_real_ones_are_not(inputs, page):
    marked = replace(inputs, about=about(is_simulated=True))
    for render in (render_report, render_model_card):
        assert "SIMULATED" in render(marked)
        assert "SIMULATED" not in render(inputs)
    assert "SIMULATED" not in page


@pytest.mark.slow
@pytest.mark.long
def test_rows_the_training_may_have_seen_are_not_called_later(inputs):
    page = render_report(replace(inputs, about=about(trained_until_date=date(2023, 12, 1))))
    assert "later mobilisations" not in page
    assert "Not all of these dispatches are later" in page


def test_the_worst_slice_comes_first(inputs):
    assert worst_by_error(inputs).rows[0][0] == "station: G30 Wembley"
    assert worst_by_cover(inputs).rows[0][0] == "station: G30 Wembley"


def test_a_slice_of_few_runs_is_not_ranked(inputs):
    assert worst_by_error(replace(inputs, min_rows=10_000)) is None


def test_names_from_the_data_cannot_become_markup(inputs):
    rows = replace(inputs.rows, slices={"borough": np.where(inputs.rows.hour < 12, "R & <B>", "CAMDEN")})
    forecast = Forecast(rows.actual_s + np.where(rows.hour < 12, 200.0, 1.0))
    page = render_report(inputs_of(rows, {"ours": forecast}))
    assert "R &amp; &lt;B&gt;" in page
    assert "R & <B>" not in page


@pytest.mark.slow
@pytest.mark.long
def test_the_same_input_gives_the_same_page(inputs, page):
    assert render_report(inputs) == page


@pytest.mark.long
def test_a_worse_model_is_marked_as_worse(inputs):
    rows = inputs.rows
    forecasts = {"ours": Forecast(np.full(len(rows), 300.0)), "original": Forecast(rows.actual_s)}
    page = render_report(inputs_of(rows, forecasts))
    assert 'class="worse"' in page
    assert "s more than the original model" in page


@pytest.mark.long
def test_a_model_of_one_number_alone_gets_a_report_without_the_rest(inputs):
    forecasts = {"ours": inputs.forecasts["constant"]}
    page = render_report(inputs_of(inputs.rows, forecasts))
    assert "Uncertainty" not in page
    assert "Warnings" not in page
    assert "Against the other models" in page


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_handful_of_rows_still_gives_a_page(n):
    rows = runs().take(np.arange(n))
    few = inputs_of(rows, forecasts_of(rows))
    assert "nan" not in render_report(few).split("<h2>Plots")[0].split("</style>")[1].lower().split()
    assert "Model card" in render_model_card(few)


def test_the_card_says_what_context_the_model_learnt_without(inputs):
    lacking = replace(inputs, about=about(without=("weather", "congestion")))
    assert "It was trained without weather, congestion: " in render_model_card(lacking)
    assert "It was trained without" not in render_model_card(inputs)


def test_the_card_says_what_the_model_must_not_be_used_for(inputs):
    card = render_model_card(inputs)
    for text in (
        "Not to judge crews",
        "Not to withhold or delay a pump",
        "Not as the number of pumps needed",
        "Not outside London",
        "1,200 s",
        "final one",
        "distance_m, m, known at mobilisation",
        ATTRIBUTION,
    ):
        assert text in card


def test_an_answer_about_other_rows_is_refused(inputs):
    with pytest.raises(BadValue, match="another set of rows"):
        replace(inputs, rows=inputs.rows.take(np.arange(10)))
    with pytest.raises(BadValue, match="theirs"):
        replace(inputs, ours="theirs")


def test_numbers_read_as_a_person_writes_them():
    assert format_number(-0.04, "s", True) == "0.0"
    assert format_number(-11.26, "s", True) == "\u221211.3"
    assert format_number(0.638, "%") == "63.8"
    assert format_number(None, "") == "–"
    assert format_interval(Stat(1.0), "s") == ""
    assert format_interval(Stat(0.5, 0.4, 0.6), "%") == "40.0 to 60.0"


def test_the_card_shows_what_the_strongest_features_add(inputs):
    one = Dependence("nearest_m", "m", np.linspace(0, 900, 100), np.linspace(-9, 9, 100))
    assert "What it uses" not in render_model_card(inputs)
    card = render_model_card(replace(inputs, dependences=[one]))
    assert "What it uses" in card
    assert "nearest_m" in card
