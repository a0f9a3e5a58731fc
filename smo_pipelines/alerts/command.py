"""Alerts to a program of the user's own, which gets the alert as JSON on its standard input."""

import subprocess
from dataclasses import dataclass

from smo_pipelines.alerts.attempts import Outcome, later, never, through
from smo_pipelines.alerts.messages import document
from smo_pipelines.domain.alerts import Alert, CommandSettings
from smo_pipelines.domain.digests import digest_of, short

__all__ = ["Command"]

_SECONDS = 60.0


@dataclass(frozen=True)
class Command:
    """One program; what it prints as an error goes where this process's errors go, and its output nowhere."""

    settings: CommandSettings

    @property
    def id(self) -> str:
        """Names the channel in the store."""
        return f"command-{short(digest_of(self.settings.arguments))}"

    @property
    def where(self) -> str:
        """The channel in words."""
        return f"the command {self.settings.name}"

    def send(self, alert: Alert) -> Outcome:
        """Run the program once: delivered when it ends with 0."""
        try:
            ended = subprocess.run(
                self.settings.arguments, input=document(alert), stdout=subprocess.DEVNULL, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return later(f"did not end within {_SECONDS:.0f} s and was stopped")
        except OSError as error:
            return never(f"cannot be started: {error.strerror}")
        return through() if ended.returncode == 0 else later(f"ended with {ended.returncode}")
