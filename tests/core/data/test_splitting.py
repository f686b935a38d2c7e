import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from dnn_sweep.core.data.folds import assign_folds, divide_once
from dnn_sweep.core.data.preprocessing import fit_preprocessor, scale_rows
from dnn_sweep.core.data.splitting import draw_rows, split_rows
from dnn_sweep.core.data.validation import validate_table
from dnn_sweep.core.errors import SweepError
from dnn_sweep.parameters import DataParameters, ScalingParameters, SplitParameters

DATA = DataParameters(target="label")


def table(rows: int = 200, **columns: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "x": np.arange(rows) / 7,
            "label": np.where(np.arange(rows) % 4 == 0, "rare", "common"),
        }
    ).assign(**columns)


def split(frame: pd.DataFrame, data: DataParameters = DATA, **parameters: object):
    clean, schema = validate_table(frame, data, SplitParameters())
    return split_rows(clean, schema, data, SplitParameters(**parameters))


def test_default_split_is_stratified_60_20_20():
    train, validation, test, _ = split(table())

    assert [len(part) for part in (train, validation, test)] == [120, 40, 40]
    for part in (train, validation, test):
        assert (part["label"] == "rare").mean() == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        ({"validation": 30}, [130, 30, 40]),
        ({"test": 30}, [130, 40, 30]),
        ({"validation": 20, "test": 30}, [150, 20, 30]),
    ],
)
def test_parts_may_be_given_as_numbers_of_rows(given, sizes):
    assert [len(part) for part in split(table(), **given)[:3]] == sizes


def test_a_number_of_rows_is_taken_from_the_training_rows_of_a_given_split():
    frame = table(part=["train"] * 150 + ["test"] * 50)
    data = DataParameters(target="label", split_column="part")
    assert [len(part) for part in split(frame, data, validation=10)[:3]] == [140, 10, 50]


def test_more_rows_than_there_are_cannot_be_divided():
    with pytest.raises(SweepError, match=r"split: 5,000 rows cannot be divided from 160"):
        split(table(), validation=5000)


def test_every_row_is_in_exactly_one_split_and_its_id_is_written_down():
    train, validation, test, ids = split(table())

    assert ids["row_id"].tolist() == list(range(200))
    for name, part in {"train": train, "validation": validation, "test": test}.items():
        assert sorted(part.index) == ids.loc[ids["split"] == name, "row_id"].tolist()


def test_same_seed_same_split_and_another_seed_another():
    first, again, other = (split(table(), seed=seed)[3] for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_a_given_test_split_is_kept():
    frame = table(part=["train"] * 150 + ["test"] * 50)
    data = DataParameters(target="label", split_column="part")
    train, validation, test, _ = split(frame, data)

    assert test.index.tolist() == list(range(150, 200))
    assert (len(train), len(validation)) == (120, 30)
    assert "part" not in train


def test_a_regression_is_split_without_strata():
    train, validation, test, _ = split(table(label=np.arange(200) / 3))
    assert [len(part) for part in (train, validation, test)] == [120, 40, 40]


def test_a_class_with_fewer_rows_than_splits_is_refused_by_name():
    frame = table(label=["lonely", "lonely", *["common"] * 198])
    with pytest.raises(SweepError, match=r"at least 3 rows.*'lonely' \(2\)"):
        split(frame)


def test_rows_that_cannot_be_divided_are_refused():
    with pytest.raises(SweepError, match="cannot be divided"):
        split(table(rows=9, label=["a", "b", "c"] * 3))


def test_max_rows_keeps_the_shares_of_classes_and_of_the_given_split():
    frame = table(rows=1000, part=["train"] * 800 + ["test"] * 200)
    data = DataParameters(target="label", split_column="part", max_rows=100)
    drawn = draw_rows(frame, data, SplitParameters())

    assert len(drawn) == 100
    assert (drawn["part"] == "test").mean() == pytest.approx(0.2)
    assert (drawn["label"] == "rare").mean() == pytest.approx(0.25)
    assert drawn.index.is_monotonic_increasing
    assert drawn.equals(draw_rows(frame, data, SplitParameters()))


def test_max_rows_is_never_exceeded():
    frame = table(rows=300, label=[f"c{i % 20}" for i in range(300)])
    data = DataParameters(target="label", max_rows=230)
    assert len(draw_rows(frame, data, SplitParameters())) == 230


@pytest.mark.parametrize("rare", [1, 5])
def test_max_rows_that_would_lose_a_class_is_refused(rare):
    frame = table(rows=1000, label=["b"] * rare + ["a"] * (1000 - rare))
    data = DataParameters(target="label", max_rows=100)
    with pytest.raises(SweepError, match=r"data\.max_rows: 100 rows"):
        draw_rows(frame, data, SplitParameters())


def test_max_rows_of_a_regression_and_of_a_small_table():
    frame = table(label=np.arange(200) / 3)
    few = DataParameters(target="label", max_rows=20)
    many = DataParameters(target="label", max_rows=500)
    assert len(draw_rows(frame, few, SplitParameters())) == 20
    assert draw_rows(frame, many, SplitParameters()) is frame


def test_fractions_must_leave_rows_to_train_on():
    with pytest.raises(ValueError, match="leave no rows to train on"):
        SplitParameters(validation=0.5, test=0.5)


def test_weights_travel_with_their_rows():
    data = DataParameters(target="label", sample_weight="w")
    parts = split(table(w=np.arange(200) / 2), data)[:3]
    assert [(part["w"] == part.index / 2).all() for part in parts] == [True] * 3


def test_training_rows_that_all_weigh_nothing_are_refused():
    train = split(table())[0].index
    weights = np.ones(200)
    weights[train] = 0
    with pytest.raises(SweepError, match=r"data\.sample_weight: column 'w' is 0 in all 120 train"):
        split(table(w=weights), DataParameters(target="label", sample_weight="w"))


def patients(count=60, visits=5):
    """Rows of patients, of whom each has one label and his own level of `x`."""
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(count), visits)
    return pd.DataFrame(
        {
            "x": who + rng.normal(size=len(who)),
            "patient": [f"p{each}" for each in who],
            "label": np.where(who % 3 == 0, "ill", "well"),
        }
    ).sample(frac=1, random_state=0, ignore_index=True)


