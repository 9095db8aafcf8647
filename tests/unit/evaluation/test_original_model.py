"""The original model: the same numbers as the class the original used, and an answer for every row."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import PassiveAggressiveRegressor, SGDRegressor

from londonpump.domain.errors import BadValue, TooFewRows
from londonpump.evaluation.original_model import (
    CS,
    FEATURES,
    RowLimits,
    build_design,
    fit_encoding,
    fit_original_model,
    median_and_best,
)

STATIONS = np.array(["A21", "G30", "H27", "H41"], dtype=object)


def pumps(n, seed=0):
    """n made runs with every feature of the original, and their attendance seconds."""
    rng = np.random.default_rng(seed)
    distance_km = rng.gamma(2.0, 1.0, n)
    station = rng.integers(0, 4, n)
    columns = {
        "deployed_from": rng.choice(["Home Station", "Other Station"], n).astype(object),
        "appliance": rng.choice(["Pump Dual Ladder", "Pump Ladder"], n).astype(object),
        "property_category": rng.choice(["Dwelling", "Outdoor", "Road Vehicle"], n).astype(object),
        "address_qualifier": rng.choice(["Correct incident location", "Within same building"], n).astype(
            object
        ),
        "incident_type": rng.choice(np.array(["Fire", "Local Emergencies", None], dtype=object), n),
        "conditions": rng.choice(["Clear", "Rain"], n).astype(object),
        "home_station_code": STATIONS[station],
        "ground_code": STATIONS[rng.integers(0, 4, n)],
        "ground_pumps_available": rng.integers(0, 3, n).astype(float),
        "distance_km": distance_km,
        "pumps_out": rng.integers(0, 40, n).astype(float),
        "temp_c": rng.normal(11, 6, n),
        "precip_mm": rng.exponential(0.2, n),
        "cloudcover_pct": rng.uniform(0, 100, n),
        "visibility_km": rng.uniform(1, 40, n),
        "congestion_rate": rng.uniform(0, 1, n),
        "month": rng.integers(1, 13, n).astype(float),
        "is_working_day": rng.integers(0, 2, n).astype(bool),
        "is_school_holiday": rng.integers(0, 2, n).astype(bool),
    }
    return columns, 180 + 80 * distance_km + 15 * station + rng.gamma(2.0, 30.0, n)


Rows = tuple[dict[str, np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def rows():
    return pumps(3000)


@pytest.fixture(scope="module")
def recipe(rows: Rows):
    return fit_original_model(*rows, seeds=range(3), groups=np.arange(3000) // 2)


def one_row(rows, **changed):
    return {name: values[:1] for name, values in rows[0].items()} | {
        name: np.array([value], dtype=object) for name, value in changed.items()
    }


@pytest.mark.filterwarnings("ignore:Class PassiveAggressiveRegressor is deprecated:FutureWarning")
@pytest.mark.parametrize("c", [CS[0], CS[-1]])
def test_the_step_rule_gives_the_coefficients_of_the_original_class(rows, c):
    columns, seconds = rows
    design = build_design(fit_encoding(columns), columns)
    ours = SGDRegressor(
        loss="epsilon_insensitive", penalty=None, learning_rate="pa1", eta0=c, epsilon=0.1, random_state=4
    ).fit(design, seconds)
    original = PassiveAggressiveRegressor(C=c, random_state=4).fit(design, seconds)
    assert np.array_equal(ours.coef_, original.coef_)


@pytest.mark.filterwarnings("ignore:Class PassiveAggressiveRegressor is deprecated:FutureWarning")
def test_the_recipe_answers_as_the_original_class_does_on_dense_rows(rows, recipe):
    columns, seconds = rows
    dense = build_design(recipe.encoding, columns)[:, :-1].toarray()
    for index, seed in enumerate(recipe.seeds):
        original = PassiveAggressiveRegressor(C=recipe.c, random_state=seed).fit(dense, seconds)
        assert recipe.predict(columns, index) == pytest.approx(original.predict(dense), abs=0.1)


def test_the_coded_rows_are_those_of_the_original_preprocessing(rows):
    columns, _ = rows
    encoding = fit_encoding(columns)
    dense = build_design(encoding, columns)[:, :-1].toarray()
    texts, distance = sum(len(text.categories) for text in encoding.texts), columns["distance_km"]
    assert (dense[:, :texts].sum(axis=1) == len(encoding.texts)).all()
    assert dense[:, texts] == pytest.approx((distance - distance.mean()) / distance.std())
    assert np.array_equal(dense[:, -3], columns["month"])
    assert np.array_equal(dense[:, -2], columns["is_working_day"])


def test_pumps_available_are_text_as_in_the_original(rows, recipe):
    available = next(text for text in recipe.encoding.texts if text.name == "ground_pumps_available")
    assert available.categories == ("0", "1", "2")
    assert recipe.predict(one_row(rows, ground_pumps_available="2")) == pytest.approx(
        recipe.predict(one_row(rows, ground_pumps_available=2.0)), abs=0.0
    )


def test_the_same_rows_and_seeds_give_the_same_recipe(rows: Rows, recipe):
    again = fit_original_model(*rows, seeds=range(3), groups=np.arange(3000) // 2)
    assert again.encoding == recipe.encoding
    assert np.array_equal(again.coefficients, recipe.coefficients)
    assert np.array_equal(again.intercepts_s, recipe.intercepts_s)


def test_the_answer_needs_no_scikit_learn():
    program = "import sys; sys.modules['sklearn'] = None; import londonpump.models.train"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_it_learns_the_distance(rows, recipe):
    later, seconds = pumps(2000, seed=9)
    assert np.abs(recipe.predict(later) - seconds).mean() < 0.55 * np.abs(seconds - np.median(rows[1])).mean()


def test_the_typical_seed_has_the_median_training_error(rows, recipe):
    training_mae_s = np.abs(recipe.predict_all(rows[0]) - rows[1]).mean(axis=1)
    assert recipe.training_mae_s == pytest.approx(training_mae_s)
    assert training_mae_s[recipe.typical_index] == pytest.approx(np.median(training_mae_s))
    assert np.array_equal(recipe.predict(rows[0]), recipe.predict_all(rows[0])[recipe.typical_index])


def test_c_is_the_one_with_the_least_error_over_the_folds(recipe):
    assert set(recipe.cv_mae_s) == set(CS)
    assert recipe.cv_mae_s[recipe.c] == min(recipe.cv_mae_s.values())


def test_the_recipe_is_quoted_as_median_and_best_of_its_seeds():
    assert median_and_best([75.0, 71.0, 167.0]) == (75.0, 71.0)


@pytest.mark.parametrize("value", ["Narrowboat", None, ""])
def test_a_category_training_never_saw_adds_nothing(rows, recipe, value):
    property_category = next(text for text in recipe.encoding.texts if text.name == "property_category")
    known = [
        recipe.predict_all(one_row(rows, property_category=name)) for name in property_category.categories
    ]
    offset = sum(len(text.categories) for text in recipe.encoding.texts[:2])
    without = known[0][:, 0] - recipe.coefficients[:, offset]
    assert recipe.predict_all(one_row(rows, property_category=value))[:, 0] == pytest.approx(without)


def test_a_null_seen_in_training_is_a_category_of_its_own(recipe):
    incident_type = next(text for text in recipe.encoding.texts if text.name == "incident_type")
    assert incident_type.categories == ("", "Fire", "Local Emergencies")


def test_a_null_number_counts_as_the_training_mean(rows, recipe):
    mean_temp_c = rows[0]["temp_c"].mean()
    assert recipe.predict(one_row(rows, temp_c=None)) == pytest.approx(
        recipe.predict(one_row(rows, temp_c=mean_temp_c))
    )


def test_a_column_missing_at_prediction_counts_as_null(rows, recipe):
    without = {name: values for name, values in one_row(rows).items() if name != "pumps_out"}
    assert np.array_equal(recipe.predict(without), recipe.predict(one_row(rows, pumps_out=None)))


def test_incident_records_alone_leave_features_out_and_say_so(rows):
    columns, seconds = rows
    fewer = {name: values for name, values in columns.items() if name != "congestion_rate"}
    fewer |= {"appliance": np.full(3000, None, dtype=object), "pumps_out": np.full(3000, np.nan)}
    fitted = fit_original_model(fewer, seconds, seeds=[0])
    assert set(fitted.encoding.absent) == {"appliance", "pumps_out", "congestion_rate"}
    assert fitted.coefficients.shape == (1, fitted.encoding.width)
    assert np.isfinite(fitted.predict(columns)).all()


def test_a_month_that_never_changed_says_nothing_about_the_next(rows):
    january = rows[0] | {"month": np.ones(3000)}
    february = rows[0] | {"month": np.full(3000, 2.0)}
    fitted = fit_original_model(january, rows[1], seeds=[0])
    assert "month" in fitted.encoding.absent
    assert np.array_equal(fitted.predict(february), fitted.predict(january))


def test_nothing_is_absent_where_every_feature_is_there(recipe):
    assert recipe.encoding.absent == ()
    assert {c.name for c in recipe.encoding.texts + recipe.encoding.numbers} == set(FEATURES)


def test_columns_of_other_names_are_not_looked_at(rows, recipe):
    more = rows[0] | {"attendance_s": np.full(3000, np.inf), "turnout_s": np.zeros(1)}
    assert np.array_equal(recipe.predict(more), recipe.predict(rows[0]))


def test_fewer_rows_are_drawn_where_a_limit_is_set(rows: Rows):
    limits = RowLimits(max_cv_rows=300, max_fit_rows=901)
    fitted = fit_original_model(*rows, seeds=[0], groups=np.arange(3000) // 2, limits=limits)
    assert fitted.rows == 900


def test_incidents_stay_whole_in_a_fold(rows):
    columns, seconds = (
        {name: np.tile(values[:300], 2) for name, values in rows[0].items()},
        np.tile(rows[1][:300], 2),
    )
    noise = {"ground_code": np.array([f"X{i}" for i in range(300)] * 2, dtype=object)}
    apart = fit_original_model(columns | noise, seconds, seeds=[0])
    whole = fit_original_model(columns | noise, seconds, seeds=[0], groups=np.tile(np.arange(300), 2))
    assert min(whole.cv_mae_s.values()) > 1.1 * min(apart.cv_mae_s.values())


def test_too_few_rows_are_refused(rows):
    with pytest.raises(TooFewRows, match="29 training rows"):
        fit_original_model({name: values[:29] for name, values in rows[0].items()}, rows[1][:29])


def test_two_incidents_are_too_few_to_choose_c(rows: Rows):
    with pytest.raises(TooFewRows, match="2 incidents"):
        fit_original_model(*rows, groups=np.arange(3000) % 2)


def test_a_few_rows_that_do_not_settle_in_a_thousand_passes_are_fitted_as_they_stand(rows):
    fitted = fit_original_model(
        {name: values[:30] for name, values in rows[0].items()}, rows[1][:30], seeds=[0]
    )
    assert 0 < fitted.epochs[0] <= 1000


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"distance_km": np.full(3000, np.inf)}, "distance_km inf"),
        ({"temp_c": np.full(3000, "warm", dtype=object)}, "temp_c"),
        ({"temp_c": np.zeros(7)}, "one length"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(rows, changed, message):
    with pytest.raises(BadValue, match=message):
        fit_original_model(rows[0] | changed, rows[1])


def test_rows_without_a_time_are_refused(rows):
    with pytest.raises(BadValue, match="attendance_s 1"):
        fit_original_model(rows[0], np.append(rows[1][1:], np.nan))


def test_times_of_another_length_are_refused(rows):
    with pytest.raises(BadValue, match="3000 rows"):
        fit_original_model(rows[0], rows[1][:-1])


def test_a_recipe_without_a_feature_is_refused(rows):
    with pytest.raises(BadValue, match="none of the original's features"):
        fit_original_model({"weekday": np.zeros(3000)}, rows[1])
    with pytest.raises(BadValue, match="every feature of the original is null"):
        fit_original_model({"temp_c": np.full(3000, np.nan)}, rows[1])


def test_a_recipe_without_a_seed_is_refused(rows: Rows):
    with pytest.raises(BadValue, match="seeds"):
        fit_original_model(*rows, seeds=[])


@pytest.mark.parametrize("index", [-1, 3])
def test_a_seed_that_was_not_fitted_is_refused(rows, recipe, index):
    with pytest.raises(BadValue, match="seed_index"):
        recipe.predict(rows[0], index)
