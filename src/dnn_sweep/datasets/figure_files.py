"""A figure of the report in two files: interactive, and as a picture."""

import json
from io import BytesIO
from pathlib import Path

from kedro_datasets._typing import PlotlyPreview

from dnn_sweep.core.lazy import go
from dnn_sweep.core.reporting.figures.drawn import Drawn
from dnn_sweep.datasets.base import OutputDataset, State, state_of_path, write_atomically


class FigureFilesDataset(OutputDataset[Drawn]):
    """Writes a figure as Plotly JSON, which Kedro-Viz previews, and as a PNG beside it.

    ``filepath`` is that of the JSON file. What is loaded has no picture.

    >>> dataset = FigureFilesDataset("figures/heatmap.json")
    >>> dataset.save(figures["heatmap"])
    >>> sorted(path.name for path in Path("figures").iterdir())
    ['heatmap.json', 'heatmap.png']
    """

    @property
    def files(self) -> tuple[Path, Path]:
        """The JSON file and the picture."""
        return self._filepath, self._filepath.with_suffix(".png")

    def load(self) -> Drawn:
        """Load the interactive figure.

        Raises:
            SweepError: If the file is missing.
        """
        self._require()
        return Drawn(go.Figure(json.loads(self._filepath.read_text("utf-8"))))

    def save(self, data: Drawn) -> None:
        """Write both files."""
        interactive, picture = self.files
        write_atomically(interactive, data.interactive.to_json().encode())
        content = BytesIO()
        data.still.savefig(content, format="png")
        write_atomically(picture, content.getvalue())

    def state(self) -> State:
        """Size and time of both files."""
        return {name: state for file in self.files for name, state in state_of_path(file).items()}

    def preview(self) -> PlotlyPreview:
        """Return the interactive figure for Kedro-Viz."""
        return PlotlyPreview(json.loads(self._filepath.read_text("utf-8")))

    def _exists(self) -> bool:
        return all(file.exists() for file in self.files)
