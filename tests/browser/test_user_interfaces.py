"""What a data scientist does, in a real browser: launch from a form, watch, launch a partition again, read the result in MLflow."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.examples.dagster_projects import REPOSITORY, make_project
from tests.examples.ports import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

CHROMIUM = os.environ.get("SMO_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
SECONDS = 1000.0
_SMO = "import sys; from smo_pipelines.cli.main import main; sys.argv[0] = 'smo'; main()"
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@dataclass
class Servers:
    """Both user interfaces, running."""

    root: Path
    process: "subprocess.Popen[bytes]"
    dagster: str
    mlflow: str


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    if not os.environ.get("SMO_BROWSER_TESTS"):
        pytest.skip("takes minutes; SMO_BROWSER_TESTS=1 runs it")
    if CHROMIUM is None:
        pytest.skip("no chromium was found on PATH; SMO_CHROMIUM names its executable")
    root = tmp_path_factory.mktemp("browser") / "project"
    root.mkdir()
    make_project(root)
    ports = free_port(), free_port()
    command = [
        sys.executable,
        "-c",
        _SMO,
        "--root",
        str(root),
        "up",
        "--dagster-port",
        str(ports[0]),
        "--mlflow-port",
        str(ports[1]),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SMO_", "MLFLOW_", "DAGSTER_"))}
    output = root / "up.out"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=stream, cwd=root, env=environment | {"PYTHONPATH": str(REPOSITORY)}
        )
    try:
        deadline = time.monotonic() + 120
        while "Ctrl-C stops everything" not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.2)
        yield Servers(root, process, *(f"http://127.0.0.1:{port}" for port in ports))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.fixture(scope="module")
def page(servers: Servers) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        opened = browser.new_page(viewport={"width": 1500, "height": 950})
        opened.set_default_timeout(60 * SECONDS)
        yield opened
        browser.close()


def query(page: Any, servers: Servers, text: str) -> Any:
    """Ask Dagster what its pages ask it."""
    answer = page.request.post(f"{servers.dagster}/graphql", data={"query": text}).json()
    assert "errors" not in answer, answer
    return answer["data"]


def runs_of(page: Any, servers: Servers, experiment: str) -> list[tuple[str, str]]:
    """Return id and status of the runs of one experiment, newest first."""
    found = query(page, servers, "{runsOrError{... on Runs{results{runId status tags{key value}}}}}")["runsOrError"]["results"]
    mine = {"key": "dagster/partition", "value": experiment}
    return [(run["runId"], run["status"]) for run in found if mine in run["tags"]]


def wait_for_success(page: Any, servers: Servers, experiment: str, count: int) -> str:
    """Wait until so many runs of an experiment have succeeded, and return the newest one's id."""
    deadline = time.monotonic() + 150
    while True:
        runs = runs_of(page, servers, experiment)
        assert all(status not in {"FAILURE", "CANCELED"} for _, status in runs), runs
        if len(runs) >= count and all(status == "SUCCESS" for _, status in runs):
            return runs[0][0]
        assert time.monotonic() < deadline, runs
        time.sleep(0.5)


@pytest.fixture(scope="module")
def launched(page: Any, servers: Servers) -> str:
    """Fill the launch form in the Launchpad, launch it, and return the name of the experiment that it registered."""
    page.goto(f"{servers.dagster}/locations/smo_pipelines/jobs/launch_ab_experiment/playground")
    editor = "document.querySelector('.CodeMirror').CodeMirror"
    page.wait_for_function(f"() => document.querySelector('.CodeMirror') && {editor}.getValue().includes('replicates')")
    form = page.evaluate(f"() => {editor}.getValue()")
    edited = form.replace("replicates: 5", "replicates: 2").replace("redraws: 10", "redraws: 3").replace("OC-0000", "OC-0077")
    assert edited.count("OC-0077") == 1
    page.evaluate(f"text => {editor}.setValue(text)", edited)
    page.get_by_text("No errors").wait_for()
    page.get_by_role("button", name="Launch Run").click()
    page.wait_for_url(re.compile("/runs/"))
    sentence = page.get_by_text(re.compile(r"registered form-[0-9a-f]{12}: "))
    sentence.first.wait_for()
    name = re.search(r"form-[0-9a-f]{12}", sentence.first.inner_text())
    assert name is not None
    return name.group()


