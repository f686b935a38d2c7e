# The project on a CPU. docs/deploy.md has the commands, and the variant for a GPU.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    GIT_PYTHON_REFRESH=quiet \
    MLFLOW_TRACKING_URI=sqlite:////project/mlruns/mlflow.db

WORKDIR /project

# First what changes seldom: the pinned versions, with hashes.
COPY requirements.lock ./
RUN python -m pip install --no-cache-dir --require-hashes --requirement requirements.lock

COPY . ./
# What a run writes lies in two folders, and Kedro-Viz's statistics in a third; they belong to a user
# without privileges.
RUN python -m compileall -q src \
    && useradd --create-home --uid 1000 sweep \
    && mkdir -p .viz data mlruns \
    && chown -R sweep .viz data mlruns
VOLUME ["/project/data", "/project/mlruns"]
USER 1000

EXPOSE 5001
CMD ["kedro", "run", "--pipeline=train"]
