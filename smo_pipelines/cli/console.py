"""Where the command line prints, and how progress looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["console", "errors", "now", "replicate_progress"]

console = Console()
errors = Console(stderr=True)


def now() -> datetime:
    """Return the current moment in UTC: the command line is the edge where time comes in."""
    return datetime.now(UTC)


@contextmanager
def replicate_progress(title: str) -> Iterator[Callable[[str, float], None]]:
    """Show one bar over all replicates of an experiment, with the time left, and yield the function that moves it.

    The label ``"total"`` sets how many replicates there are; any other label moves that replicate's share.
    """
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    shares: dict[str, float] = {}
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=None, note="preparing", visible=False)

        def move(label: str, share: float) -> None:
            if label == "total":
                progress.update(task, total=share, visible=share > 0)
                return
            if label == "texts":
                progress.update(task, note=f"reading texts {share:.0%}")
                return
            shares[label] = share
            finished = sum(1 for value in shares.values() if value >= 1.0)
            total = progress.tasks[task].total or 0
            progress.update(task, completed=sum(shares.values()), note=f"{finished}/{total:.0f} fits")

        yield move
