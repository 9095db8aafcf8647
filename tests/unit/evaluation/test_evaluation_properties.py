"""Whatever the runs and the answers, what is judged is whole."""

import json
import math
from dataclasses import astuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.run_size import examples

from londonpump.domain.json_values import to_json
from londonpump.evaluation.evaluate import evaluate_models
from londonpump.evaluation.evaluation_rows import EvaluationRows, Forecast, first_us_of
from londonpump.evaluation.metrics import most_likely

RUN = st.tuples(
    st.integers(1, 1200), st.integers(0, 5), st.integers(1, 1200), st.sampled_from([0.0, 0.3, 0.5, 1.0])
)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(RUN, min_size=1, max_size=30))
def test_a_handful_of_any_runs_gives_json_and_shares_between_0_and_1(runs):
    actual_s, day, stated_s, p_late = (np.array(column) for column in zip(*runs, strict=True))
    n = len(runs)
    here, code = np.zeros(n), np.full(n, "A21")
    rows = EvaluationRows(
        actual_s.astype(float), day, np.arange(n), {"day": day.astype(str)}, code, here, day, here, here
    )
    median_s = stated_s.astype(float)
    quantiles_s = median_s[:, None] + np.array([-90.0, -60, 0, 60, 90])
    p_over = dict.fromkeys((360, 480, 600, 720), p_late)
    levels = (0.05, 0.1, 0.5, 0.9, 0.95)
    forecast = Forecast(median_s, None, levels, quantiles_s, p_over, p_late, p_late > 0.4)
    found = evaluate_models(rows, {"ours": forecast}, resamples=20, min_rows=2)
    json.dumps(to_json(found), allow_nan=False)
    parts = found.models["ours"]
    assert sum(one.n for one in parts["day"].values()) == parts["all"]["all"].n == n
    for name, stat in parts["all"]["all"].metrics.items():
        bounded = name.endswith(("_share", "_auc", "_brier", "_ece", "_rate", "_precision", "_recall"))
        ends = [end for end in astuple(stat) if end is not None] if bounded else []
        assert all(-1e-9 <= end <= 1 + 1e-9 for end in ends), name


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.01, 0.5))
def test_a_warning_flags_nothing_less_likely_than_what_it_leaves(probabilities, share):
    p_late = np.array(probabilities)
    flagged = most_likely(p_late, share)
    lowest = p_late[flagged].min(initial=math.inf)
    assert lowest > p_late[~flagged].max(initial=-math.inf) or not flagged.any()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 100)), max_size=40), st.integers(0, 100))
def test_a_split_by_time_never_divides_an_incident(rows, timestamp_s):
    incident = np.array([row[0] for row in rows], np.int64)
    at = np.array([row[1] for row in rows], np.int64)
    later = first_us_of(incident, at) >= timestamp_s
    for code in np.unique(incident):
        own = incident == code
        assert (later[own] == (at[own].min() >= timestamp_s)).all()
