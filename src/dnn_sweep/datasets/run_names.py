"""The names of MLflow runs, as a person reads them."""

from dnn_sweep.core.formatting import format_score

SEPARATOR = " \N{MIDDLE DOT} "


def name_run(experiment: str, what: str, score: float | None = None) -> str:
    """Name a run after what it is about, its score once that is known, and its experiment.

    MLflow's table shows the first fifteen characters or so; there the experiment is known anyway.

    Args:
        experiment: Its name.
        what: Such as a combination.
        score: What was reached; NaN if everything diverged, ``None`` if it is not known yet.

    >>> name_run("digits", "elu + adam"), name_run("digits", "elu + adam", 0.96204)
    ('elu + adam · digits', 'elu + adam · 0.962 · digits')
    >>> name_run("digits", "relu + sgd", float("nan"))
    'relu + sgd · diverged · digits'
    """
    known = [] if score is None else ["diverged" if score != score else format_score(score)]
    return SEPARATOR.join([what, *known, experiment])
