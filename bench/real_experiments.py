"""The experiments on public ratings, whole: from the published files to decisions, by the commands that a user would type.

Writes a project (or goes on with one) that holds this checkout's ``configs/``, ``experiments/`` and ``experiments/public/``, imports the
public sets, runs ``smo run`` for each experiment, and puts their decisions into a table. What a folder holds already is not run again.

    python -m bench.real_experiments [--quick] [--folder DIR] [--only ID ...]

Needs ``SMO_REAL_DATA``. The last line is one JSON object; the full form also writes a table into ``docs/real-runs.md``. About half an hour
on two cores from an empty folder. ``--quick``: one experiment, with ``tfidf`` in place of the transformer.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.tables import write_table
from smo_pipelines.analysis.decide import decide
from smo_pipelines.analysis.wording import change_in_words
from smo_pipelines.config.experiments import resolve_experiment
from smo_pipelines.config.reading import read_text
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.effects import EffectEstimate, Role
from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.experiment.plan import findings_of
from smo_pipelines.experiment.prepare import load_arms
from smo_pipelines.experiment.record import is_decided
from smo_pipelines.experiment.register import find_experiment
from smo_pipelines.experiment.run import effects_of
from smo_pipelines.experiment.workspace import Workspace

CHECKOUT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results" / "real_experiments.json"
KEY = "real-runs-of-the-documentation"
"""The pseudonyms of the stored run: redraws of raters are hashed from them."""
SETS = {
    "kern2023": ["kern2023"],
    "roettger2022": ["roettger2022"],
    "lewidi2023-md-agreement": ["lewidi2023-md-agreement", "--format", "lewidi", "--mapping", "configs/mappings/md-agreement.yaml"],
}
QUICK = "kern2023-offensive-a-to-b"


def names() -> list[str]:
    """Return the ids of the experiments on public ratings."""
    return ["kern2023-a-to-b", *sorted(path.stem for path in (CHECKOUT / "experiments" / "public").glob("*.yaml"))]


def write_project(folder: Path) -> None:
    """Write or renew a project's files; its state stays."""
    for name in ("configs", "experiments"):
        shutil.copytree(CHECKOUT / name, folder / name, dirs_exist_ok=True)
    for path in (CHECKOUT / "experiments" / "public").glob("*.yaml"):
        shutil.copy(path, folder / "experiments")


def make_quick(folder: Path) -> None:
    """Let one experiment take seconds: the same question, asked of another classifier with fewer fits."""
    path = folder / "experiments" / f"{QUICK}.yaml"
    text = (
        read_text(path, path)
        .replace("minilm-top2", "tfidf")
        .replace("redraws: 5", "redraws: 3")
        .replace("replicates: 5", "replicates: 3")
    )
    path.write_text(text, encoding="utf-8")


def smo(folder: Path, *words: str) -> None:
    """Run a command of ``smo`` in a project.

    Raises
    ------
    CalledProcessError
        When it fails; what it printed stands above.
    """
    environment = {**os.environ, "SMO_RATER_KEY": KEY, "PYTHONPATH": str(CHECKOUT)}
    environment.pop("SMO_STATE", None)
    subprocess.run([sys.executable, "-m", "smo_pipelines", *words], cwd=folder, env=environment, check=True)