def divided(frame, data=None, **split):
    settings = DataParameters(target="label", **(data or {})), SplitParameters(**split)
    clean, schema = validate_table(frame, *settings)
    return split_rows(clean, schema, *settings), schema, settings


def test_the_rows_of_a_group_stay_together_and_the_group_is_no_feature():
    (train, validation, test, ids), schema, _ = divided(patients(), group="patient")
    parts = [set(part["patient"]) for part in (train, validation, test)]
    assert [len(each) for each in parts] == [36, 12, 12]
    assert not (parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2])
    assert schema.feature_names == ["x"]
    assert len(ids) == 300
    shares = [(part["label"] == "ill").mean() for part in (train, validation, test)]
    assert shares == pytest.approx([1 / 3] * 3)


def test_groups_stay_together_in_every_fold_and_among_watched_rows():
    (train, *_), schema, (_, split) = divided(patients(), group="patient", folds=4)
    folds = assign_folds(train, schema, split)
    assert (train.assign(fold=folds["repeat_1"]).groupby("patient")["fold"].nunique() == 1).all()
    matrix = scale_rows(train, *fit_preprocessor(train, schema, ScalingParameters()), schema)
    one = divide_once(matrix, matrix, inner=0.25)
    assert len(one.watched) == 12 * 5
    assert not set(one.watched["group"]) & set(one.train["group"])


def test_a_group_without_a_name_is_refused():
    frame = patients()
    frame.loc[3, "patient"] = None
    with pytest.raises(SweepError, match=r"split\.group: column 'patient' is missing in 1 of 300"):
        divided(frame, group="patient")


@pytest.mark.parametrize("key", ["group", "time"])
def test_a_column_that_divides_rows_is_named_once_and_exists(key):
    with pytest.raises(SweepError, match=rf"split\.{key}.*mean 'patient'"):
        divided(patients(), **{key: "patiemt"})
    with pytest.raises(SweepError, match=rf"split\.{key}: 'label' is also named by data\.target"):
        divided(patients(), **{key: "label"})


@pytest.mark.parametrize("as_text", [False, True])
def test_the_past_is_trained_on_and_the_latest_rows_are_tested(as_text):
    frame = patients()
    days = np.random.default_rng(1).permutation(np.repeat(np.arange(100), 3))
    frame["day"] = days
    if as_text:
        frame["day"] = (pd.Timestamp("2026-01-01") + pd.to_timedelta(days, "D")).strftime(
            "%Y-%m-%d"
        )
    (train, validation, test, _), schema, _ = divided(frame, time="day")
    assert train["day"].max() < validation["day"].min()
    assert validation["day"].max() < test["day"].min()
    assert [len(part) for part in (train, validation, test)] == [180, 60, 60]
    assert "day" not in schema.feature_names


def test_a_column_without_an_order_is_refused_as_time():
    with pytest.raises(SweepError, match=r"split\.time: column 'patient', row 0: 'p\d+' where"):
        divided(patients(), time="patient")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"time": "day", "folds": 4}, "split.time forbids"),
        ({"time": "day", "group": "patient"}, "exclude each other"),
    ],
)
def test_what_contradicts_a_split_in_time_is_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        SplitParameters(**given)


def test_rows_that_repeat_another_one_lie_on_its_side():
    frame = patients().drop(columns="patient")
    frame = pd.concat([frame, frame.iloc[:90]], ignore_index=True)
    (*parts, _), schema, _ = divided(frame)
    sides = [set(part["x"]) for part in parts]
    assert not (sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2])
    assert schema.repeated == 90


def test_answers_from_a_few_values_are_no_copies():
    frame = pd.DataFrame({"x": [0, 1] * 50, "z": [0, 0, 1, 1] * 25, "label": ["a", "b"] * 50})
    (train, validation, test, _), schema, _ = divided(frame)
    assert [len(part) for part in (train, validation, test)] == [60, 20, 20]
    assert schema.repeated == 0


def test_rows_that_are_equal_by_chance_are_no_copies():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.integers(0, 6, 400) for name in "abc"})
    frame["label"] = np.where(frame.a + frame.b > 5, "high", "low")
    _, schema, _ = divided(frame)
    assert len(frame.drop_duplicates()) < 200
    assert schema.repeated == 0

    frame["d"] = rng.normal(size=400)
    copied = pd.concat([frame, frame.iloc[:200]], ignore_index=True)
    assert divided(copied)[1].repeated == 200


def test_a_class_without_a_row_in_a_part_stops_the_run():
    frame = pd.DataFrame({"x": np.arange(20.0), "label": ["a"] * 17 + ["b"] * 3})
    with pytest.raises(SweepError, match=r"class 'b' of 'label' has no row in the \w+ part of 4 "):
        divided(frame)
