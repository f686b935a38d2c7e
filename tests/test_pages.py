"""The pages a person looks at, in a real browser: Kedro-Viz, MLflow and the report."""

import json
import re
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.sync_api import expect

from dnn_sweep.core.missing import FOR_READERS
from dnn_sweep.pipeline_registry import STAGES, register_pipelines
from tests.local_servers import serve
from tests.quick import configure

pytestmark = pytest.mark.slow
expect.set_options(timeout=30_000)

LAYERS = [
    "raw", "intermediate", "primary", "feature",
    "model_input", "models", "model_output", "reporting",
]  # fmt: skip
FONTS = "https://fonts.googleapis.com/"
# What the tools' own pages say on the console, and why; anything else fails the test.
KEDRO_VIZ_SAYS = {FONTS: "its page asks for a font; offline it falls back to one of the machine's"}
MLFLOW_SAYS = {
    "/ajax-api/2.0/mlflow/users/current": "it asks who is signed in; without accounts nobody is",
    "ResizeObserver loop": "a table that is drawn once more after it changed its size",
}


@contextmanager
def visit(browser, url, *, known=(), leaves=(), **context):
    """Open a page that reaches nothing but this machine, and hold it to a clean console.

    Args:
        browser: Playwright's.
        url: The page's address.
        known: Parts of messages (text and source) that the page's own tool always produces.
        leaves: Addresses that the page may try to reach, in vain.
        context: Such as ``viewport`` and ``color_scheme``.
    """
    messages, left = [], []
    opened = browser.new_context(**context)

    def answer(route):
        address = route.request.url
        if address.startswith(("http://127.0.0.1:", "file://", "data:", "blob:")):
            route.continue_()
        else:
            left.append(address)
            route.abort()

    opened.route("**/*", answer)
    opened.set_default_timeout(120_000)  # the machine may be busy with other tests
    page = opened.new_page()
    page.on(
        "console",
        lambda m: m.type == "error" and messages.append(f"{m.text} {m.location.get('url', '')}"),
    )
    page.on("pageerror", lambda error: messages.append(str(error)))
    try:
        page.goto(url)
        yield page
        assert [each for each in messages if not any(part in each for part in known)] == []
        assert [each for each in left if not each.startswith(tuple(leaves))] == []
    finally:
        opened.close()


@pytest.fixture(scope="module")
def trained(new_project):
    project = new_project()
    configure(project)
    done = project.kedro("run", "--pipeline=train")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


@pytest.fixture(scope="module")
def viz(trained):
    """Kedro-Viz's address, and its log with every module that it imports."""
    with serve(
        trained, "kedro", "viz", "run", "--no-browser", env={"PYTHONPROFILEIMPORTTIME": "1"}
    ) as running:
        yield running


@pytest.fixture(scope="module")
def graph(viz):
    return read_json(f"{viz[0]}/api/main")


