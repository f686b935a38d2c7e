"""Mistakes in the configuration, found before rows are scaled and anything is trained."""

import pandas as pd

from dnn_sweep.core.data.preprocessing import encode_target
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.networks.build import build_network
from dnn_sweep.core.networks.custom import check_custom
from dnn_sweep.core.networks.resolve import output_and_loss
from dnn_sweep.core.plan.planner import expand_grid
from dnn_sweep.parameters import (
    CallbackParameters,
    GridParameters,
    NetworkParameters,
    TrainingParameters,
)


def check_networks(
    clean_table: pd.DataFrame,
    schema: Schema,
    network: NetworkParameters,
    grid: GridParameters,
    training: TrainingParameters,
    callbacks: CallbackParameters,
) -> None:
    """Plan the sweep on the unscaled table, and build each distinct network once.

    Raises:
        SweepError: For whatever :func:`~.planner.expand_grid` refuses, and for a network that
            cannot be built.

    >>> convolutions = network.model_copy(update={"kind": "cnn"})
    >>> check_networks(clean_table, schema, convolutions, grid, training, callbacks)
    Traceback (most recent call last):
        ...
    dnn_sweep.core.errors.SweepError: network.kind cnn takes rows that are images, ...
    """
    output_and_loss(network, schema)  # first, since the rest imports Keras, which takes seconds
    target = encode_target(clean_table[schema.target], schema, TargetScaling())
    # Categories will add inputs; that changes nothing about what is checked.
    inputs = len(schema.features)
    plan = expand_grid(schema, inputs, "", network, grid, training, callbacks, target)
    for each in plan.networks:
        model = build_network(each)
        if network.kind == "custom":
            check_custom(each, model)
