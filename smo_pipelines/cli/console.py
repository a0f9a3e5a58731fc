"""Where the command line prints, and how progress looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from smo_pipelines.config import clock

__all__ = ["console", "errors", "now", "replicate_progress", "say", "time_left"]

console = Console()
errors = Console(stderr=True)


def now() -> datetime:
    """Return the current moment in UTC: the command line is the edge where time comes in."""
    return clock.now()


def say(text: str) -> None:
    """Print a line of text, in rich's markup; it is not broken, so that it can be searched and copied."""
    console.print(text, soft_wrap=True)


def time_left(seconds: float, share: float) -> str:
    """Return how long is left in words, when so many seconds did so much of the work.

    Examples
    --------
    >>> time_left(30, 0.25), time_left(4000, 0.5), time_left(10, 0.0)
    ('1:30 left', '1:06:40 left', '')
    """
    if share <= 0:
        return ""
    left = timedelta(seconds=round(seconds * (1 - share) / share))
    return f"{str(left).removeprefix('0:').removeprefix('0')} left"


@contextmanager
def replicate_progress() -> Iterator[Callable[[str, float], None]]:
    """Show one bar over the replicates that are trained, with the time left, and yield the function that moves it.

    The label ``"total"`` sets how many replicates there are; any other label moves that replicate's share. Where output goes to a
    file or a pipe there is one line and no bar.
    """
    columns = (
        TextColumn("training"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    shares: dict[str, float] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def move(label: str, share: float) -> None:
            if label == "total":
                progress.add_task("training", total=share, note=f"0/{share:.0f} fits", left="")
                if not console.is_terminal:
                    say(f"training {share:.0f} fits ...")
                return
            if label == "texts":
                progress.update(progress.tasks[0].id, note=f"reading texts {share:.0%}")
                return
            shares[label] = share
            task = progress.tasks[0]
            total, done = task.total or 1.0, sum(shares.values())
            finished = sum(1 for value in shares.values() if value >= 1.0)
            left = time_left(task.elapsed or 0.0, done / total)
            progress.update(task.id, completed=done, note=f"{finished}/{total:.0f} fits", left=left)

        yield move
