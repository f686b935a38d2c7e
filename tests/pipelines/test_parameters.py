"""Kedro hands every node its parameters as the models they are declared to be."""

import inspect
import typing
from collections.abc import Mapping

import pytest

from dnn_sweep.parameters import Parameters
from dnn_sweep.pipeline_registry import register_pipelines

NODES = {node.name: node for each in register_pipelines().values() for node in each.nodes}


@pytest.mark.parametrize("name", sorted(NODES))
def test_every_params_input_is_annotated_with_a_type_that_can_be_resolved(name):
    node = NODES[name]
    hints = typing.get_type_hints(node.func)
    arguments = dict(zip(inspect.signature(node.func).parameters, node.inputs, strict=False))
    for argument, dataset in arguments.items():
        if dataset.startswith("params:") and "." not in dataset:  # a group, not a value of one
            hint = typing.get_origin(hints[argument]) or hints[argument]
            assert issubclass(hint, Parameters | Mapping | str), f"{name}: {argument}"
