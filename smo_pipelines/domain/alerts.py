"""What wakes a person, where it is sent, and what became of it."""

import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "Acknowledgement",
    "Alert",
    "AlertSettings",
    "CommandSettings",
    "Delivery",
    "DeliveryState",
    "MailSecurity",
    "MailSettings",
    "Severity",
    "WebhookSettings",
]

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
_LINK = re.compile(r"https?://[^\s<>\"|]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_ADDRESS = re.compile(r"[^\s<>@,;\"]+@[^\s<>@,;\"]+")


class Severity(StrEnum):
    """How much of a hurry there is."""

    info = "info"
    warning = "warning"
    error = "error"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One message to people. It names streams and numbers; no text of an item, no rater and no secret is ever part of it.

    Attributes
    ----------
    key : str
        The episode it is about: one episode is told once on each channel.
    title : str
        One line, which must stand alone: it is all that a telephone shows.
    lines : tuple of str
        Sentences, the most important first.
    links : tuple of (str, str)
        Name and http(s) address of where to look.
    at : str
        The moment it is about, ISO 8601 in UTC.
    """

    key: str
    severity: Severity
    title: str
    lines: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    at: str = ""

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise ValueError(f"{self.key!r} cannot name an alert: letters, digits, '.', '_', '@' and '-', 63 at most")
        if not self.title.strip():
            raise ValueError(f"the alert {self.key!r} has no title")
        for text in (self.title, *self.lines):
            if "\n" in text or "\r" in text:
                raise ValueError(f"the alert {self.key!r}: each sentence is one line, got {text!r}")
        for name, address in self.links:
            if not _LINK.fullmatch(address):
                raise ValueError(f"the alert {self.key!r}: the link {name!r} must be an http(s) address, got {address!r}")


class MailSecurity(StrEnum):
    """How the connection to the mail server is protected."""

    starttls = "starttls"
    tls = "tls"
    none = "none"


_PORTS = {MailSecurity.starttls: 587, MailSecurity.tls: 465, MailSecurity.none: 25}


@dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    """An address that takes messages in Slack's form; the address itself is a secret, so only its variable is named."""

    url_env: str

    def __post_init__(self) -> None:
        _check_variable(self.url_env)

    @property
    def id(self) -> str:
        """Names the channel in the store, whatever the address behind it."""
        return f"webhook-{self.url_env}"


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    """A mail server, and who writes to whom."""

    host_env: str
    sender: str
    to: tuple[str, ...]
    port: int | None = None
    security: MailSecurity = MailSecurity.starttls
    user_env: str = ""
    password_env: str = ""

    def __post_init__(self) -> None:
        for name in filter(None, (self.host_env, self.user_env, self.password_env)):
            _check_variable(name)
        if bool(self.user_env) != bool(self.password_env):
            raise ValueError("a login needs both user_env and password_env")
        if self.password_env and self.security is MailSecurity.none:
            raise ValueError("a password is not sent over a connection that anybody can read: security must be starttls or tls")
        if not self.to:
            raise ValueError("mail needs somebody to go to")
        for address in (self.sender, *self.to):
            if not _ADDRESS.fullmatch(address):
                raise ValueError(f"{address!r} is not a mail address, e.g. night@example.org")

    @property
    def id(self) -> str:
        """Names the channel in the store; other addressees keep it."""
        return f"mail-{self.host_env}"

    @property
    def actual_port(self) -> int:
        """The port, or the usual one of this protection."""
        return self.port or _PORTS[self.security]


@dataclass(frozen=True, kw_only=True)
class CommandSettings:
    """A program that takes the alert as JSON on its standard input; no shell reads its arguments."""

    arguments: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.arguments or not self.arguments[0].strip():
            raise ValueError("a command is a list: the program, then its arguments")

    @property
    def name(self) -> str:
        """The program without its folder and arguments."""
        return self.arguments[0].rsplit("/", 1)[-1]


@dataclass(frozen=True, kw_only=True)
class AlertSettings:
    """Where the alerts of a plan go; empty settings send nothing."""

    webhooks: tuple[WebhookSettings, ...] = ()
    mail: MailSettings | None = None
    commands: tuple[CommandSettings, ...] = ()


class DeliveryState(StrEnum):
    """What became of an alert on a channel.

    ``waiting`` was meant for the channel and not tried. ``sending`` is written before anything leaves; found later, it means that
    its sender died and that nobody knows whether the alert arrived, so it is sent again.
    """

    waiting = "waiting"
    sending = "sending"
    sent = "sent"
    failed = "failed"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An alert on one channel.

    Attributes
    ----------
    attempts : int
        How often it was tried, over all nights.
    fresh : bool
        Whether it left now; False for one that an earlier call had sent.
    """

    alert: str
    channel: str
    state: DeliveryState
    attempts: int
    at: str
    sentence: str = ""
    fresh: bool = False


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """Who took an alert over, and when; what waits for a channel is then no longer sent."""

    alert: str
    by: str
    at: str
    note: str = ""


def _check_variable(name: str) -> None:
    if not _VARIABLE.fullmatch(name):
        raise ValueError(
            "that cannot be the name of an environment variable: write the name (40 characters at most), e.g. SMO_ALERT_WEBHOOK, never its value"
        )
