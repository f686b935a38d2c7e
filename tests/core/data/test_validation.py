from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.data.schema import Column
from dnn_sweep.core.data.validation import fingerprint, validate_table
from dnn_sweep.core.errors import SweepError
from dnn_sweep.parameters import DataParameters, SplitParameters


def table(**columns: object) -> pd.DataFrame:
    rows = 30
    frame = pd.DataFrame(
        {
            "age": np.arange(rows, dtype=float),
            "city": ["Seoul", "Busan", "Jeju"] * 10,
            "member": [True, False] * 15,
            "label": ["yes", "no", "no"] * 10,
        }
    )
    return frame.assign(**columns)


def validate(frame: pd.DataFrame, **data: object):
    given = DataParameters(**({"target": "label"} | data))
    return validate_table(frame, given, SplitParameters())


def test_kinds_task_and_classes_are_inferred():
    clean, schema = validate(table())

    assert schema.features == (
        Column(name="age", kind="numeric"),
        Column(name="city", kind="categorical"),
        Column(name="member", kind="boolean"),
    )
    assert schema.task == "binary"
    assert schema.classes == ("no", "yes")
    assert schema.rows == 30
    assert clean.index.name == "row_id"


@pytest.mark.parametrize(
    ("target", "task"),
    [
        ([0, 1, 2] * 10, "multiclass"),
        ([0, 1] * 15, "binary"),
        ([True, False] * 15, "binary"),
        (np.arange(30), "regression"),
        (np.arange(30) / 7, "regression"),
        ([0.5, 1.5] * 15, "regression"),
        (["a", "b", "c"] * 10, "multiclass"),
        ([f"{i / 7:.3f}" for i in range(30)], "regression"),
        ([Decimal(i) / 8 for i in range(30)], "regression"),
    ],
)
def test_task_is_inferred_from_the_target(target, task):
    assert validate(table(label=target))[1].task == task


def test_dates_beside_times_are_left_out():
    both = [datetime(2020, 1, 1, 3), time(3, 4)] * 15
    assert "times and spans of time" in validate(table(when=both))[1].dropped["when"]


@pytest.mark.parametrize(
    "days",
    [
        [date(2020, 1, 1)] * 15 + [date(2021, 2, 1)] * 15,
        pd.to_datetime(["2020-01-01", "2021-02-01"] * 15),
        ["2020-01-01", "2021-02-01"] * 15,
        ["1 Jan 2020", "1 Feb 2021"] * 15,
    ],
)
def test_dates_of_any_type_become_their_parts(days):
    _, schema = validate(table(when=days))
    (when,) = (each for each in schema.features if each.name == "when")
    assert (when.kind, when.parts) == ("date", ("year", "month", "weekday", "elapsed"))
    assert validate(table(when=days), dates="drop")[1].dropped["when"].startswith("dates are left")
    assert validate(table(when=days), dates="text")[1].kinds["when"] == "categorical"


def test_classes_of_mixed_types_become_text_in_order():
    clean, schema = validate(table(label=[1, "a", 2.5] * 10))
    assert schema.classes == ("1", "2.5", "a")
    assert clean["label"].tolist()[:3] == ["1", "a", "2.5"]
    assert validate(table(label=[True, 1, "x"] * 10))[1].classes == ("1", "True", "x")


def test_a_category_of_mixed_types_becomes_text_that_can_be_stored(tmp_path):
    clean, schema = validate(table(code=[1, "a", 2.0, None, 2.5] * 6))
    assert Column(name="code", kind="categorical") in schema.features
    assert clean["code"].dropna().tolist() == ["1", "a", "2", "2.5"] * 6
    clean.to_parquet(tmp_path / "table.parquet")


def test_task_can_be_overridden():
    assert validate(table(label=[0, 1, 2] * 10), task="regression")[1].task == "regression"


def test_numbers_can_be_declared_categories():
    _, schema = validate(table(code=[10, 20, 30] * 10), categorical=["code"])
    assert Column(name="code", kind="categorical") in schema.features


def test_booleans_with_gaps_stay_booleans():
    _, schema = validate(table(flag=[True, None, False] * 10))
    assert Column(name="flag", kind="boolean") in schema.features


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ([1.0] * 30, "every value is 1.0"),
        ([7.0] * 29 + [None], "every value that is not missing is 7.0"),
        ([f"id-{i}" for i in range(29)] + ["id-0"], "nearly every row has a value of its own"),
        ([timedelta(3)] * 15 + [timedelta(4)] * 15, "times and spans of time"),
        ([None] * 30, "every value is missing"),
        ([f"id-{i}" for i in range(30)], "every row has a value of its own"),
    ],
)
def test_useless_columns_are_dropped_with_the_reason(column, reason):
    clean, schema = validate(table(extra=column))

    assert reason in schema.dropped["extra"]
    assert "extra" not in clean


def test_decimals_become_numbers():
    clean, schema = validate(table(price=[Decimal(i) / 4 for i in range(30)]))
    assert Column(name="price", kind="numeric") in schema.features
    assert clean["price"].dtype == np.float64


def test_a_category_with_gaps_is_not_constant():
    _, schema = validate(table(flag=["on"] * 15 + [None] * 15))
    assert Column(name="flag", kind="categorical") in schema.features


