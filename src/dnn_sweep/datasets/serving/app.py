"""MLflow's scoring server, with an answer below 500 for every malformed request."""

import json
from typing import Any

from mlflow.pyfunc import PyFuncModel, scoring_server

PREDICTIONS = "/invocations"
# What MLflow and pandas raise while they read a body that makes no sense. What the model itself
# raises MLflow answers with 400.
UNREADABLE = (RecursionError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


class ScoringApp:
    """An ASGI application that serves a model as ``mlflow models serve`` does.

    Beyond that it refuses requests without a content type (415) and bodies that are too large
    (413), which it reads no further, and answers 400 to bodies that MLflow cannot read, such as
    deeply nested JSON.

    Args:
        model: Loaded by MLflow.
        most_bytes: Size of the largest body.
    """

    def __init__(self, model: PyFuncModel, most_bytes: int) -> None:
        self._app, self._most = scoring_server.init(model), most_bytes
        for kind in UNREADABLE:
            self._app.add_exception_handler(kind, _unreadable)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"] != PREDICTIONS or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if not headers.get(b"content-type", b"").strip():
            await _refuse(send, 415, "the request has no Content-Type; send application/json")
            return
        body = await self._body(receive, headers.get(b"content-length", b"0"))
        if body is None:
            await _refuse(send, 413, f"a request may have {self._most:,} bytes")
            return
        given = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_whole() -> Any:
            return given.pop() if given else await receive()

        await self._app(scope, receive_whole, send)

    async def _body(self, receive: Any, announced: bytes) -> bytes | None:
        """Read a request's body; ``None`` if it is too large."""
        if announced.isdigit() and int(announced) > self._most:
            return None
        body, more = bytearray(), True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._most:
                return None
        return bytes(body)


async def _unreadable(_: Any, error: Exception) -> Any:
    from fastapi.responses import JSONResponse

    said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    return JSONResponse(_error(f"the request cannot be read: {said}"), status_code=400)


async def _refuse(send: Any, status: int, message: str) -> None:
    body = json.dumps(_error(message)).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _error(message: str) -> dict[str, str]:
    return {"error_code": "BAD_REQUEST", "message": message}
