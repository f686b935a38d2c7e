import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.data.preprocessing import (
    coerce_columns,
    encode_target,
    fit_preprocessor,
    scale_features,
)
from dnn_sweep.core.data.schema import Column, Schema, TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.parameters import ScalingParameters

SCHEMA = Schema(
    task="binary",
    target="label",
    classes=("no", "yes"),
    features=(
        Column(name="age", kind="numeric"),
        Column(name="member", kind="boolean"),
        Column(name="city", kind="categorical"),
    ),
    rows=4,
    fingerprint="",
)
ROWS = pd.DataFrame(
    {
        "city": ["Seoul", None, "Busan", "Seoul"],
        "age": [20.0, np.nan, 40.0, 60.0],
        "member": [True, None, False, True],
        "label": ["yes", "no", "no", "yes"],
    }
)


def scale(train: pd.DataFrame, rows: pd.DataFrame, **scaling: object) -> pd.DataFrame:
    fitted, _ = fit_preprocessor(train, SCHEMA, ScalingParameters(**scaling))
    return scale_features(rows, fitted, SCHEMA)


def test_columns_are_imputed_scaled_and_encoded():
    scaled = scale(ROWS, ROWS, numeric="minmax")

    assert scaled.columns.tolist() == [
        "numeric__age",
        "boolean__member",
        "categorical__city_Busan",
        "categorical__city_Seoul",
        "categorical__city_missing",
    ]
    assert scaled["numeric__age"].tolist() == [0.0, 0.5, 0.5, 1.0]
    assert scaled["boolean__member"].tolist() == [1.0, 1.0, 0.0, 1.0]
    assert scaled["categorical__city_missing"].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert set(scaled.dtypes) == {np.dtype("float32")}


def test_standard_scaling_has_mean_zero_and_variance_one_on_the_training_rows():
    age = scale(ROWS, ROWS)["numeric__age"]
    assert age.mean() == pytest.approx(0, abs=1e-6)
    assert age.std(ddof=0) == pytest.approx(1, rel=1e-6)


def test_scaling_none_leaves_numbers_alone():
    assert scale(ROWS, ROWS, numeric="none")["numeric__age"].tolist() == [20, 40, 40, 60]


def test_scaling_is_fitted_on_the_training_rows_only():
    beyond = ROWS.assign(age=[100.0, 20.0, 60.0, 40.0])
    assert scale(ROWS, beyond, numeric="minmax")["numeric__age"].tolist() == [2.0, 0.0, 1.0, 0.5]


def test_an_unseen_category_is_no_category():
    scaled = scale(ROWS, ROWS.assign(city="Atlantis"))
    assert (scaled.filter(like="city") == 0).all(axis=None)


def test_infinities_count_as_gaps():
    assert coerce_columns(ROWS.assign(age=[np.inf, -np.inf, 1, 2]), SCHEMA)["age"].isna().sum() == 2


@pytest.mark.parametrize("values", [["True", "false", "TRUE", None], [1, 0, 1, None]])
def test_booleans_are_read_from_text_and_numbers(values):
    member = coerce_columns(ROWS.assign(member=values), SCHEMA)["member"]
    assert member.fillna(-1).tolist() == [1, 0, 1, -1]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("age", ["20", "old", "40", None], "column 'age', row 1: 'old' where a number"),
        ("member", ["true", "false", "maybe", None], "'member', row 2: 'maybe' where true or"),
    ],
)
def test_text_where_numbers_are_expected_is_refused(column, values, message):
    with pytest.raises(SweepError, match=message):
        coerce_columns(ROWS.assign(**{column: values}), SCHEMA)


def test_classes_are_encoded_by_position():
    encoded = encode_target(ROWS["label"], SCHEMA, TargetScaling())
    assert encoded.tolist() == [1, 0, 0, 1]
    assert encoded.dtype == np.int32


def test_a_regression_target_is_standardised_with_the_training_rows():
    schema = SCHEMA.model_copy(update={"task": "regression", "target": "t", "classes": ()})
    train = ROWS.assign(t=[10.0, 20.0, 20.0, 30.0])
    _, scaling = fit_preprocessor(train, schema, ScalingParameters())
    encoded = encode_target(pd.Series([20.0, 40.0]), schema, scaling)

    assert scaling.mean == 20
    assert encoded[0] == 0
    assert encoded[1] * scaling.scale + scaling.mean == pytest.approx(40)
    _, unscaled = fit_preprocessor(train, schema, ScalingParameters(scale_target=False))
    assert unscaled == TargetScaling()


@pytest.mark.parametrize(
    ("codes", "spelled"),
    [
        ([1, 2, 3, 4], ["1", "2", "3", "4"]),
        ([1, 2, None, 4], ["1", "2", "missing", "4"]),
        ([1, 2.5, None, 4], ["1", "2.5", "missing", "4"]),  # a fraction changes no other's text
        (np.float32([1, 2.1, 3, 4]), ["1", "2.1", "3", "4"]),
        (pd.array([1, None, 3, 4], dtype="Int64"), ["1", "missing", "3", "4"]),
        ([1, "1.0", True, 2.0], ["1", "1.0", "True", "2"]),
        (np.array([1e16, 1, 2, 3]), ["10000000000000000", "1", "2", "3"]),
        ([np.inf, 1, 2, 3], ["inf", "1", "2", "3"]),
    ],
)
def test_a_category_is_spelled_by_its_value_not_by_the_column_around_it(codes, spelled):
    assert coerce_columns(ROWS.assign(city=codes), SCHEMA)["city"].tolist() == spelled


