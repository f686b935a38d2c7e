"""A registered model takes whole images and whole sequences."""

from base64 import b64encode
from dataclasses import replace
from io import BytesIO

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from PIL import Image

from dnn_sweep import parameters
from dnn_sweep.core.champion.gate import compare_with_holder
from dnn_sweep.core.champion.scoring import score_rows
from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.image_folder import read_image
from dnn_sweep.datasets.model_aliases import ModelAliasesDataset
from dnn_sweep.datasets.toy import ToyDataset
from dnn_sweep.parameters import InferenceParameters
from tests.core.data.test_sequences import long
from tests.iris_sweep import Kept, groups, train
from tests.stores import make_store, use_store

NAME = "dnn_sweep_shapes"


def trained(folder, empty_store, table, **changes):
    given = groups(folder) | {"screening": parameters.ScreeningParameters(enabled=False)}
    changes |= {"training": {"epochs": 2, "seeds": [0, 1]}}
    for group, values in changes.items():
        given[group] = type(given[group])(**{**given[group].model_dump(), **values})
    store = make_store(folder, empty_store, "dnn_sweep/shapes")
    made = train(folder, table, NAME, given)
    return made | {
        "table": table,
        "store": store,
        "model": mlflow.pyfunc.load_model(f"models:/{NAME}@champion"),
    }


@pytest.fixture(scope="module")
def digits(tmp_path_factory, empty_store):
    data = {"target": "digit", "image_shape": [8, 8], "max_rows": 200}
    network = {"kind": "cnn", "convolutions": [3], "hidden": []}
    folder = tmp_path_factory.mktemp("digits")
    pixels = ToyDataset("digits").load().astype(np.uint8)  # as those of a file are
    return trained(folder, empty_store, Kept(pixels), data=data, network=network)


@pytest.fixture(scope="module")
def patients(tmp_path_factory, empty_store):
    data = {"target": "ill", "sequence": {"id": "who", "order": "day"}}
    network = {"kind": "gru", "recurrent": [3], "hidden": []}
    folder = tmp_path_factory.mktemp("patients")
    table = Kept(long(lengths=[4, 2, 3] * 12))
    return trained(folder, empty_store, table, data=data, network=network,
                   grid={"activations": []})  # fmt: skip


def cells_of(sweep):
    return sweep["test_rows"][sweep["schema"].feature_names].head(3).reset_index(drop=True)


def test_an_image_is_given_as_cells_as_lists_or_as_a_file(digits):
    use_store(digits["store"])
    model, flat = digits["model"], cells_of(digits)
    expected = model.predict(flat)
    images = flat.to_numpy().reshape(-1, 8, 8)
    lists = model.predict(pd.DataFrame({"image": [each.tolist() for each in images]}))
    pd.testing.assert_frame_equal(lists, expected)
    deep = model.predict(pd.DataFrame({"image": [each[..., None].tolist() for each in images]}))
    pd.testing.assert_frame_equal(deep, expected)
    files = []
    for each in images:
        Image.fromarray(each.astype(np.uint8)).save(png := BytesIO(), "PNG")
        files.append(b64encode(png.getvalue()).decode())
    pd.testing.assert_frame_equal(model.predict(pd.DataFrame({"image": files})), expected)
    address = [f"data:image/png;base64,{each}" for each in files]
    pd.testing.assert_frame_equal(model.predict(pd.DataFrame({"image": address})), expected)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"image": [[[1, 2], [3, 4]]]}, "row 0: the image has the shape 2 by 2; expected.*8 by 8"),
        ({"image": ["no base64!"]}, "column 'image', row 0"),
        ({"pixel_0_0": [1.0]}, "must have the column 'image' or the columns pixel"),
    ],
)
def test_what_is_no_image_is_refused_with_the_row(digits, rows, message):
    use_store(digits["store"])
    with pytest.raises(MlflowException, match=message):
        digits["model"].predict(pd.DataFrame(rows))


def png(pixels):
    Image.fromarray(pixels).save(file := BytesIO(), "PNG")
    return b64encode(file.getvalue()).decode()