def row(workspace: Workspace, name: str) -> dict[str, Any]:
    """Return what a finished experiment found."""
    file = find_experiment(workspace, name)
    experiment = resolve_experiment(file.raw, workspace.catalogue, file.source)
    arms = load_arms(workspace, experiment)
    decision = decide(effects_of(workspace, arms), experiment=experiment, findings=findings_of(workspace, arms))
    total = arms.label_shift.total
    asked = [effect for effect in decision.effects if effect.question.role in (Role.primary, Role.guardrail)]
    return {
        "experiment": name,
        "change": experiment.change.what,
        "classifier": experiment.classifier.name,
        "decision": decision.sentence,
        "digest": decision.digest,
        "trained_items": len(arms.matching),
        "effective_raters": [round(arms.rater_facts(arm).effective_raters, 1) for arm in ArmName],
        "effects": [
            {
                "role": str(effect.question.role),
                "words": change_in_words(effect),
                "estimate": round(effect.estimate, 5),
                "low": round(effect.interval.low, 5),
                "high": round(effect.interval.high, 5),
                "control": round(effect.control, 5),
                "treatment": round(effect.treatment, 5),
            }
            if isinstance(effect, EffectEstimate)
            else {"role": str(effect.question.role), "words": effect.sentence}
            for effect in asked
        ],
        "guardrails": [{"status": str(outcome.status), "sentence": outcome.sentence} for outcome in decision.guardrails],
        "flips": {
            "items": total.items,
            "flips": total.flips,
            "to_positive": total.to_positive,
            "expected": total.expected,
            "expected_low": total.expected_low,
            "expected_high": total.expected_high,
            "within_chance": total.within_chance,
        },
    }


def _in_points(effect: dict[str, Any]) -> str:
    if "low" not in effect:
        return f"not estimable: {effect['words']}"
    return f"{100 * effect['estimate']:+.1f} ({100 * effect['low']:+.1f} to {100 * effect['high']:+.1f})"


def _flips_in_words(flips: dict[str, Any]) -> str:
    seen = f"{flips['flips']:,} of {flips['items']:,}, {flips['to_positive']:,} to positive"
    if flips["expected"] is None:
        return f"{seen}; expected not known: most items have one or two ratings in an arm, and no redraw flips those"
    return f"{seen}; expected {flips['expected']:.0f} ({flips['expected_low']:.0f} to {flips['expected_high']:.0f})"


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the decisions as a table in Markdown, and their sentences below."""
    lines = [
        "| Experiment | Verdict | Primary, points (95% interval) | Guardrails, points | Labels that flip |",
        "|---|---|---|---|---|",
    ]
    for one in rows:
        verdict = one["decision"].partition(":")[0].lower()
        primary = _in_points(one["effects"][0])
        rails = "; ".join(
            f"{_in_points(effect)} {outcome['status'].replace('_', ' ')}"
            for effect, outcome in zip(one["effects"][1:], one["guardrails"], strict=True)
        )
        lines.append(f"| `{one['experiment']}` | {verdict} | {primary} | {rails} | {_flips_in_words(one['flips'])} |")
    lines += ["", *(f"- `{one['experiment']}`: {one['decision']}" for one in rows)]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", type=Path, help="the project; a temporary one unless named")
    parser.add_argument("--only", nargs="*", choices=names(), help="run these anew; the others are those stored")
    asked = parser.parse_args(arguments)
    chosen = [QUICK] if asked.quick else asked.only or names()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (asked.folder or Path(temporary)).absolute()
        write_project(folder)
        if asked.quick:
            make_quick(folder)
        os.environ.pop("SMO_STATE", None)
        workspace = Workspace(ProjectRoot(folder))
        needed = {str(find_experiment(workspace, name).raw["control"]["project"]) for name in chosen}
        for project in sorted(needed):
            if not workspace.tables.has_ratings(project):
                place, *options = SETS[project]
                smo(folder, "import", str(Path(os.environ["SMO_REAL_DATA"]) / place), *options)
        for name in chosen:
            file = find_experiment(workspace, name)
            if not is_decided(workspace, resolve_experiment(file.raw, workspace.catalogue)):
                smo(folder, "run", name)
        rows = [row(workspace, name) for name in chosen]
    head = {"program": "real_experiments", "command": " ".join(["python -m bench.real_experiments", *arguments])}
    if asked.only and not asked.quick:
        stored = {one["experiment"]: one for one in json.loads(RESULTS.read_text(encoding="utf-8"))["experiments"]}
        stored |= {one["experiment"]: one for one in rows}
        rows = [stored[name] for name in names()]
    report = {**head, "seconds": round(time.perf_counter() - started, 1), "experiments": rows}
    print(table(rows))
    if not asked.quick:
        RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        write_table("python -m bench.real_experiments", table(rows))
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1:])
