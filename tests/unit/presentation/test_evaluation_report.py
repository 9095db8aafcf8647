"""The page of the report and the model card."""

import base64
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from ruamel.yaml import YAML

from londonpump.domain.errors import BadValue
from londonpump.evaluation.evaluate import evaluate_models, evaluate_pumps
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast, distance_band
from londonpump.evaluation.intervals import Stat
from londonpump.features.catalogue import LABELS
from londonpump.models.explanations import Contribution, Dependence
from londonpump.presentation.report.inputs import About, FeatureFacts, ReportInputs, WorkedCall
from londonpump.presentation.report.render import render_card_markdown, render_model_card, render_report
from londonpump.presentation.report.style import format_interval, format_number
from londonpump.presentation.report.tables import (
    compared_slices,
    difference_table,
    worst_by_cover,
    worst_by_error,
)

ATTRIBUTION = "Contains public sector information licensed under the Open Government Licence v3.0."
LEVELS = (0.05, 0.1, 0.14, 0.23, 0.32, 0.41, 0.5, 0.59, 0.68, 0.77, 0.86, 0.9, 0.95)


def runs(n=3000):
    rng = np.random.default_rng(9)
    actual_s = rng.gamma(4.6, 69, n).clip(1, 1200)
    station = rng.choice(["A21", "A24", "G30", "H27"], n)
    distance_m, hour = rng.gamma(2, 800, n), rng.integers(0, 24, n)
    return EvaluationRows(
        actual_s=actual_s,
        day=rng.integers(19_631, 19_700, n),
        incident=np.arange(n),
        slices={
            "station": station,
            "borough": rng.choice(["CAMDEN", "BRENT"], n),
            "distance_band": distance_band(distance_m),
            "hour": np.char.zfill(hour.astype(str), 2),
            "incident_type": rng.choice(["Fire", "Local Emergencies"], n),
        },
        station_code=station,
        distance_m=distance_m,
        hour=hour,
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
        features=(FeatureFacts("distance_m", "straight distance", "m", "mobilisation", 41.26),),
    )
    return replace(known, **changes)


CALL = WorkedCall(
    facts={"Mobilised": "Sunday 1 October 2023, 18:00 in London", "from": "A24 Soho"},
    contributions=[
        Contribution("distance", 52.0, "2.1 km from the station"),
        Contribution("hour", -12.0, "18:00 in London"),
        Contribution("typical", 310.0, "a typical dispatch, and everything that is not listed"),
    ],
    p10_s=270.0,
    p50_s=350.0,
    p90_s=460.0,
    p_over={360: 0.45, 480: 0.08},
    actual_s=391.0,
)


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
    return replace(inputs_of(rows, forecasts_of(rows)), pumps=pumps, worked_call=CALL)


@pytest.fixture(scope="module")
def page(inputs):
    return render_report(inputs)


class Outline(HTMLParser):
    """Checks that tags close in order and gathers what a reader's tools look for."""

    VOID = ("meta", "br", "img", "link", "hr")

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.tags, self.links, self.alts, self.images = [], [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found[name] for name in ("src", "href", "xlink:href") if name in found]
        self.alts += [found.get("alt")] if tag == "img" else []
        self.images += [found["src"]] if tag == "img" else []
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
    assert all(link.startswith(("#", "data:image/svg+xml;base64,")) for link in outline.links)
    assert "url(http" not in page
    assert "@import" not in page
    assert "<script" not in page


def test_no_id_stands_twice(outline):
    assert len(outline.ids) == len(set(outline.ids))


def test_every_plot_has_a_text_for_who_cannot_see_it(outline):
    assert len(outline.alts) == 4 + 8 + 1 + 3
    assert all(outline.alts)


def test_every_plot_is_sound_xml_and_loads_nothing(outline):
    for source in outline.images:
        svg = base64.b64decode(source.partition(",")[2]).decode()
        ElementTree.fromstring(svg)  # noqa: S314 - our own page
        assert set(re.findall(r'href="(?!#)([^",]*)', svg)) <= {"data:image/png;base64"}


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


def test_the_page_opens_with_the_four_questions_each_with_its_answer_and_one_plot(page):
    opening = page.split("<h2>")[0]
    assert re.findall("<h3>(.*?)</h3>", opening) == [
        "How far off?",
        "How sure?",
        "Where worst?",
        "Against what?",
    ]
    assert opening.count('<p class="answer">') == opening.count("<img") == 4
    assert "The 80 % interval held" in opening
    assert re.search(r"most for station: G30 Wembley, by \d\d\.\d s \(", opening)
    assert "s less than one time for all" in opening