def test_the_form_registers_an_experiment_and_the_sensor_runs_it_to_its_decision(
    page: Any, servers: Servers, launched: str
) -> None:
    run = wait_for_success(page, servers, launched, 1)
    page.goto(f"{servers.dagster}/runs/{run}")
    page.get_by_text("Success", exact=True).first.wait_for()
    page.get_by_text("Launched by experiment_specs").wait_for()
    page.goto(f"{servers.dagster}/assets/comparison/decision?view=partitions&partition={launched}")
    page.get_by_text("Materialized", exact=True).first.wait_for()
    page.get_by_text(re.compile("^(SHIP|HOLD|ROLL BACK|INCONCLUSIVE): ")).first.wait_for()


def test_an_experiment_file_was_picked_up_and_can_be_launched_again_from_its_partition(page: Any, servers: Servers) -> None:
    wait_for_success(page, servers, "quick", 1)
    page.goto(f"{servers.dagster}/locations/smo_pipelines/jobs/ab_experiment")
    page.get_by_role("button", name="Materialize all").click()
    page.get_by_text("Select a partition or create one").click()
    page.locator("a,li,[role=menuitem],[role=option]").filter(has_text="quick").filter(visible=True).last.click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Launch 1 run").click()
    page.get_by_text("Launched run").wait_for()
    run = wait_for_success(page, servers, "quick", 2)
    page.goto(f"{servers.dagster}/runs/{run}")
    page.get_by_text("Success", exact=True).first.wait_for()
    logs = query(
        page, servers, f'{{logsForRun(runId:"{run}"){{... on EventConnection{{events{{... on LogMessageEvent{{message}}}}}}}}}}'
    )
    messages = [event.get("message") for event in logs["logsForRun"]["events"]]
    assert "0 of 10 replicates of both arms are to be computed" in messages


def test_mlflow_shows_the_effect_the_report_and_the_way_back(page: Any, servers: Servers, launched: str) -> None:
    wait_for_success(page, servers, launched, 1)
    metadata = query(
        page,
        servers,
        '{assetOrError(assetKey:{path:["comparison","report"]}){... on Asset{assetMaterializations'
        f'(limit:1,partitions:["{launched}"])'
        "{metadataEntries{label ... on UrlMetadataEntry{url}}}}}}",
    )["assetOrError"]["assetMaterializations"][0]["metadataEntries"]
    links = {entry["label"]: entry.get("url") for entry in metadata}
    experiment = re.search(r"/experiments/(\d+)/", links["mlflow run"])
    assert experiment is not None

    page.goto(f"{servers.mlflow}/#/experiments/{experiment.group(1)}/runs?viewStateShareKey=smo-effects")
    page.get_by_text("Effects of changes").first.wait_for()
    row = page.get_by_role("link", name=re.compile("OC-0077 guideline_edit"))
    row.first.wait_for()
    row.first.click()
    page.get_by_text("smo.experiment").first.wait_for()
    assert page.url.partition("?")[0] == links["mlflow run"].partition("?")[0]
    page.get_by_text("Show more").first.click()
    # the link leads to the run that decided first, which is the oldest one
    first = f"{servers.dagster}/runs/{runs_of(page, servers, launched)[-1][0]}"
    page.locator(f'a[href="{first}"]').first.wait_for()

    page.goto("about:blank")
    page.goto(links["report"])
    page.frame_locator("iframe").get_by_role("heading", name="Clause 3.2 exempts quoted hate").wait_for()
    page.goto(first)
    page.get_by_text("Success", exact=True).first.wait_for()


def test_interrupting_stops_everything(page: Any, servers: Servers) -> None:
    page.goto("about:blank")
    servers.process.send_signal(signal.SIGINT)
    assert servers.process.wait(60) == 0
    mark = f"SMO_ROOT={servers.root}".encode()
    left = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                left.append((entry / "cmdline").read_bytes())
        except OSError:
            continue
    assert left == []
    logs = {path.name for path in (servers.root / ".smo" / "logs").iterdir()}
    assert {"dagster.log", "dagster-daemon.log", "mlflow.log"} <= logs
