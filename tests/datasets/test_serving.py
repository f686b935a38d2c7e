"""The served model: on its own, in an environment of its own, behind a server."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.scoring_server import invocations
from pandas.testing import assert_frame_equal

from dnn_sweep.core.champion.gate import AliasDecision
from dnn_sweep.core.champion.package import Registration
from dnn_sweep.datasets.registered_model import RegisteredModelDataset
from tests.champions import NAME, Champion, make_champion
from tests.stores import make_store, use_store

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def store(tmp_path_factory, empty_store) -> str:
    return make_store(tmp_path_factory.mktemp("store"), empty_store)


@pytest.fixture(scope="module")
def champion(store) -> Champion:
    use_store(store)
    made = make_champion("binary")
    RegisteredModelDataset(name=NAME).save(
        Registration(made.package(), AliasDecision("champion", "it won"))
    )
    return made


@pytest.fixture(scope="module")
def model(champion, store):
    use_store(store)
    return mlflow.pyfunc.load_model(f"models:/{NAME}@champion")


def gaps_or(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(st.none(), values)


ROWS = st.lists(
    st.tuples(
        gaps_or(st.floats(-1e6, 1e6)),
        gaps_or(st.one_of(st.integers(-50, 50), st.integers(0, 9).map(str))),
        gaps_or(st.sampled_from([True, False, 0, 1, "true", "False", " TRUE ", "0", "1"])),
        gaps_or(st.sampled_from([1, 2, 3, 9, "1", "3"])),
        gaps_or(st.sampled_from(["Oslo", "Lima", "Pune", "Rome", "", "missing"])),
    ),
    min_size=1,
    max_size=6,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(values=ROWS)
def test_served_predictions_equal_the_parts_on_any_mixed_rows(champion, model, values):
    names = champion.schema.feature_names
    rows = pd.DataFrame(values, columns=names, dtype=object)
    expected, served = champion.predict(rows), model.predict(rows)
    unseen = ~rows["city"].isin(["Oslo", "Lima", "Pune", "", "missing", None])
    unseen |= ~rows["code"].isin([1, 2, 3, "1", "3"])
    assert ("notes" in served) == unseen.any()
    assert_frame_equal(served[list(expected)], expected, rtol=1e-4, atol=1e-5)


def test_words_are_served_as_trained(store):
    use_store(store)
    made = make_champion("binary", text=True)
    decision = AliasDecision("champion", "it won")
    RegisteredModelDataset(name="dnn_sweep_text").save(Registration(made.package(), decision))
    served = mlflow.pyfunc.load_model("models:/dnn_sweep_text@champion")

    rows = made.rows.drop(columns="target").head(4)
    rows["note"] = ["  RUNS badly ", "", "words that never occurred", 7]
    assert_frame_equal(served.predict(rows), made.predict(rows), rtol=1e-5, atol=1e-6)
    other = served.predict(rows.assign(note=None))["probability_malignant"]
    assert (other != served.predict(rows)["probability_malignant"]).tolist() == [True, *[False] * 3]


@pytest.mark.parametrize("kind", ["int64", "float64", "bool", "str"])
def test_columns_may_come_in_any_type(champion, model, kind):
    rows = champion.rows.drop(columns="target").head(4).reset_index(drop=True)
    column = "smoker" if kind == "bool" else "visits"
    plain = {"int64": [1, 0, 1, 1], "float64": [1.0, np.nan, np.inf, 0.0]}
    rows[column] = pd.Series(plain.get(kind, [1, 0, 0, 1])).astype(kind)
    assert_frame_equal(model.predict(rows), champion.predict(rows), rtol=1e-5, atol=1e-6)


def test_a_code_read_as_a_float_because_of_a_gap_is_still_that_code(champion, model):
    rows = champion.rows.drop(columns="target").head(3).reset_index(drop=True)
    floats = rows.assign(code=rows["code"].astype(float))
    assert_frame_equal(model.predict(floats), model.predict(rows))
    floats.loc[0, "code"] = np.nan
    served = model.predict(floats)
    assert served.pop("notes").tolist() == [
        "code: a missing value did not occur in training", "", ""
    ]  # fmt: skip
    assert_frame_equal(served.iloc[1:], model.predict(rows).iloc[1:])


def test_a_code_is_the_same_category_whatever_stands_around_it(champion, model):
    """A fraction or a gap makes the whole column floats; text is as a program may send it."""
    rows = champion.rows.drop(columns="target").head(4).reset_index(drop=True)
    codes = [int(code) for code in rows["code"]]
    expected = model.predict(rows.assign(code=codes)).iloc[:3]
    for around in (2.5, np.nan, "a", None):
        column = pd.Series([*map(float, codes[:3]), around], dtype=object).infer_objects()
        given = rows.assign(code=column)
        served = model.predict(given)
        assert served.pop("notes").map(bool).tolist() == [False, False, False, True]
        assert_frame_equal(served.iloc[:3], expected)
        assert_frame_equal(champion.predict(given).iloc[:3], expected, rtol=1e-5, atol=1e-6)


def test_a_decimal_code_is_the_category_that_training_made_of_it(champion, model):
    rows = champion.rows.drop(columns="target").head(3).reset_index(drop=True)
    decimals = rows.assign(code=[Decimal(f"{code}.00") for code in rows["code"]])
    assert_frame_equal(model.predict(decimals), model.predict(rows))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("age", "old", "column 'age', row 2: 'old' where a number is expected"),
        ("smoker", "maybe", "column 'smoker', row 2: 'maybe' where true or false is expected"),
        ("smoker", 7, "column 'smoker', row 2: 7 where true or false is expected"),
        ("age", {"years": 3}, "column 'age', row 2: {'years': 3} where a number is expected"),
        ("city", ["Oslo"], r"column 'city', row 2: \['Oslo'\] where one value is expected"),
        ("visits", 1e300, "column 'visits', row 2: too large to compute with"),
    ],
)
def test_what_a_column_cannot_hold_is_the_callers_mistake(champion, model, column, value, message):
    rows = champion.rows.head(4).astype({column: object})
    rows.at[2, column] = value
    with pytest.raises(MlflowException, match=message) as caught:
        model.predict(rows)
    assert caught.value.get_http_status_code() == 400


def test_a_whole_column_of_numbers_is_no_column_of_true_and_false(champion, model):
    with pytest.raises(MlflowException, match="column 'smoker', row 1: 2 where true or false"):
        model.predict(champion.rows.head(2).assign(smoker=[1, 2]))


def test_a_column_that_is_missing_or_there_twice_is_named(champion, model):
    rows = champion.rows.head(2)
    with pytest.raises(MlflowException, match=r"missing: 'age' \(is it 'Age'\?\), 'city'"):
        model.predict(rows.rename(columns={"age": "Age"}).drop(columns="city"))
    with pytest.raises(MlflowException, match="column 'age' is there twice"):
        model.predict(pd.concat([rows, rows["age"]], axis=1))


# What MLflow's own server does with a body, without a server.
def ask(model, body, content_type="application/json"):
    body = body if isinstance(body, str) else json.dumps(body)
    schema = model.metadata.get_input_schema()
    answer = json.loads(invocations(body.encode(), content_type, model, schema).response)
    return pd.DataFrame(answer["predictions"])


ROW = {"age": 51.5, "visits": 3, "smoker": True, "code": 2, "city": "Oslo"}
SAME = {
    "records": {"dataframe_records": [ROW, ROW]},
    "split": {
        "dataframe_split": {
            "columns": list(ROW), "index": [4, 4], "data": [list(ROW.values())] * 2
        }
    },
    "inputs by row": {"inputs": [ROW, ROW]},
    "inputs by column": {"inputs": {name: [value] * 2 for name, value in ROW.items()}},
    "instances": {"instances": [ROW, ROW]},
    "text": {"dataframe_records": [{name: f" {value}" for name, value in ROW.items()}] * 2},
    "more columns": {"dataframe_records": [ROW | {"shoe": None}] * 2},
}  # fmt: skip


@pytest.mark.parametrize("way", SAME)
def test_a_row_is_the_same_in_whatever_form_it_is_sent(champion, model, way):
    expected = champion.predict(pd.DataFrame([ROW, ROW]))
    assert_frame_equal(ask(model, SAME[way]), expected, rtol=1e-5, atol=1e-6)


def test_csv_is_read_as_json_is(champion, model):
    body = "age, visits, smoker, code, city\n51.5,3,true,2, Oslo\n-,?,FALSE,1,NA\n"
    rows = [ROW, {"age": None, "visits": None, "smoker": False, "code": 1, "city": None}]
    expected = champion.predict(pd.DataFrame(rows))
    assert_frame_equal(ask(model, body, "text/csv"), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "body",
    [{"inputs": 3}, {"inputs": {"age": [1, 2], "visits": [1]}}, {"instances": [[1, 2]]},
     {"dataframe_records": []}, {"dataframe_records": [{}]}, {"dataframe_records": [None]},
     {"messages": []}, [], "{", "null"],
)  # fmt: skip
def test_what_is_no_table_is_the_callers_mistake(model, body):
    with pytest.raises(MlflowException) as caught:
        ask(model, body)
    assert caught.value.get_http_status_code() == 400
    assert "unexpected error" not in str(caught.value)


def test_no_rows_is_the_callers_mistake(champion, model):
    with pytest.raises(MlflowException, match="no rows") as caught:
        model.predict(champion.rows.head(0))
    assert caught.value.get_http_status_code() == 400


PREDICT_ELSEWHERE = """
import sys, importlib.util, mlflow, pandas as pd
assert importlib.util.find_spec("dnn_sweep") is None, "dnn_sweep can be imported"
model = mlflow.pyfunc.load_model(sys.argv[1])
model.predict(pd.read_parquet(sys.argv[2])).to_csv(sys.argv[3], index=False)
"""


@pytest.mark.slow
def test_it_loads_with_only_its_recorded_requirements(champion, store, tmp_path):
    use_store(store)
    local = mlflow.artifacts.download_artifacts(f"models:/{NAME}@champion", dst_path=str(tmp_path))
    environment = tmp_path / "environment"
    python = environment / "bin" / "python"
    uv = os.environ.get("UV") or shutil.which("uv")  # the first inside `uv run`
    if uv is None:
        pytest.skip("needs uv to make an environment")
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, environment], check=True)
    # Bytecode of what is never imported would take most of the time.
    install = [uv, "pip", "install", "-q", "--no-compile-bytecode", "--python", python]
    subprocess.run([*install, "-r", Path(local) / "requirements.txt"], check=True)
    rows, answer = tmp_path / "rows.parquet", tmp_path / "predictions.csv"
    champion.rows.drop(columns="target").to_parquet(rows)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    subprocess.run(
        [python, "-I", "-c", PREDICT_ELSEWHERE, local, rows, answer],
        check=True,
        cwd=tmp_path,
        env=clean,
    )
    expected = champion.predict(champion.rows)
    assert_frame_equal(pd.read_csv(answer), expected, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def server(champion, store, tmp_path_factory) -> Iterator[str]:
    """`mlflow models serve` on a free port; ended by its process group's id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": store,
    }
    command = f"mlflow models serve --env-manager local -m models:/{NAME}@champion -h 127.0.0.1 -p"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command.split(), str(port)],
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until and process.poll() is None:
            try:
                urllib.request.urlopen(f"{address}/ping", timeout=2)
                break
            except OSError:
                time.sleep(0.5)
        else:
            pytest.fail(f"the server did not start:\n{log.read_text()}")
        yield address
    finally:
        os.killpg(process.pid, 15)
        process.wait(timeout=30)