@pytest.fixture(scope="module")
def mlflow_ui(trained):
    with serve(
        trained, "mlflow", "server", "--workers", "1", "--backend-store-uri", trained.tracking_uri,
        env={"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    ) as (address, _):  # fmt: skip
        yield address


def read_json(address):
    with urlopen(address, timeout=60) as answer:
        return json.load(answer)


def visit_viz(chromium, viz, path=""):
    return visit(chromium, f"{viz[0]}/{path}", known=KEDRO_VIZ_SAYS, leaves=[FONTS])


def visit_dataset(chromium, viz, graph, name):
    (found,) = (each["id"] for each in graph["nodes"] if each["name"] == name)
    return visit_viz(chromium, viz, f"?pid=__default__&sid={found}")


def visit_mlflow(chromium, mlflow_ui, path):
    page = f"{mlflow_ui}/#/{path}?workflowType=machine_learning"
    # Wide, since a narrow table of runs hides columns.
    return visit(chromium, page, known=MLFLOW_SAYS, viewport={"width": 1900, "height": 900})


def test_kedro_viz_shows_the_stages_alone_at_first(chromium, viz):
    with visit_viz(chromium, viz) as page:
        stages = page.locator(".pipeline-node__text")
        expect(stages).to_have_count(len(STAGES))
        page.wait_for_timeout(1500)  # the boxes move to their places
        from_the_top = sorted(stages.all(), key=lambda each: each.bounding_box()["y"])
        names = [each.text_content() for each in from_the_top]
        assert names == [each.__name__.split(".")[-1] for each in STAGES]


def test_kedro_viz_shows_the_datasets_between_the_stages_in_layers_where_one_asks(chromium, viz):
    train = register_pipelines()["train"]
    folded = {node.short_name for node in train.nodes}
    with visit_viz(chromium, viz) as page:
        expect(page.locator(".pipeline-node__text")).to_have_count(len(STAGES))
        page.get_by_text("Datasets", exact=True).click()
        expect(page.locator(".pipeline-layer-name").last).to_be_visible()
        shown = set(page.locator(".pipeline-node__text").all_text_contents())
        assert {"ingestion", "reporting", "leaderboard"} <= shown
        assert shown & folded == set()
        assert page.locator(".pipeline-layer-name").all_text_contents() == LAYERS


def test_kedro_viz_unfolds_every_node_and_dataset(chromium, viz):
    train = register_pipelines()["train"]
    wanted = {node.short_name for node in train.nodes}
    wanted |= {name for name in train.datasets() if not name.startswith("params:")}
    with visit_viz(chromium, viz, "?expandAllPipelines=true") as page:
        expect(page.locator(".pipeline-node__text")).to_have_count(len(wanted))
        shown = page.locator(".pipeline-node__text").all_text_contents()
        assert set(shown) == wanted
        of_the_heatmap = ["draw_heatmap", "heatmap_figure"]  # one of its two files, not both
        assert sorted(name for name in shown if "heatmap" in name) == of_the_heatmap


def test_kedro_viz_knows_every_nodes_stage(graph):
    tasks = [node for node in graph["nodes"] if node["type"] == "task"]
    assert len(tasks) == len(register_pipelines()["train"].nodes)
    for node in tasks:
        (tag,) = {*node["tags"]} - {FOR_READERS}
        assert node["modular_pipelines"] == [tag]


def test_every_dataset_that_has_a_preview_shows_one(viz, graph):
    shown = {}
    for node in graph["nodes"]:
        if node["type"] == "data":
            about = read_json(f"{viz[0]}/api/nodes/{node['id']}")
            if about.get("preview_type"):
                shown[node["name"]] = about.get("preview")

    assert [name for name, preview in shown.items() if preview is None] == []
    assert {
        "raw_table", "schema", "trial_plan", "trial_results", "network_summaries", "leaderboard",
        "champion", "learning_curves_figure", "comparison", "verdicts",
        "ranking_figure", "learning_rates_figure",
        "diagnostics_figure", "time_to_target_figure", "predictions_figure",
    } <= set(shown)  # fmt: skip


def test_kedro_viz_previews_the_leaderboard(chromium, viz, graph):
    with visit_dataset(chromium, viz, graph, "leaderboard") as page:
        table = page.locator(".preview-table")
        expect(table).to_be_visible()
        for text in ("val_accuracy_mean", "relu + adam", "relu + sgd"):
            expect(table).to_contain_text(text)


def test_kedro_viz_previews_the_learning_curves(chromium, viz, graph):
    with visit_dataset(chromium, viz, graph, "learning_curves_figure") as page:
        figure = page.locator(".pipeline-metadata__preview .js-plotly-plot")
        expect(figure.locator(".scatterlayer path.js-line").first).to_be_attached()
        expect(figure).to_contain_text("Learning curves of 2 combinations")


def test_kedro_viz_previews_the_networks(chromium, viz, graph):
    with visit_dataset(chromium, viz, graph, "network_summaries") as page:
        texts = page.locator(".pipeline-metadata__preview-html")
        expect(texts).to_contain_text("hidden1 (Dense)")
        expect(texts).to_contain_text("relu")


def test_kedro_viz_and_its_previews_load_no_tensorflow(viz, graph):
    for node in graph["nodes"]:
        read_json(f"{viz[0]}/api/nodes/{node['id']}")
    log = viz[1].read_text()
    imported = {
        line.rpartition("|")[2].strip() for line in log.splitlines() if "import time:" in line
    }
    assert "dnn_sweep.core.training.sweep" in imported
    assert imported & {"tensorflow", "keras"} == set()


def test_mlflow_shows_the_sweep_with_nested_runs_and_their_parameters(chromium, mlflow_ui, trained):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(trained.tracking_uri)
    experiment = client.get_experiment_by_name("dnn_sweep/digits").experiment_id
    found = client.search_runs([experiment])
    (sweep,) = [run.info for run in found if "mlflow.parentRunId" not in run.data.tags]
    named = {run.data.tags.get("combination"): run.info for run in found}
    assert re.fullmatch(r"relu \+ (adam|sgd) leads · 0\.\d+ · digits", sweep.run_name)
    assert re.fullmatch(r"relu \+ adam · 0\.\d+ · digits", named["relu + adam"].run_name)
    with visit_mlflow(chromium, mlflow_ui, f"experiments/{experiment}/runs") as page:
        expect(page.get_by_text("dnn_sweep/digits").first).to_be_visible()
        expect(page.get_by_role("link", name=sweep.run_name, exact=True)).to_be_visible()
        child = page.get_by_role("link", name=named["relu + adam"].run_name, exact=True)
        expect(child).to_have_count(0)
        page.locator(".ag-row").get_by_role("button").first.click()
        expect(child).to_be_visible()
        expect(page.locator(".ag-center-cols-container .ag-row")).to_have_count(3)
    names = {run.info.run_id: run.info.run_name for run in found}
    for run, texts in {
        named["relu + adam"].run_id: [
            sweep.run_name, "learning_rate", "batch_size", "adam", "val_accuracy_mean", "rank",
            "val_accuracy_by_seed", "digits",
        ],
        sweep.run_id: [
            "Model card: dnn_sweep_digits", "winner", "dnn_sweep_digits", "test_accuracy",
            "system/cpu_utilization_percentage", re.compile(r'"stratify":\s*true'),
        ],
    }.items():  # fmt: skip
        path = f"experiments/{experiment}/runs/{run}"
        with visit_mlflow(chromium, mlflow_ui, path) as page:
            expect(page.get_by_role("heading", name=names[run])).to_be_visible()
            for text in texts:
                expect(page.locator("body")).to_contain_text(text)
    with visit_mlflow(chromium, mlflow_ui, "experiments") as page:
        expect(page.locator("body")).to_contain_text("on the test set (latest sweep)")


def test_the_readmes_address_opens_mlflow_for_training(chromium, mlflow_ui):
    readme = Path(__file__).parents[1].joinpath("README.md").read_text()
    (path,) = re.findall(r"<http://127\.0\.0\.1:5000(/[^>]*)>", readme)
    with visit(chromium, mlflow_ui + path, known=MLFLOW_SAYS) as page:
        expect(page.get_by_text("dnn_sweep/digits").first).to_be_visible()
        expect(page.get_by_text("Model registry").first).to_be_visible()
        expect(page.get_by_text("AI Gateway")).to_have_count(0)


def test_mlflow_shows_the_registered_champion(chromium, mlflow_ui):
    with visit_mlflow(chromium, mlflow_ui, "models/dnn_sweep_digits") as page:
        expect(page.get_by_role("heading", name="dnn_sweep_digits")).to_be_visible()
        row = page.get_by_role("row").filter(has_text="Version 1")
        expect(row).to_contain_text("champion")
        expect(row).to_contain_text("relu")
    with visit_mlflow(chromium, mlflow_ui, "models/dnn_sweep_digits/versions/1") as page:
        card = page.get_by_role("heading", name="Model card: dnn_sweep_digits version 1")
        expect(card).to_be_visible()
        for section in ("Intended use", "Metrics", "Caveats"):
            expect(page.get_by_role("heading", name=section, exact=True)).to_be_visible()


@pytest.mark.parametrize("colors", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_reads_well_offline(chromium, trained, width, colors):
    report = trained.path / "data/08_reporting/digits/report.html"
    record = json.loads(report.with_name("champion.json").read_text())
    with visit(
        chromium, report.as_uri(), viewport={"width": width, "height": 900}, color_scheme=colors,
        offline=True,
    ) as page:  # fmt: skip
        headline = page.get_by_role("heading", level=1)
        expect(headline).to_have_text(
            re.compile(rf"^{re.escape(record['combination'])} .* on digits")
        )
        for name, drawn in {
            "heatmap": ".heatmaplayer image",
            "ranking": ".scatterlayer .point",
            "learning_curves": ".scatterlayer path.js-line",
            "time_to_target": ".scatterlayer path.js-line",
            "predictions": ".heatmaplayer image",
        }.items():
            expect(page.locator(f"#figure-{name} {drawn}").first).to_be_attached()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width == 1280:  # a desktop shows every table and figure whole
            beyond = "each => each.filter(e => e.scrollWidth > e.clientWidth).map(e => e.innerText)"
            assert page.locator(".wide").evaluate_all(beyond) == []
        # Text and figures' text stand out from the page, whichever way the colours run.
        page_is_dark = brightness(page, "body", "backgroundColor") < 0.5
        assert page_is_dark == (colors == "dark")
        assert (brightness(page, "h1", "color") > 0.5) == page_is_dark
        for figure in ("heatmap", "ranking", "learning_curves", "time_to_target"):
            label = f"#figure-{figure} .xtick text"
            assert (brightness(page, label, "fill") > 0.5) == page_is_dark
        # The mistakes are pictures of digits.
        picture = page.locator(".pictures img").first
        assert picture.evaluate("image => image.naturalWidth") == 8


def test_the_first_screen_answers_what_one_asks_first(chromium, trained):
    with open_report(chromium, trained) as page:
        answers = page.locator("dl.decision dd")
        asked = page.locator("dl.decision dt").all_text_contents()
        assert asked == [
            "What to use", "How sure", "A simpler model", "What failed", "What next",
            "To serve it", "Compared", "Learning rates", "Data",
        ]  # fmt: skip
        told = dict(zip(asked, answers.all_text_contents(), strict=True))
        assert re.match(
            r"(Of the networks, use|Use) relu \+ \w+ at learning rate", told["What to use"]
        )
        assert re.search(r"accuracy 0\.\d+ \[0\.\d+, 0\.\d+\] on the test set", told["What to use"])
        assert "relu + " in told["How sure"]
        assert "deep network" in told["A simpler model"]
        assert "combination" in told["What failed"]
        assert "seed" in told["What next"]
        assert "kedro serve" in told["To serve it"]
        assert "2 combinations" in told["Compared"]
        assert "2 baselines: most frequent class, logistic regression" in told["Compared"]
        assert "set beforehand" in told["Learning rates"]
        assert "1,077 training, 360 validation and 360 test rows" in told["Data"]
        box = answers.last.bounding_box()
        assert box["y"] + box["height"] <= 900


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_figures_of_the_test_rows_fit_a_phone(chromium, trained, colors):
    context = {"viewport": {"width": 390, "height": 844}, "color_scheme": colors}
    with open_report(chromium, trained, **context) as page:
        label = "#figure-calibration .xtick text"
        expect(page.locator(label).first).to_be_attached()
        assert (brightness(page, label, "fill") > 0.5) == (colors == "dark")
        box = page.locator("#figure-calibration .main-svg").first.bounding_box()
        assert box["x"] + box["width"] <= 390
        sampled = page.locator(".strips img")
        expect(sampled).to_have_count(10)
        assert sampled.first.evaluate("image => image.naturalWidth") == 6 * 8 + 5
        assert sampled.first.bounding_box()["width"] <= 390


def test_no_prediction_is_as_bright_as_a_page_that_is_light(chromium, trained):
    with open_report(chromium, trained) as page:
        cells = page.locator("#figure-predictions")
        expect(cells.locator(".heatmaplayer image")).to_be_attached()
        scale = cells.evaluate("figure => figure.data[0].colorscale")
        assert scale[0] == [0, "#f7fbff"]


def test_the_report_is_rebuilt_without_training_and_leaves_no_run_behind(trained):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(trained.tracking_uri)
    experiment = client.get_experiment_by_name("dnn_sweep/digits").experiment_id
    runs = len(client.search_runs([experiment]))
    report = trained.path / "data/08_reporting/digits/report.html"
    before, trials = report.read_text(), trained.path / "data/06_models/trials"
    report.unlink()
    trials.rename(trials.with_name("elsewhere"))
    try:
        done = trained.kedro("run", "--pipeline=reporting")
    finally:
        trials.with_name("elsewhere").rename(trials)

    assert done.returncode == 0, done.stderr
    assert report.read_text() == before
    assert len(client.search_runs([experiment])) == runs


def open_report(chromium, trained, **context):
    report = trained.path / "data/08_reporting/digits/report.html"
    context = {"viewport": {"width": 1280, "height": 900}, "offline": True} | context
    return visit(chromium, report.as_uri(), **context)


def test_the_reader_chooses_the_combinations_of_the_learning_curves(chromium, trained):
    with open_report(chromium, trained) as page:
        lines = page.locator("#figure-learning_curves path.js-line")
        choice = page.locator("[data-figure=figure-learning_curves]")
        adam = choice.get_by_role("button", name="relu + adam")
        expect(adam).to_have_attribute("aria-pressed", "true")
        both = lines.count()
        adam.click()
        expect(adam).to_have_attribute("aria-pressed", "false")
        # Without its training line, and in grey.
        expect(lines).to_have_count(both // 2 + 1)
        strokes = [line.evaluate("each => each.style.stroke") for line in lines.all()]
        assert strokes.count("rgb(154, 160, 166)") == 1
        choice.get_by_role("button", name="none").click()
        expect(lines).to_have_count(2)
        choice.get_by_role("button", name="all").click()
        expect(lines).to_have_count(both)
        assert len({line.evaluate("each => each.style.stroke") for line in lines.all()}) == 2


def test_the_learning_curves_tell_values_where_one_points(chromium, trained):
    with open_report(chromium, trained) as page:
        plot = page.locator("#figure-learning_curves .nsewdrag").first
        expect(plot).to_be_visible()
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        point = page.locator("#figure-learning_curves").evaluate(
            "figure => { const trace = figure.data.find(each => each.meta[1] == 'validation');"
            "const {xaxis, yaxis} = figure._fullLayout;"
            "return [xaxis.l2p(trace.x[1]), yaxis.l2p(trace.y[1])]; }"
        )
        page.mouse.move(box["x"] + point[0] + 1, box["y"] + point[1])
        expect(page.locator("#figure-learning_curves .hoverlayer")).to_contain_text("epoch 2: 0.")


def test_terms_are_explained_also_to_the_keyboard(chromium, trained):
    with open_report(chromium, trained, viewport={"width": 390, "height": 900}) as page:
        term = page.locator("abbr").first
        assert len(term.get_attribute("title")) > 20
        term.focus()
        shown = "each => getComputedStyle(each, '::after').content"
        assert term.get_attribute("title") in term.evaluate(shown).replace('\\"', '"')
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_confusion_matrix_is_dark_on_a_dark_page(chromium, trained):
    with open_report(chromium, trained, color_scheme="dark") as page:
        expect(page.locator("#figure-predictions .heatmaplayer image")).to_be_attached()
        scale = page.evaluate(
            "document.getElementById('figure-predictions').data[0].colorscale[0][1]"
        )
        assert scale == "#1e2329"


def test_the_live_page_ends_with_a_link_to_the_report(chromium, trained):
    live = trained.path / "data/08_reporting/digits/live.html"
    assert live.stat().st_size < 50_000
    with visit(chromium, live.as_uri(), offline=True) as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("digits: Training has finished")
        expect(page.get_by_role("row").filter(has_text="relu")).to_contain_text("0.")
        page.get_by_role("link", name="report.html").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("on digits")


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_the_report_prints_in_light_colours_on_the_papers_width(chromium, trained, colors):
    with open_report(chromium, trained, color_scheme=colors) as page:
        expect(page.locator("#figure-predictions .heatmaplayer image")).to_be_attached()
        page.set_viewport_size({"width": 720, "height": 1000})
        page.emulate_media(media="print", color_scheme=colors)
        label = page.locator("#figure-ranking .xtick text").first
        expect(label).to_have_css("fill", "rgb(42, 63, 95)")
        assert brightness(page, "body", "backgroundColor") > 0.9
        expect(page.locator("nav")).to_be_hidden()
        assert page.locator("details").count() > 2
        expect(page.locator("details:not([open])")).to_have_count(0)
        for figure in page.locator(".js-plotly-plot").all():
            box = figure.locator(".main-svg").first.bounding_box()
            assert box["x"] + box["width"] <= 720


def brightness(page, selector, property_name):
    """Mean of red, green and blue of an element's colour, from 0 to 1."""
    return page.locator(selector).first.evaluate(
        "(element, name) => getComputedStyle(element)[name].match(/\\d+/g).slice(0, 3)"
        ".reduce((sum, each) => sum + Number(each) / 765, 0)",
        property_name,
    )
