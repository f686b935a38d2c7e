"""A PyTorch training loop for rows that fit in memory."""

import os
import time
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks.workloads import Curve, TrialSpec, Work

ACTIVATIONS = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
}


def build_model(trial: TrialSpec, work: Work) -> nn.Sequential:
    """The network, with Keras's initial weights: Glorot uniform kernels, zero biases."""
    torch.manual_seed(trial.seed)
    widths = (work.x_train.shape[1], *work.hidden, work.classes)
    layers: list[nn.Module] = []
    for inputs, units in pairwise(widths):
        linear = nn.Linear(inputs, units)
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
        layers += [linear, ACTIVATIONS[trial.activation]()]
    return nn.Sequential(*layers[:-1])


def build_optimizer(trial: TrialSpec, weights: list[torch.Tensor]) -> torch.optim.Optimizer:
    """The optimizer with Keras's settings, fused if PyTorch supports that on a CPU."""
    rate = trial.learning_rate
    match trial.optimizer_class:
        case "SGD":
            return torch.optim.SGD(weights, rate, **trial.arguments, fused=True)
        case "Adam":
            return torch.optim.Adam(weights, rate, eps=1e-7, fused=True)
        case "Adagrad":
            return torch.optim.Adagrad(
                weights, rate, initial_accumulator_value=0.1, eps=1e-7, fused=True
            )
        case "RMSprop":
            return torch.optim.RMSprop(weights, rate, alpha=0.9, eps=1e-7, foreach=True)
        case other:
            raise ValueError(f"no PyTorch optimizer for {other}")


def choose_threads(step: Callable[[], object], tries: int = 10) -> None:
    """Choose the number of threads for which a step is fastest; small products need few.

    Args:
        step: A step of a network that is thrown away.
        tries: Steps for each number of threads.
    """
    seconds = {}
    for threads in {1, os.cpu_count() or 1}:
        torch.set_num_threads(threads)
        times = []
        for _ in range(tries):
            began = time.perf_counter()
            step()
            times.append(time.perf_counter() - began)
        seconds[threads] = sorted(times)[tries // 2]
    torch.set_num_threads(min(seconds, key=seconds.__getitem__))


def train(work: Work) -> list[Curve]:
    """Train every trial."""
    x, y = torch.from_numpy(work.x_train), torch.from_numpy(work.y_train).long()
    x_validation = torch.from_numpy(work.x_validation)
    y_validation = torch.from_numpy(work.y_validation).long()
    trial_run = build_model(work.trials[0], work)
    rows = torch.arange(work.batch_size)
    choose_threads(lambda: cross_entropy(trial_run(x[rows]), y[rows]).backward())
    curves = []
    for trial in work.trials:
        model = build_model(trial, work)
        optimizer = build_optimizer(trial, list(model.parameters()))
        losses, accuracies, steps = [], [], 0
        for _ in range(work.epochs):
            for rows in torch.randperm(len(x)).split(work.batch_size):
                optimizer.zero_grad()
                cross_entropy(model(x[rows]), y[rows]).backward()
                optimizer.step()
                steps += 1
            with torch.inference_mode():
                outputs = model(x_validation)
                losses.append(cross_entropy(outputs, y_validation).item())
                accuracies.append((outputs.argmax(1) == y_validation).float().mean().item())
        curves.append(Curve.of(trial, steps, losses, accuracies))
    return curves
