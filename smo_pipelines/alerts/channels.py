"""The channels of a plan, with their addresses out of the environment."""

from collections.abc import Mapping
from typing import Protocol

from smo_pipelines.alerts.attempts import Outcome
from smo_pipelines.alerts.command import Command
from smo_pipelines.alerts.mail import open_mail
from smo_pipelines.alerts.webhook import open_webhook
from smo_pipelines.domain.alerts import Alert, AlertSettings
from smo_pipelines.errors import AlertError

__all__ = ["Channel", "open_channels"]


class Channel(Protocol):
    """Where alerts can go."""

    @property
    def id(self) -> str:
        """Names the channel in the store; no secret."""

    @property
    def where(self) -> str:
        """The channel in words; no secret."""

    def send(self, alert: Alert) -> Outcome:
        """Make one attempt; what the other side does is an outcome, never an exception."""


class _Shut:
    """A channel that is configured and cannot be opened here: the others still go, and this one is tried again."""

    def __init__(self, id: str, where: str, reason: str) -> None:  # noqa: A002 -- the channel's own word
        self.id, self.where, self._reason = id, where, reason

    def send(self, alert: Alert) -> Outcome:
        return Outcome(delivered=False, again=False, sentence=self._reason)


def open_channels(settings: AlertSettings, environment: Mapping[str, str]) -> tuple[Channel, ...]:
    """Return the channels, webhooks first; one whose variable is not set is there and fails with the reason."""
    found: list[Channel] = []
    for webhook in settings.webhooks:
        try:
            found.append(open_webhook(webhook, environment))
        except AlertError as error:
            found.append(_Shut(webhook.id, f"the webhook in {webhook.url_env}", str(error)))
    if settings.mail is not None:
        try:
            found.append(open_mail(settings.mail, environment))
        except AlertError as error:
            found.append(_Shut(settings.mail.id, f"mail to {', '.join(settings.mail.to)}", str(error)))
    return (*found, *(Command(command) for command in settings.commands))
