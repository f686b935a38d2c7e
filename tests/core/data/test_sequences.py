"""A table with one row per step becomes a table with one row per sequence."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.data.arrays import features_and_target
from dnn_sweep.core.data.preprocessing import fit_preprocessor, scale_rows
from dnn_sweep.core.data.splitting import split_rows
from dnn_sweep.core.data.validation import validate_table
from dnn_sweep.core.errors import SweepError
from dnn_sweep.parameters import DataParameters, ScalingParameters, SplitParameters


def long(lengths=(3, 2, 3), **changes):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        [
            {"who": f"p{at}", "day": day, "heat": rng.normal(37), "awake": day % 2 == 0,
             "ill": ["no", "yes"][at % 2]}
            for at, length in enumerate(lengths)
            for day in range(1, length + 1)
        ]
    )  # fmt: skip
    return frame.sample(frac=1, random_state=1).assign(**changes)


def parameters(**sequence):
    return DataParameters(target="ill", sequence={"id": "who", "order": "day"} | sequence)


def validated(frame, **sequence):
    return validate_table(frame, parameters(**sequence), SplitParameters())


def test_a_row_holds_the_steps_of_a_sequence_in_order():
    frame = long()
    table, schema = validated(frame)
    assert schema.feature_names == [f"{n}_{day}" for day in (1, 2, 3) for n in ("heat", "awake")]
    assert (schema.rank, schema.shape, schema.padded) == ("sequence", (3, 2), True)
    assert table.index.tolist() == ["p0", "p1", "p2"]
    second = frame[(frame["who"] == "p2") & (frame["day"] == 2)].iloc[0]
    assert table.loc["p2", "heat_2"] == second["heat"]
    assert table.loc["p2", "awake_2"] == 1.0
    assert table.loc["p1", ["heat_3", "awake_3"]].isna().all()
    assert table["ill"].tolist() == ["no", "yes", "no"]


def test_of_longer_sequences_the_last_steps_are_kept():
    frame = long()
    table, schema = validated(frame, steps=2)
    assert (schema.shape, schema.padded) == ((2, 2), False)
    last = frame[(frame["who"] == "p0") & (frame["day"] == 3)].iloc[0]
    assert table.loc["p0", "heat_2"] == last["heat"]


def test_steps_may_be_ordered_by_dates():
    frame = long()
    days = pd.to_datetime("2026-01-01") + pd.to_timedelta(frame["day"], unit="D")
    expected, _ = validated(frame)
    for dates in (days, days.dt.strftime("%Y-%m-%d")):
        pd.testing.assert_frame_equal(validated(frame.assign(day=dates))[0], expected)


def test_one_scale_for_all_steps_and_exactly_0_for_missing_ones():
    table, schema = validated(long(lengths=[4, 2, 3] * 10))
    parts = split_rows(table, schema, parameters(), SplitParameters())
    preprocessor, target_scaling = fit_preprocessor(parts[0], schema, ScalingParameters())
    matrix = scale_rows(parts[0], preprocessor, target_scaling, schema)
    cells = features_and_target(matrix)[0].reshape(-1, 4, 2)
    raw = parts[0][schema.feature_names].to_numpy().reshape(-1, 4, 2)
    missing = np.isnan(raw).all(axis=2)
    assert missing.any()
    assert (cells[missing] == 0).all()
    assert (cells[~missing] != 0).all()
    heat = raw[..., 0]
    expected = (heat - np.nanmean(heat)) / np.nanstd(heat)
    np.testing.assert_allclose(cells[..., 0], np.nan_to_num(expected), atol=1e-5)


def test_padded_sequences_must_be_standardised():
    table, schema = validated(long())
    with pytest.raises(SweepError, match="minmax does not fit sequences of different lengths"):
        fit_preprocessor(table, schema, ScalingParameters(numeric="minmax"))


@pytest.mark.parametrize("heat", [[-1.0, 0.0, 1.0], [5.0, 5.0, 5.0]])
def test_a_step_that_equals_the_mean_is_no_missing_step(heat):
    frame = long(lengths=[3] * 12).drop(columns="awake")
    given = frame.assign(heat=[heat[day - 1] for day in frame["day"]])
    table, schema = validated(given, steps=4)
    preprocessor, target_scaling = fit_preprocessor(table, schema, ScalingParameters())
    cells = features_and_target(scale_rows(table, preprocessor, target_scaling, schema))[0]
    assert ((cells == 0) == table[schema.feature_names].isna()).all(axis=None)


@pytest.mark.parametrize("numeric", ["standard", "minmax", "none"])
@pytest.mark.parametrize("impute", ["median", "mean"])
def test_a_gap_gets_the_typical_value_of_its_channel(numeric, impute):
    pixels = pd.DataFrame({"a": [0.0, 0.0, 0.0, 9.0], "b": [1.0, 2.0, np.nan, 12.0]})
    data = DataParameters(target="label", image_shape=[1, 2])
    table, schema = validate_table(pixels.assign(label=list("xyxy")), data, SplitParameters())
    scaling = ScalingParameters(numeric=numeric, impute=impute, per="channel")
    preprocessor, target_scaling = fit_preprocessor(table, schema, scaling)
    cells = features_and_target(scale_rows(table, preprocessor, target_scaling, schema))[0]
    known = pixels.to_numpy()[~np.isnan(pixels.to_numpy())]
    typical = {"median": np.median, "mean": np.mean}[impute](known)
    low, spread = {
        "standard": (known.mean(), known.std()),
        "minmax": (known.min(), np.ptp(known)),
        "none": (0, 1),
    }[numeric]
    assert cells[2, 1] == pytest.approx((typical - low) / spread, abs=1e-6)


def test_a_channel_of_the_training_rows_may_be_empty():
    table, schema = validated(long(lengths=[3] * 6))
    table[schema.feature_names[::2]] = np.nan
    preprocessor, target_scaling = fit_preprocessor(table, schema, ScalingParameters())
    matrix = scale_rows(table, preprocessor, target_scaling, schema)
    assert matrix.notna().all(axis=None)


def test_pixels_of_a_channel_share_a_scale():
    rng = np.random.default_rng(0)
    pixels = pd.DataFrame(rng.integers(0, 200, (30, 12)), columns=[f"p{i}" for i in range(12)])
    data = DataParameters(target="label", image_shape=[2, 2, 3])
    table, schema = validate_table(pixels.assign(label=["a", "b"] * 15), data, SplitParameters())
    scaling = ScalingParameters(numeric="minmax", per="channel")
    preprocessor, target_scaling = fit_preprocessor(table, schema, scaling)
    cells = features_and_target(scale_rows(table, preprocessor, target_scaling, schema))[0]
    raw = pixels.to_numpy().reshape(-1, 4, 3)
    low, high = raw.min(axis=(0, 1)), raw.max(axis=(0, 1))
    np.testing.assert_allclose(cells.reshape(-1, 4, 3), (raw - low) / (high - low), atol=1e-6)


def test_pixels_stay_in_order_whatever_they_are_written_as():
    rng = np.random.default_rng(0)
    pixels = pd.DataFrame(rng.integers(0, 2, (30, 4)), columns=list("abcd"))
    mixed = pixels.assign(b=pixels["b"].astype(bool), c=pixels["c"].map({0: "false", 1: "TRUE"}))
    data = DataParameters(target="label", image_shape=[2, 2])
    table, schema = validate_table(mixed.assign(label=["a", "b"] * 15), data, SplitParameters())
    preprocessor, target_scaling = fit_preprocessor(
        table, schema, ScalingParameters(numeric="none", per="column")
    )
    cells = features_and_target(scale_rows(table, preprocessor, target_scaling, schema))[0]
    np.testing.assert_array_equal(cells, pixels)


def test_an_image_has_no_cell_of_text():
    pixels = pd.DataFrame({"a": ["x", "y"] * 5, "b": range(10), "label": [0, 1] * 5})
    with pytest.raises(SweepError, match=r"column 'a', row 0: 'x' where an image needs a number"):
        validate_table(
            pixels, DataParameters(target="label", image_shape=[1, 2]), SplitParameters()
        )


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (long(colour="red"), "column 'colour': the features of a sequence must be numbers"),
        (long(day=1), r"repeats step 1 of the sequence p\d"),
        (long(day=[None, *range(7)]), r"data\.sequence\.order: column 'day' is empty in row"),
        (long(day="soon"), "'soon' where data.sequence.order needs a number or a date"),
        (long(who=None), r"data\.sequence\.id: column 'who' is empty"),
        (long(ill=list("abcdefgh")), "column 'ill' must not change within a sequence"),
        (long().drop(columns="who"), r"data\.sequence\.id: unknown column 'who'"),
        (long()[["who", "day", "ill"]], "no feature column is left"),
    ],
)
def test_steps_that_form_no_sequence_are_refused(frame, message):
    with pytest.raises(SweepError, match=message):
        validated(frame)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sequence": {"id": "a"}}, r"data\.sequence\.order: name the column"),
        ({"sequence": {"order": "a"}}, r"data\.sequence\.id: name the column"),
        ({"sequence": {"id": "a", "order": "a"}}, "id and order both name the column 'a'"),
        (
            {"sequence": {"id": "a", "order": "b"}, "image_shape": [2, 2]},
            r"data\.image_shape and data\.sequence exclude each other",
        ),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        DataParameters(**given)
