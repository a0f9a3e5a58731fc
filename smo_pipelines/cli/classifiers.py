"""``smo classifier``: take a fitted classifier elsewhere, or score texts with it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from smo_pipelines.cli.console import say
from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.errors import ClassifierError

__all__ = ["add_to"]

classifier = typer.Typer(help="Fitted classifiers: write one as a model folder, or score texts with it.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(classifier, name="classifier")


@classifier.command("export")
def _export(
    context: typer.Context,
    experiment: Annotated[str, typer.Argument(help="An experiment's id.")],
    arm: Annotated[ArmName, typer.Argument(help="Whose labels it was trained on.")],
    replicate: Annotated[int, typer.Argument(help="The number of the fit, from 0.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    track: Annotated[bool, typer.Option("--track", help="Also log it in MLflow, below the experiment's run.")] = False,
) -> None:
    """Write a fitted transformer as a folder that the `transformers` library reads by itself."""
    from smo_pipelines.config.experiments import resolve_experiment
    from smo_pipelines.experiment.fits import export_fit, find_fit, log_fit
    from smo_pipelines.experiment.register import find_experiment
    from smo_pipelines.experiment.workspace import open_workspace

    workspace = open_workspace(context.obj)
    file = find_experiment(workspace, experiment)
    resolved = resolve_experiment(file.raw, workspace.catalogue, file.source)
    fit = find_fit(workspace, resolved, arm, replicate)
    export_fit(workspace, fit, folder)
    say(
        f"fit {fit.entry.key[:12]} written to {escape(str(folder))}; flagged is {escape(fit.labels[1])}, threshold in its README.md"
    )
    if track:
        say(f"tracker: {escape(log_fit(workspace, resolved, fit, folder))} ({escape(workspace.tracking_uri)})")


@classifier.command("score")
def _score(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A UTF-8 file with one text a line.")],
    fit: Annotated[str, typer.Option("--fit", help="The first characters of a fit's key.")],
) -> None:
    """Score each line of a file: its number, the score and whether it is flagged; the texts are not shown."""
    from smo_pipelines.experiment.fits import fit_by_key, load_fit
    from smo_pipelines.experiment.workspace import open_workspace

    try:
        texts = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ClassifierError(f"{file} cannot be read as text ({error}): give a UTF-8 file with one text a line") from error
    texts = texts[:-1] if texts[-1] == "" else texts
    if not texts:
        raise ClassifierError(f"{file} holds no text: give a UTF-8 file with one text a line")
    workspace = open_workspace(context.obj)
    fitted = load_fit(workspace, fit_by_key(workspace, fit))
    typer.echo("line,score,flagged")
    for number, score in enumerate(fitted.score(texts), start=1):
        typer.echo(f"{number},{score:.6f},{int(score >= fitted.threshold)}")
