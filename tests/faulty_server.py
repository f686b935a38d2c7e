"""A tracking server that fails on demand: a proxy before a real one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

from tests.local_servers import free_port, wait_for_server


def is_write(method: str, path: str) -> bool:
    """Whether a request of MLflow's changes something."""
    return method != "GET" and not path.endswith(("/search", "/search-experiments"))


class FaultyProxy(ThreadingHTTPServer):
    """Passes each request on, unless `fault` says otherwise.

    `fault(method, path)` names what happens to a request: `error` (500), `refuse` (403), `hang`,
    `lose` (the request arrives, the answer does not), `slow`, or nothing.
    """

    daemon_threads = True

    def __init__(self, target: str):
        self.fault: Callable[[str, str], str | None] = lambda *_: None
        self.requests: list[str] = []
        self.released = Event()
        host, port = target.removeprefix("http://").split(":")

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(handler) -> None:  # noqa: N805
                size = int(handler.headers.get("Content-Length", 0))
                body = handler.rfile.read(size)
                self.requests.append(f"{handler.command} {handler.path}")
                fault = self.fault(handler.command, handler.path)
                if fault in ("error", "refuse"):
                    handler.send_response(500 if fault == "error" else 403)
                    handler.send_header("Content-Length", "0")
                    handler.end_headers()
                    return
                if fault == "hang":
                    self.released.wait(60)
                    handler.close_connection = True
                    return
                if fault == "slow":
                    time.sleep(0.1)
                upstream = HTTPConnection(host, int(port), timeout=30)
                upstream.request(handler.command, handler.path, body, dict(handler.headers))
                answer = upstream.getresponse()
                content = answer.read()
                if fault == "lose":
                    handler.close_connection = True
                    return
                handler.send_response(answer.status)
                handler.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                handler.send_header("Content-Length", str(len(content)))
                handler.end_headers()
                handler.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

            def log_message(handler, *_) -> None:  # noqa: N805
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def faulty_server(target: str) -> Iterator[FaultyProxy]:
    """Serve a proxy in a thread."""
    with FaultyProxy(target) as proxy:
        Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy
        proxy.released.set()
        proxy.shutdown()


@contextmanager
def tracking_server(folder: Path, store: str) -> Iterator[str]:
    """Run `mlflow server` on a store, with its artifacts in a folder; gives its address."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
         "--workers", "1", "--backend-store-uri", store,
         "--artifacts-destination", str(folder / "artifacts")],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    )  # fmt: skip
    try:
        wait_for_server(f"http://127.0.0.1:{port}/health", process=process)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