def test_constant_pixels_of_an_image_are_kept():
    pixels = pd.DataFrame({"p0": [0] * 30, "p1": range(30), "label": ["a", "b"] * 15})
    _, schema = validate(pixels, image_shape=[1, 2])
    assert schema.feature_names == ["p0", "p1"]
    assert schema.dropped == {}
    assert (schema.rank, schema.shape) == ("image", (1, 2, 1))


def test_a_tables_row_is_as_long_as_it_has_features():
    _, schema = validate(table())
    assert (schema.rank, schema.shape) == ("table", (len(schema.features),))


@pytest.mark.parametrize(
    ("frame", "data", "message"),
    [
        (table().head(0), {}, "the table has no rows"),
        (table(), {"target": None}, r"--params=data\.target=<column>; columns: age, city"),
        (table(), {"target": "lable"}, r"data\.target: unknown column 'lable'.*mean 'label'"),
        (table(), {"ignore": ["cty"]}, r"data\.ignore: unknown column 'cty'.*mean 'city'"),
        (table(), {"split_column": "part"}, r"data\.split_column: unknown column 'part'"),
        (table(), {"ignore": ["label"]}, "leaves out the target"),
        (table(label="yes"), {}, r"'label' holds one class only \('yes'\)"),
        (
            table(label=[None, *["a", "b", "c"] * 9, "a", "b"]),
            {},
            r"'label' is missing in 1 of 30 rows \(rows 0\)",
        ),
        (
            table(label=[1.5, np.nan, *np.arange(28)]),
            {},
            r"'label' is missing in 1 of 30 rows \(rows 1\)",
        ),
        (table(label=[1.5, np.inf, *np.arange(28)]), {}, "'label', row 1: inf is not finite"),
        (table(label=["a", "b", "c"] * 10), {"task": "binary"}, "binary but .* holds 3 classes"),
        (
            table(label=["1", "two", "3"] * 10),
            {"task": "regression"},
            "'label', row 1: 'two' where a regression needs a number",
        ),
        (table(label=7.0), {"task": "regression"}, "'label' is 7 in every row"),
        (
            table(age=["31"] * 17 + ["unknown"] + ["42"] * 12),
            {},
            "column 'age': 29 of 30 values are numbers; row 17 is 'unknown'",
        ),
        (
            pd.DataFrame({"constant": [1] * 4, "label": ["a", "b"] * 2}),
            {},
            "no feature column is left .* 'constant': every value is 1",
        ),
        (table(age=[[1]] * 30), {}, "column 'age', row 0: a list where one value is expected"),
        (table(label=pd.date_range("2020-01-01", periods=30)), {}, "'label' holds dates or times"),
        (table(part=["train", "tset", "test"] * 10), {"split_column": "part"}, "row 1.*'tset'"),
        (table(part="train"), {"split_column": "part"}, "marks no row as 'test'"),
        (table(), {"image_shape": [2, 2]}, "means 4 pixels, but there are 3 feature columns"),
    ],
)
def test_bad_tables_are_refused_with_the_place(frame, data, message):
    with pytest.raises(SweepError, match=message):
        validate(frame, **data)


def test_duplicate_columns_are_refused():
    frame = table()
    frame.columns = ["age", "age", "member", "label"]
    with pytest.raises(SweepError, match="more than once: age"):
        validate(frame)


def test_fingerprint_sees_values_names_and_order():
    frame = table()
    changed = frame.copy()
    changed.loc[3, "age"] = 99.0
    renamed = frame.rename(columns={"age": "years"})

    prints = {fingerprint(each) for each in (frame, changed, renamed, frame.iloc[::-1])}
    assert len(prints) == 4
    assert fingerprint(frame) == fingerprint(table())


def test_a_column_of_weights_is_no_feature():
    clean, schema = validate(table(w=["0.5", "2", "0"] * 10), sample_weight="w")

    assert schema.sample_weight == "w"
    assert "w" not in schema.feature_names
    assert clean["w"].tolist() == [0.5, 2, 0] * 10
    assert validate(table(w=1.0), sample_weight="w")[1].dropped == {}


@pytest.mark.parametrize(
    ("weights", "shown"),
    [
        ([1.0] * 29 + [None], "29: nan"),
        ([1.0] * 29 + [np.inf], "29: inf"),
        ([1.0] * 29 + [-0.5], "29: -0.5"),
        ([1.0] * 29 + [1e39], r"29: 1e\+39"),  # infinite in single precision
        (["1"] * 29 + ["much"], "29: 'much'"),
    ],
)
def test_a_weight_that_weighs_nothing_known_is_refused(weights, shown):
    message = rf"data\.sample_weight: column 'w', row {shown} where a weight is expected"
    with pytest.raises(SweepError, match=message):
        validate(table(w=weights), sample_weight="w")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"sample_weight": "wt"}, r"data\.sample_weight: unknown column 'wt'.*mean 'w'"),
        ({"sample_weight": "label"}, r"data\.sample_weight: 'label' is also named by data\.target"),
        (
            {"sample_weight": "w", "ignore": ["w"]},
            r"data\.sample_weight: 'w' is also named by data\.ignore",
        ),
        (
            {"sample_weight": "part", "split_column": "part"},
            r"'part' is also named by data\.split_column",
        ),
        ({"sample_weight": "member"}, "column 'member' holds true and false"),
    ],
)
def test_a_column_of_weights_serves_for_nothing_else(data, message):
    with pytest.raises(SweepError, match=message):
        validate(table(w=1.0, part=["train", "train", "test"] * 10), **data)