def test_a_code_with_gaps_and_fractions_in_one_split_only_is_known_in_the_other():
    train = ROWS.assign(city=[1.0, 2.5, np.nan, 3.0])
    scaled = scale(train, ROWS.assign(city=[3, 1, 3, 1])).filter(like="city")
    assert scaled.columns.tolist() == [
        f"categorical__city_{v}" for v in ("1", "2.5", "3", "missing")
    ]
    assert scaled.to_numpy().argmax(axis=1).tolist() == [2, 0, 2, 0]
    assert (scaled.sum(axis=1) == 1).all()


def test_a_date_becomes_its_parts_and_a_gap_their_medians():
    when = Column(name="when", kind="date", parts=("month", "elapsed"))
    schema = SCHEMA.model_copy(update={"features": (when,)})
    days = ["1970-01-02", "1970-02-01", None, "1970-04-01T12:00"]
    train = ROWS.assign(when=pd.to_datetime(days, format="ISO8601"))
    fitted, _ = fit_preprocessor(train, schema, ScalingParameters(numeric="none"))
    scaled = scale_features(train, fitted, schema)

    assert scaled["numeric__when (month)"].tolist() == [1, 2, 2, 4]
    assert scaled["numeric__when (elapsed)"].tolist() == [1, 31, 31, 90.5]
    # Text is read as it was recorded, or as programs write dates.
    text = ROWS.assign(when=["1970-01-02T00:00:00Z", "1970-02-01", "?", "1970-04-01 12:00:00"])
    pd.testing.assert_frame_equal(scale_features(text, fitted, schema), scaled)
    with pytest.raises(SweepError, match="column 'when', row 1: 'soon' where a date"):
        scale_features(ROWS.assign(when=["1970-01-02", "soon", None, None]), fitted, schema)


def test_rare_and_unseen_categories_share_an_input_with_a_warning(caplog):
    train = pd.concat([ROWS.assign(city=city) for city in ["a", "a", "b", "b", "c", "d"]])
    scaled = scale(train, ROWS.assign(city=["a", "b", "d", "never"]), max_categories=3)
    names = [f"categorical__city_{each}" for each in ("a", "b", "infrequent_sklearn")]
    assert scaled[names].to_numpy().argmax(axis=1).tolist() == [0, 1, 2, 2]
    assert scaled.filter(like="city").shape[1] == 3
    assert "Column 'city' has 4 categories: the 2 most frequent become an input each" in caplog.text


def test_a_free_text_becomes_a_few_inputs_by_its_words():
    columns = (Column(name="city", kind="numeric"), Column(name="note__1", kind="text"))
    schema = SCHEMA.model_copy(update={"features": columns})
    notes = ["red house, garden", "a garden", "red house", None, "blue boat", "boat and harbour"]
    rows = pd.DataFrame({"city": range(6), "note__1": notes})
    fitted, _ = fit_preprocessor(rows, schema, ScalingParameters(text_inputs=2))
    scaled = scale_features(rows, fitted, schema)
    assert scaled.shape == (6, 3)
    assert np.allclose(scaled.mean(), 0, atol=1e-6)
    again = rows.assign(note__1=["RED house: garden!", "", " ", "zebra", "sea", "boat"])
    found = scale_features(again, fitted, schema).to_numpy()[:, 1:]
    assert np.allclose(found[0], scaled.iloc[0, 1:])
    assert np.allclose(found[1:5], scaled.iloc[3, 1:])
    # Texts that are alike have fewer inputs, not the rounding that is left.
    alike = rows.assign(note__1=["red house", "red house", "boat", "boat", None, None])
    fitted, _ = fit_preprocessor(alike, schema, ScalingParameters())
    assert scale_features(alike, fitted, schema).shape == (6, 3)
    with pytest.raises(SweepError, match=r"data\.text: column 'note__1' holds no words"):
        fit_preprocessor(rows.assign(note__1="?!"), schema, ScalingParameters())


def test_numbers_and_spellings_are_read_as_recorded():
    columns = (
        Column(name="age", kind="numeric", decimal=",", thousands=".", unit="%"),
        Column(name="city", kind="categorical", spellings={"oslo": "Oslo"}),
    )
    schema = SCHEMA.model_copy(update={"features": columns, "missing": ("none", "-1")})
    rows = ROWS.assign(age=["1.234,5 %", "7%", "none", "3"], city=[" OSLO", "oslo", "none", "NA"])
    read = coerce_columns(rows, schema)
    assert read["age"].fillna(-1).tolist() == [1234.5, 7, -1, 3]
    assert read["city"].tolist() == ["Oslo", "Oslo", "missing", "NA"]
    assert coerce_columns(rows.assign(age=[-1, 2, 3, 4]), schema)["age"].isna().sum() == 1
