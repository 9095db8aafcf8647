"""The strongest features, by the contributions of the trees, and their plot."""

from base64 import b64decode

import numpy as np
import pytest

from londonpump.features.catalogue import LABELS
from londonpump.models.explanations import Dependence, strongest_dependences
from londonpump.presentation.report.dependence import draw_dependence


def a_feature(name="nearest_m", values=None, categories=()):
    values = np.linspace(0, 900, 300) if values is None else values
    return Dependence(name, "m", values, np.linspace(-12, 12, len(values)), categories)


def test_the_strongest_features_come_first_and_are_those_of_the_boosters(small_bundle, small_examples):
    rows = {name: values[:200] for name, values in small_examples.rows.items()}
    dispatches = small_bundle.dispatches(rows)
    found = strongest_dependences(small_bundle.response, dispatches)
    assert len(found) == 10
    strengths = [one.strength_s for one in found]
    assert strengths == sorted(strengths, reverse=True)
    assert strengths[0] > 1
    every = strongest_dependences(small_bundle.response, dispatches, 1000)
    assert {one.name for one in every} == set(small_bundle.response.names)
    # with the expected value of the trees, the contributions are what the trees predict
    table = small_bundle.response.table(dispatches)
    predicted_s = np.mean([booster.predict(table) for booster in small_bundle.response.centre], axis=0)
    rest_s = predicted_s - np.sum([one.seconds for one in every], axis=0)
    assert rest_s == pytest.approx(rest_s[0])


def test_at_most_two_thousand_rows_are_explained(small_bundle, small_examples):
    many = np.resize(np.arange(200), 2500)
    dispatches = small_bundle.dispatches({name: values[many] for name, values in small_examples.rows.items()})
    assert len(strongest_dependences(small_bundle.response, dispatches, 1)[0].seconds) == 2000


def test_the_plot_names_each_feature_its_strength_and_the_categories_of_a_code():
    code = a_feature("incident_type", np.repeat([0.0, 1.0, 2.0, np.nan], 75), ("Fire", "Local Emergencies"))
    unknown = a_feature("temp_c", np.full(20, np.nan))
    (drawing,) = draw_dependence([a_feature(), code, unknown])
    drawn = b64decode(str(drawing.svg).partition("base64,")[2].partition('"')[0]).decode()
    for name in ("nearest_m", "incident_type", "temp_c"):
        assert LABELS[name] in drawn, name
    for text in ("(6.0 s)", "Fire", "Local Emergenci…", "other"):
        assert text in drawn, text
    assert "300 evaluated dispatches" in drawing.reading
    assert draw_dependence([]) == []
