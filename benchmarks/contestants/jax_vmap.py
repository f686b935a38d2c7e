"""JAX and Optax: one compiled program per epoch for all trials of one optimizer."""

from collections.abc import Callable
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.workloads import Curve, TrialSpec, Work

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "elu": jax.nn.elu,
    "gelu": partial(jax.nn.gelu, approximate=False),
}
# Trials with the same value are stacked. "combination" would compile more and smaller programs,
# without a choice between activations inside.
TOGETHER = attrgetter("optimizer")
Weights = list[tuple[jax.Array, jax.Array]]
Rows = tuple[jax.Array, jax.Array]


def build_optimizer(trial: TrialSpec) -> optax.GradientTransformation:
    """The optimizer with Keras's settings."""
    rate = trial.learning_rate
    match trial.optimizer_class:
        case "SGD":
            return optax.sgd(rate, **trial.arguments)
        case "Adam":
            return optax.adam(rate, eps=1e-7)
        case "Adagrad":
            return optax.adagrad(rate, initial_accumulator_value=0.1, eps=1e-7)
        case "RMSprop":
            return optax.rmsprop(rate, decay=0.9, eps=1e-7)
        case other:
            raise ValueError(f"no Optax optimizer for {other}")


def train(work: Work) -> list[Curve]:
    """Train every trial, those of one optimizer together."""
    groups = groupby(sorted(work.trials, key=TOGETHER), TOGETHER)
    return [curve for _, group in groups for curve in _train_stack(list(group), work)]


def _train_stack(trials: list[TrialSpec], work: Work) -> list[Curve]:
    names = list(dict.fromkeys(trial.activation for trial in trials))
    which = jnp.array([names.index(trial.activation) for trial in trials])
    optimizer = build_optimizer(trials[0])
    rows, batch_size = len(work.x_train), work.batch_size
    full = rows // batch_size * batch_size
    train, validation = jax.device_put(
        ((work.x_train, work.y_train), (work.x_validation, work.y_validation))
    )

    def start(key: jax.Array) -> Weights:
        widths = (work.x_train.shape[1], *work.hidden, work.classes)
        glorot = jax.nn.initializers.glorot_uniform()
        keys = jax.random.split(key, len(widths) - 1)
        shapes = zip(keys, widths, widths[1:], strict=False)
        return [(glorot(key, (n, units)), jnp.zeros(units)) for key, n, units in shapes]

    def apply(weights: Weights, which: jax.Array, x: jax.Array) -> jax.Array:
        for kernel, bias in weights[:-1]:
            x = jax.lax.switch(which, [ACTIVATIONS[name] for name in names], x @ kernel + bias)
        kernel, bias = weights[-1]
        return x @ kernel + bias

    def loss_of(weights: Weights, which: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        logits = apply(weights, which, x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    def step(which: jax.Array, train: Rows, carry: tuple[Weights, Any], batch: jax.Array) -> Any:
        (x, y), (weights, state) = train, carry
        gradients = jax.grad(loss_of)(weights, which, x[batch], y[batch])
        updates, state = optimizer.update(gradients, state, weights)
        return (optax.apply_updates(weights, updates), state), None

    # Rows are arguments, because a program turns what it closes over into constants.
    @partial(jax.jit, donate_argnums=0)
    @partial(jax.vmap, in_axes=(0, 0, 0, None, None))
    def epoch(
        carry: tuple[Weights, Any],
        which: jax.Array,
        order: jax.Array,
        train: Rows,
        validation: Rows,
    ) -> Any:
        each = partial(step, which, train)
        carry, _ = jax.lax.scan(each, carry, order[:full].reshape(-1, batch_size))
        if full < rows:
            carry, _ = each(carry, order[full:])
        x, y = validation
        logits = apply(carry[0], which, x)
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()
        return carry, (loss, (logits.argmax(1) == y).mean())

    weights = jax.vmap(start)(jnp.stack([jax.random.key(trial.seed) for trial in trials]))
    carry = (weights, jax.vmap(optimizer.init)(weights))
    # NumPy shuffles faster than JAX sorts on a CPU.
    shuffles = [np.random.default_rng(trial.seed) for trial in trials]
    curves = []
    for _ in range(work.epochs):
        orders = np.stack([shuffle.permutation(rows).astype(np.int32) for shuffle in shuffles])
        carry, judged = epoch(carry, which, orders, train, validation)
        curves.append(np.asarray(judged))
    steps = len(curves) * (full // batch_size + (full < rows))
    losses, accuracies = np.moveaxis(np.array(curves), 0, -1)
    return [
        Curve.of(trial, steps, *each)
        for trial, *each in zip(trials, losses, accuracies, strict=True)
    ]
