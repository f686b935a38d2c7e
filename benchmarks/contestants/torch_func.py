"""``torch.func``: the replicates of a combination as one stack of parameters."""

from itertools import groupby

import torch
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from benchmarks.contestants.pytorch import build_model, build_optimizer, choose_threads
from benchmarks.workloads import Curve, TrialSpec, Work


def train(work: Work) -> list[Curve]:
    """Train every trial, those of one combination together."""
    by_combination = groupby(work.trials, lambda trial: trial.combination)
    return [curve for _, group in by_combination for curve in _train_stack(list(group), work)]


def _train_stack(trials: list[TrialSpec], work: Work) -> list[Curve]:
    x, y = torch.from_numpy(work.x_train), torch.from_numpy(work.y_train).long()
    x_validation = torch.from_numpy(work.x_validation)
    y_validation = torch.from_numpy(work.y_validation).long()
    models = [build_model(trial, work) for trial in trials]
    stacked, _ = stack_module_state(models)
    weights = {name: each.detach() for name, each in stacked.items()}
    # The optimizers are elementwise, so one of them updates the whole stack.
    optimizer = build_optimizer(trials[0], list(weights.values()))
    skeleton = models[0]

    def loss_of(weights: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return cross_entropy(functional_call(skeleton, weights, (x,)), y)

    def judge(weights: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        outputs = functional_call(skeleton, weights, (x_validation,))
        accuracy = (outputs.argmax(1) == y_validation).float().mean()
        return cross_entropy(outputs, y_validation), accuracy

    gradients_of = vmap(grad(loss_of))
    some = torch.arange(work.batch_size).repeat(len(trials), 1)
    choose_threads(lambda: gradients_of(weights, x[some], y[some]))
    losses, accuracies, steps = [], [], 0
    for _ in range(work.epochs):
        orders = torch.stack([torch.randperm(len(x)) for _ in trials])  # one order per trial
        for rows in orders.split(work.batch_size, dim=1):
            gradients = gradients_of(weights, x[rows], y[rows])
            for name, each in weights.items():
                each.grad = gradients[name]
            optimizer.step()
            steps += 1
        with torch.inference_mode():
            loss, accuracy = vmap(judge)(weights)
        losses.append(loss.tolist())
        accuracies.append(accuracy.tolist())
    columns = zip(trials, zip(*losses, strict=True), zip(*accuracies, strict=True), strict=True)
    return [Curve.of(trial, steps, *each) for trial, *each in columns]
