"""A plain Keras loop: build, compile and fit one model after another, as tutorials do."""

import keras

from benchmarks.workloads import Curve, TrialSpec, Work


def build_model(trial: TrialSpec, work: Work) -> keras.Sequential:
    """The uncompiled network; its initial weights follow the trial's seed."""
    keras.utils.set_random_seed(trial.seed)
    model = keras.Sequential([keras.Input((work.x_train.shape[1],))])
    for units in work.hidden:
        model.add(keras.layers.Dense(units, activation=trial.activation))
    model.add(keras.layers.Dense(work.classes, activation="softmax"))
    return model


def build_optimizer(trial: TrialSpec) -> keras.optimizers.Optimizer:
    """The optimizer with the trial's settings."""
    chosen = getattr(keras.optimizers, trial.optimizer_class)
    return chosen(learning_rate=trial.learning_rate, **trial.arguments)


def fit_and_read(model: keras.Model, trial: TrialSpec, work: Work) -> Curve:
    """Fit a compiled model and return its curves."""
    history = model.fit(
        work.x_train,
        work.y_train,
        batch_size=work.batch_size,
        epochs=work.epochs,
        validation_data=(work.x_validation, work.y_validation),
        verbose=0,
    ).history
    steps = model.optimizer.iterations.numpy()
    return Curve.of(trial, steps, history["val_loss"], history["val_accuracy"])


def train(work: Work) -> list[Curve]:
    """Train every trial."""
    curves = []
    for trial in work.trials:
        model = build_model(trial, work)
        model.compile(
            optimizer=build_optimizer(trial),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        curves.append(fit_and_read(model, trial, work))
    return curves