def test_a_file_is_resized_and_turned_grey_as_in_training(digits, tmp_path):
    use_store(digits["store"])
    pixels = np.random.default_rng(0).integers(0, 17, (20, 30, 3), np.uint8)
    deep = np.random.default_rng(0).integers(0, 4000, (9, 9), np.uint16)
    for each in (pixels, deep):
        Image.fromarray(each).save(tmp_path / "a.png")
        flat = read_image(tmp_path / "a.png", 8, 1)[..., 0].tolist()
        pd.testing.assert_frame_equal(
            digits["model"].predict(pd.DataFrame({"image": [png(each)]})),
            digits["model"].predict(pd.DataFrame({"image": [flat]})),
        )


def test_a_file_is_refused_where_pixels_were_no_bytes(digits, monkeypatch):
    use_store(digits["store"])
    own = digits["model"].unwrap_python_model()
    assert own.schema["bytes"]
    monkeypatch.setitem(own.schema, "bytes", False)
    with pytest.raises(MlflowException, match="no bytes as in a file; send nested lists"):
        digits["model"].predict(pd.DataFrame({"image": [png(np.zeros((8, 8), np.uint8))]}))


def test_a_short_sequence_is_refused_where_none_was_padded(patients, monkeypatch):
    use_store(patients["store"])
    monkeypatch.setitem(patients["model"].unwrap_python_model().schema, "padded", False)
    with pytest.raises(MlflowException, match="row 0: the sequence has 1 steps, but none was as"):
        patients["model"].predict(pd.DataFrame({"sequence": [[[37.0, 1.0]]]}))


def test_a_sequence_may_be_shorter_or_longer_than_in_training(patients):
    use_store(patients["store"])
    model, flat = patients["model"], cells_of(patients)
    cells = flat.to_numpy(dtype=float).reshape(-1, 4, 2)
    sequences = [each[~np.isnan(each).all(axis=1)].tolist() for each in cells]
    expected = model.predict(flat)
    pd.testing.assert_frame_equal(model.predict(pd.DataFrame({"sequence": sequences})), expected)
    full = cells[~np.isnan(cells).any(axis=(1, 2))][:1]
    longer = [[[0.0, 0.0], *each.tolist()] for each in full]
    same = [each.tolist() for each in full]
    pd.testing.assert_frame_equal(
        model.predict(pd.DataFrame({"sequence": longer})),
        model.predict(pd.DataFrame({"sequence": same})),
    )
    with pytest.raises(MlflowException, match=r"sequence has the shape 1 by 1; expected.*4 by 2"):
        model.predict(pd.DataFrame({"sequence": [[[1.0]]]}))


def test_row_ids_of_sequences_are_their_ids(patients):
    assert patients["test_rows"].index.str.startswith("p").all()
    assert patients["test_predictions"]["row_id"].isin(patients["test_rows"].index).all()


def test_steps_are_scored_as_the_sequences_that_they_form(patients):
    use_store(patients["store"])
    steps = patients["table"].load().drop(columns="ill").assign(note="x")
    served, summary = score_rows(steps, patients["scoring_model"], InferenceParameters())
    assert summary.startswith("36 rows scored")
    tested = patients["test_predictions"].set_index("row_id")
    scored = served.set_index("row").loc[tested.index]
    assert scored["prediction"].tolist() == tested["predicted"].tolist()
    with pytest.raises(SweepError, match=r"unknown column 'heat'.*mean 'heated'"):
        renamed = steps.rename(columns={"heat": "heated"})
        score_rows(renamed, patients["scoring_model"], InferenceParameters())


def test_steps_of_sequences_too_short_to_score_are_refused(patients):
    use_store(patients["store"])
    steps, model = patients["table"].load(), patients["scoring_model"]["champion"]
    unpadded = {"champion": replace(model, padded=False)}
    with pytest.raises(SweepError, match=r"inference\.filepath: some sequences have fewer than 4"):
        score_rows(steps, unpadded, InferenceParameters())


def test_a_holder_of_another_shape_is_not_comparable(digits):
    use_store(digits["store"])
    holder = replace(ModelAliasesDataset(NAME).load()["champion"], shape=(4, 4, 1))
    tested = digits["test_rows"], digits["test_predictions"]
    given = digits["champion_package"], {"champion": holder}, {}, *tested
    decided = compare_with_holder(*given, parameters.RegistrationParameters()).decision
    assert "its rows have the shape 4 by 4 by 1, theirs 8 by 8 by 1" in decided.reason
