"""No malformed request is answered with 500, and the server goes on."""

import asyncio
import json
import socket
import threading
import time
from http.client import HTTPConnection

import pandas as pd
import pytest
import uvicorn

from dnn_sweep.core.champion.gate import AliasDecision
from dnn_sweep.core.champion.package import Registration
from dnn_sweep.datasets.model_aliases import ModelAliases
from dnn_sweep.datasets.registered_model import RegisteredModelDataset
from dnn_sweep.datasets.serving.app import ScoringApp
from tests.champions import NAME, make_champion
from tests.stores import make_store, use_store

MOST = 200_000
AS_JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def rows():
    return make_champion("binary").rows.drop(columns="target").head(3)


@pytest.fixture(scope="module")
def app(tmp_path_factory, empty_store):
    """A registered champion behind its guard."""
    use_store(make_store(tmp_path_factory.mktemp("store"), empty_store))
    package = make_champion("binary").package()
    RegisteredModelDataset(name=NAME).save(Registration(package, AliasDecision("champion", "won")))
    model, _, _ = ModelAliases(NAME).load_model("champion")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "true")  # which MLflow sets as well
        yield ScoringApp(model, MOST)


@pytest.fixture(scope="module")
def port(app):
    """The port of a server of it, which is a thread of this process."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield bound.getsockname()[1]
        server.should_exit = True
        thread.join()


def ask(port, body=b"", headers=AS_JSON, path="/invocations", method="POST", **options):
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, headers, **options)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def records(rows):
    return json.dumps({"dataframe_records": json.loads(rows.to_json(orient="records"))}).encode()


@pytest.fixture(autouse=True)
def lives(port, rows):
    """Whatever was asked, the server still predicts."""
    yield
    status, said = ask(port, records(rows))
    assert (status, len(json.loads(said)["predictions"])) == (200, len(rows))
    assert ask(port, method="GET", path="/ping")[0] == 200


@pytest.mark.parametrize(
    ("body", "headers", "expected", "said"),
    [
        (b"{}", {}, 415, "no Content-Type"),
        (b"{}", {"Content-Type": " "}, 415, "no Content-Type"),
        (b"{}", {"Content-Type": "text/yaml"}, 415, "content types"),
        (b"[" * 100_000, AS_JSON, 400, "nested too deeply"),
        (b'{"inputs": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", AS_JSON, 400, "nested too deeply"),
        (b'{"inputs": [' + b"9" * 5000 + b"]}", AS_JSON, 400, "cannot be read"),
        (b'{"dataframe_split": 3}', AS_JSON, 400, ""),
        (b'{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}', AS_JSON, 400, ""),
        (b'{"dataframe_records": {"a": 1}}', AS_JSON, 400, ""),
        (b'{"instances": null}', AS_JSON, 400, ""),
        (b'{"instances": [{"a": 1}, [2]]}', AS_JSON, 400, ""),
        (b'{"inputs": {"a": [1], "b": [1, 2]}}', AS_JSON, 400, ""),
        (b'{"inputs": [1], "params": 3}', AS_JSON, 400, ""),
        (b"null", AS_JSON, 400, ""),
        (b"[]", AS_JSON, 400, ""),
        (b"\xff\xfe", AS_JSON, 400, ""),
        (b"", AS_JSON, 400, ""),
        (b"\xff", {"Content-Type": "text/csv"}, 400, ""),
        (b"", {"Content-Type": "text/csv"}, 400, ""),
        (b"a,b\n1\n1,2,3,4\n", {"Content-Type": "text/csv"}, 400, ""),
        (b"PAR1", {"Content-Type": "application/vnd.apache.parquet"}, 400, ""),
        (b"{}", {"Content-Type": "application/json; charset"}, 415, ""),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_makes_no_sense_is_the_clients_mistake(port, body, headers, expected, said):
    status, answered = ask(port, body, headers)
    assert (status, said in answered) == (expected, True), answered


def test_a_body_that_is_too_large_is_refused(port, rows):
    large = records(pd.concat([rows] * 1000))
    assert len(large) > MOST
    assert ask(port, large)[0] == 413


def test_a_body_of_unknown_size_is_read_no_further_than_it_may_be_long(app):
    received, sent = [], []

    async def receive():
        received.append(MOST // 4)
        return {"type": "http.request", "body": b" " * received[-1], "more_body": True}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": "/invocations", "method": "POST"}
    asyncio.run(app(scope | {"headers": [(b"content-type", b"application/json")]}, receive, send))
    assert sent[0]["status"] == 413
    assert sum(received) == MOST + MOST // 4


def test_a_body_in_pieces_is_predicted(port, rows):
    whole = records(rows)
    chunked = AS_JSON | {"Transfer-Encoding": "chunked"}
    status, said = ask(port, iter([whole[:50], whole[50:]]), chunked, encode_chunked=True)
    expected = make_champion("binary").predict(rows)
    answered = [each["prediction"] for each in json.loads(said)["predictions"]]
    assert (status, answered) == (200, expected["prediction"].tolist())
