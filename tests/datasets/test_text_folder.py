import mlflow
import pytest
from kedro.io import AbstractDataset, DatasetError

from dnn_sweep.datasets.text_folder import TextFolderDataset


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "new" / "networks"


def test_texts_come_back_by_name(folder):
    texts = {"relu-3f.v1": "größe\n", "elu": ""}

    TextFolderDataset(str(folder), ".txt").save(texts)

    assert TextFolderDataset(str(folder), ".txt").load() == texts
    assert {path.name for path in folder.iterdir()} == {"relu-3f.v1.txt", "elu.txt"}


def test_texts_of_an_earlier_save_go_and_other_files_stay(folder):
    dataset = TextFolderDataset(str(folder), ".txt")
    dataset.save({"old": "a", "kept": "b"})
    (folder / "diagram.png").write_bytes(b"png")

    dataset.save({"kept": "c"})

    assert dataset.load() == {"kept": "c"}
    assert (folder / "diagram.png").exists()
    assert not (folder / "old.txt").exists()


@pytest.mark.parametrize("name", ["../up", "a/b", "a\\b", "", ".."])
def test_a_name_that_is_not_a_file_name_is_refused_before_anything_is_written(folder, name):
    with pytest.raises(DatasetError, match="cannot be a file's name"):
        TextFolderDataset(str(folder), ".txt").save({"good": "a", name: "b"})

    assert not folder.exists()


def test_a_missing_folder_names_the_pipeline_that_writes_it(folder):
    dataset = TextFolderDataset(str(folder), ".txt", written_by="model_building")

    assert not dataset.exists()
    with pytest.raises(DatasetError, match="kedro run --pipeline=model_building"):
        dataset.load()


@pytest.mark.usefixtures("mlflow_store")
def test_in_kedro_mlflows_wrapper_the_folder_is_logged_as_an_artifact(folder):
    dataset = AbstractDataset.from_config(
        "summaries",
        {
            "type": "kedro_mlflow.io.artifacts.MlflowArtifactDataset",
            "artifact_path": "built",
            "dataset": {
                "type": "dnn_sweep.datasets.text_folder.TextFolderDataset",
                "filepath": str(folder),
                "suffix": ".txt",
            },
        },
    )
    with mlflow.start_run() as run:
        dataset.save({"relu": "summary"})
    logged = mlflow.MlflowClient().list_artifacts(run.info.run_id, "built/networks")

    assert [each.path for each in logged] == ["built/networks/relu.txt"]
    assert dataset.load() == {"relu": "summary"}


def test_the_preview_shows_every_text_as_it_is_under_its_name(folder):
    dataset = TextFolderDataset(str(folder), ".txt")
    dataset.save({"elu": "a < b", "relu": "c"})

    assert dataset.preview() == "<h3>elu</h3><pre>a &lt; b</pre><h3>relu</h3><pre>c</pre>"
