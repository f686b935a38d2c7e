"""The data that a sweep trains on, as an input of MLflow runs."""

import json

from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.types import DataType
from mlflow.types import Schema as Columns
from mlflow.types.schema import ColSpec
from mlflow.utils.validation import MAX_DATASET_SCHEMA_SIZE

from dnn_sweep.core.data import schema as data

DIGEST_LENGTH = 12  # characters of the fingerprint that fit in the run table
TYPES = {"numeric": DataType.double, "boolean": DataType.boolean, "date": DataType.datetime}


def describe_data(name: str, schema: data.Schema, source: str) -> DatasetInput:
    """Describe a table as MLflow shows it: name, digest, origin, columns with types, rows.

    Args:
        name: What MLflow calls the data.
        schema: Of the validated table.
        source: Where the rows came from.

    >>> given = describe_data("iris", schema, "ToyDataset(name='iris')").dataset
    >>> given.name, given.digest == schema.fingerprint[:12], json.loads(given.profile)
    ('iris', True, {'num_rows': 150, 'classes': 3})
    """
    specs = [
        ColSpec(TYPES.get(each.kind, DataType.string), each.name, required=False)
        for each in schema.features
    ]
    kind = DataType.string if schema.classes else DataType.double
    columns = Columns([*specs, ColSpec(kind, schema.target)])
    classes = {"classes": len(schema.classes)} if schema.classes else {}
    typed = json.dumps({"mlflow_colspec": columns.to_dict()})
    described = Dataset(
        name=name,
        digest=schema.fingerprint[:DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": source, "sha256": schema.fingerprint}),
        # A server that was asked for more would refuse the whole run.
        schema=typed if len(typed) <= MAX_DATASET_SCHEMA_SIZE else None,
        profile=json.dumps({"num_rows": schema.rows} | classes),
    )
    return DatasetInput(described, [InputTag("mlflow.data.context", "training")])