def test_a_worked_call_adds_up_step_by_step(page):
    (steps,) = re.findall('<ol class="steps">(.*?)</ol>', page, re.DOTALL)
    for text in (
        "Mobilised Sunday 1 October 2023, 18:00 in London, from A24 Soho.",
        "takes 310 s",
        "2.1 km from the station +52 s, 18:00 in London \u221212 s.",
        "sum, 350 s",
        "from 270 to 460 s, and a chance of 45 % of more than 6 min, 8 % of more than 8 min.",
        "after 391 s, 41 s later than announced and inside the interval",
    ):
        assert text in steps


def test_a_difference_that_is_shown_as_nothing_has_no_mark(inputs):
    tiny = {"mae_s": Stat(-0.02, -0.03, -0.01), "median_ae_s": Stat(-0.4, -0.6, -0.2)}
    gaps = tiny | {"rmse_s": Stat(0.3, 0.1, 0.5), "within_60_share": Stat(0.0001, 0.00005, 0.0002)}
    ((_, cells),) = difference_table({"original": gaps}).rows
    assert [cell.verdict for cell in cells] == ["", "better", "worse", ""]
    assert cells[0].value == "0.0"


def test_wide_tables_and_pictures_say_that_they_scroll(page):
    for table in re.findall(r'<div class="scroll.*?</table>', page, re.DOTALL):
        columns = table.count('<th scope="col"')
        assert (f"Scroll sideways for all {columns} columns." in table) == (columns > 3)
    assert page.count("Scroll sideways for the whole picture.") == page.count('<figure class="wide">') == 5


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


def test_the_worst_slice_comes_first_and_those_that_chance_explains_are_not_listed(inputs):
    by_error, by_cover = compared_slices(inputs)
    assert [name for name, _ in worst_by_error(inputs, by_error).rows] == ["station: G30 Wembley"]
    assert worst_by_cover(inputs, by_cover).rows[0][0] == "station: G30 Wembley"
    assert len(by_error) > 30


def test_a_slice_of_few_runs_is_not_compared(inputs):
    few = replace(inputs, min_rows=10_000)
    assert compared_slices(few) == ([], [])
    assert worst_by_error(few, []) is None


@pytest.mark.long
def test_names_from_the_data_cannot_become_markup(inputs):
    rows = replace(inputs.rows, slices={"borough": np.where(inputs.rows.hour < 12, "R & <B>", "CAMDEN")})
    noise = np.random.default_rng(0).normal(0, 5, len(rows))
    odd = inputs_of(rows, {"ours": Forecast(rows.actual_s + noise + np.where(rows.hour < 12, 200.0, 1.0))})
    for page in (render_report(odd), render_model_card(odd)):
        assert "R &amp; &lt;b&gt;" in page.replace("&lt;B&gt;", "&lt;b&gt;")
        assert not re.search("R & <b>", page, re.IGNORECASE)


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


@pytest.mark.long
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


def test_the_card_is_one_of_hugging_face_with_facts_that_a_machine_can_read(inputs):
    text = render_card_markdown(inputs)
    _, head, body = text.split("---\n", 2)
    facts = YAML(typ="safe").load(head)
    assert facts["license"] == "mit"
    assert facts["library_name"] == "londonpump"
    assert "tabular-regression" in facts["tags"]
    assert "simulated-data" not in facts["tags"]
    assert facts["datasets"]
    (model,) = facts["model-index"]
    found = {each["type"]: each["value"] for each in model["results"][0]["metrics"]}
    assert found["mae_s"] == pytest.approx(inputs.whole["mae_s"].value, abs=1e-4)
    assert set(found) == set(facts["metrics"])
    # Every row of a table has as many cells as its heading.
    for block in re.findall(r"(?:^\|.*\n)+", body, re.MULTILINE):
        assert len({line.count("|") - line.count("\\|") for line in block.splitlines()}) == 1
    assert "| straight distance | 41.3 | m | mobilisation | distance_m |" in body
    marked = render_card_markdown(replace(inputs, about=about(is_simulated=True)))
    assert "- simulated-data" in marked


def test_the_card_says_what_the_model_must_not_be_used_for(inputs):
    card = render_model_card(inputs)
    for text in (
        "Not to judge crews",
        "Not to withhold or delay a pump",
        "Not as the number of pumps needed",
        "Not outside London",
        "1,200 s",
        "final one",
        "straight distance",
        "41.3",
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
    assert "How the announced time depends on single features" not in render_model_card(inputs)
    card = render_model_card(replace(inputs, dependences=[one]))
    assert "How the announced time depends on single features" in card
    assert LABELS["nearest_m"] in card
