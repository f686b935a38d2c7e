"""``kedro viz run``: Kedro-Viz's own command, which shows the stages alone at first.

At ``/`` Kedro-Viz draws all datasets between the stages, too. No setting of its own hides them,
but a part of the address does: ``/`` leads there.
"""

from pathlib import Path
from typing import Any

import click
from fastapi import FastAPI, Request
from kedro_viz import server
from kedro_viz.api import apps
from kedro_viz.launchers.cli.run import run as kedro_viz_run
from starlette.middleware.base import RequestResponseEndpoint
from starlette.responses import RedirectResponse, Response

FIRST_VIEW = "/?types=nodes"

create_app = apps.create_api_app_from_project


class RunWithFirstView(click.Command):
    """Lets Kedro-Viz's command start the server below in place of its own."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command, which starts the server in a process of its own."""
        server.run_server = run_server
        return super().invoke(ctx)


def run_server(**options: Any) -> None:
    """Serve Kedro-Viz; this process has imported its modules anew."""
    apps.create_api_app_from_project = create_app_with_first_view
    server.run_server(**options)


def create_app_with_first_view(project_path: Path, autoreload: bool = False) -> FastAPI:
    """Create Kedro-Viz's application; an address that chooses no view leads to the first.

    >>> create_app_with_first_view(Path()).title
    'Kedro-Viz API'
    """
    app: FastAPI = create_app(project_path, autoreload)

    @app.middleware("http")
    async def lead_to_first_view(request: Request, call_next: RequestResponseEndpoint) -> Response:
        if request.url.path == "/" and not request.url.query:
            return RedirectResponse(FIRST_VIEW)
        return await call_next(request)

    return app


run = RunWithFirstView(
    "run", params=kedro_viz_run.params, callback=kedro_viz_run.callback, help=kedro_viz_run.help
)
