"""Load on a served champion: ``python -m benchmarks.serving_load``, after ``kedro run``.

`mlflow models serve` serves the registered champion of digits. Several clients at once send it good
requests among malformed, wrong and oversized ones, for some time. The table says how each kind was
answered and how fast; at the end the server must still predict what it predicted at the beginning.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
import requests

TEST_ROWS = Path("data/03_primary/digits/test_rows.parquet")
TARGET = "digit"
LARGE = "50,000 rows, 17 MB"  # by one client alone


@contextmanager
def served(model: str) -> Iterator[str]:
    """Serve a registered model on a free port of this machine; yield the address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{model}"]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, **quiet, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        while ask(f"{address}/invocations")[0] == 0:
            if server.poll() is not None:
                raise SystemExit(f"no model is served; is there a {model}? (kedro run)")
            time.sleep(0.5)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)


def ask(url: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, bytes]:
    """Send a request; return the status, 0 for no answer, and the answer's content."""
    try:
        answer = requests.post(url, body, headers={"Content-Type": kind}, timeout=120)
    except requests.RequestException:
        return 0, b""
    return answer.status_code, answer.content


def bodies(rows: pd.DataFrame) -> dict[str, tuple[bytes, str]]:
    """What is sent, by what it is: the body and its content type."""
    as_json = "application/json"

    def split(table: pd.DataFrame) -> bytes:
        return json.dumps({"dataframe_split": table.to_dict("split", index=False)}).encode()

    return {
        "1 row": (split(rows[:1]), as_json),
        "100 rows": (split(rows[:100]), as_json),
        "100 rows as CSV": (rows[:100].to_csv(index=False).encode(), "text/csv"),
        "a column missing": (split(rows[:1].iloc[:, 1:]), as_json),
        "a word for a number": (split(rows[:1].astype(object).replace(0, "x")), as_json),
        "no JSON": (b'{"dataframe_split": [', as_json),
        "JSON of another shape": (b'{"rows": 3}', as_json),
        "nothing": (b"", as_json),
        "bytes": (np.random.default_rng(0).bytes(10_000), as_json),
        "another content type": (split(rows[:1]), "text/yaml"),
        LARGE: (split(pd.concat([rows] * (50_000 // len(rows) + 1))), as_json),
    }


def main() -> None:
    """Serve, load, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="dnn_sweep_digits@champion")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    sent = bodies(pd.read_parquet(TEST_ROWS).drop(columns=TARGET))
    found: list[tuple[str, int, float]] = []
    with served(given.model) as address, ThreadPoolExecutor(given.clients) as clients:
        url = f"{address}/invocations"
        before = ask(url, *sent["100 rows"])
        ends = time.monotonic() + given.seconds

        def client(first: int) -> None:
            mine = [name for name in sent if name != LARGE or first == 0]
            names = cycle(mine[first % len(mine) :] + mine[: first % len(mine)])
            while time.monotonic() < ends:
                name, began = next(names), time.monotonic()
                status, _ = ask(url, *sent[name])
                found.append((name, status, time.monotonic() - began))

        list(clients.map(client, range(given.clients)))
        after = ask(url, *sent["100 rows"])
    print("| request | sent | answered with | median, ms | 99 %, ms |")
    print("| --- | ---: | --- | ---: | ---: |")
    for name in sent:
        statuses = Counter(status for each, status, _ in found if each == name)
        times = [1000 * seconds for each, _, seconds in found if each == name]
        middle, most = np.percentile(times, [50, 99]) if times else (np.nan, np.nan)
        answers = ", ".join(f"{status} ({times:,}×)" for status, times in statuses.items())
        print(f"| {name} | {len(times):,} | {answers} | {middle:,.0f} | {most:,.0f} |")
    print(f"\n{len(found) / given.seconds:.1f} requests per second from {given.clients} clients")
    print(f"the same answer before and after: {before == after and before[0] == 200}")


if __name__ == "__main__":
    main()