def post(server: str, rows: pd.DataFrame | str) -> tuple[int, dict]:
    """Send rows as JSON, or text as CSV."""
    kind, body = "text/csv", rows
    if isinstance(rows, pd.DataFrame):
        split = json.loads(rows.to_json(orient="split", index=False))
        kind, body = "application/json", json.dumps({"dataframe_split": split})
    request = urllib.request.Request(
        f"{server}/invocations", data=body.encode(), headers={"Content-Type": kind}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.slow
def test_a_server_answers_what_the_batch_gets(champion, model, server):
    rows = champion.rows.drop(columns="target")
    status, answer = post(server, rows)
    assert status == 200
    served = pd.DataFrame(answer["predictions"])
    assert_frame_equal(served, model.predict(rows), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_a_server_refuses_missing_columns_and_text_for_numbers(champion, server):
    rows = champion.rows.drop(columns="target").head(2)
    status, answer = post(server, rows.drop(columns="age"))
    assert status == 400
    assert "age" in answer["message"]
    status, answer = post(server, rows.assign(age=["old", 3]))
    assert status == 400
    assert "column 'age', row 0: 'old' where a number is expected" in answer["message"]


@pytest.mark.slow
def test_a_server_takes_csv_and_says_what_training_never_saw(champion, model, server):
    rows = champion.rows.drop(columns="target")
    status, answer = post(server, rows.to_csv(index=False))
    assert status == 200
    served = pd.DataFrame(answer["predictions"])
    assert_frame_equal(served, model.predict(rows), rtol=1e-5, atol=1e-6)
    status, answer = post(server, rows.head(2).assign(city=["Rome", "Oslo"]))
    notes = [each["notes"] for each in answer["predictions"]]
    assert (status, notes) == (200, ["city: 'Rome' did not occur in training", ""])
    status, answer = post(server, "age,visits,smoker,code,city\n51,5,3,true,2,Oslo\n")
    assert status == 400
    assert "more fields than the header" in answer["message"]
