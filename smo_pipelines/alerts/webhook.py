"""Alerts to an http(s) address. The address is a secret: no error names it."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from smo_pipelines.alerts.attempts import Outcome, later, never, through
from smo_pipelines.alerts.messages import slack_payload
from smo_pipelines.domain.alerts import Alert, WebhookSettings
from smo_pipelines.errors import AlertError

__all__ = ["Webhook", "open_webhook"]

_SECONDS = 10.0
_AGAIN = frozenset({408, 425, 429})


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would be sent on as a GET without its content, and its answer taken for a delivery."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


@dataclass(frozen=True, repr=False)
class Webhook:
    """One address, ready to be written to."""

    settings: WebhookSettings
    url: str

    @property
    def id(self) -> str:
        """Names the channel in the store."""
        return self.settings.id

    @property
    def where(self) -> str:
        """The channel in words."""
        return f"the webhook in {self.settings.url_env}"

    def send(self, alert: Alert) -> Outcome:
        """Post the alert once; an answer from 200 to 299 is a delivery."""
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "smo-pipelines",
            "Idempotency-Key": alert.key,
        }
        request = urllib.request.Request(self.url, data=slack_payload(alert), headers=headers, method="POST")  # noqa: S310 -- checked
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=_SECONDS) as answer:
                answer.read(4096)
        except urllib.error.HTTPError as error:
            with error:
                return _refused(error)
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            return later(f"did not answer ({type(reason).__name__})")
        return through()


def open_webhook(settings: WebhookSettings, environment: Mapping[str, str]) -> Webhook:
    """Return the webhook with its address.

    Raises
    ------
    AlertError
        When the variable is not set, or holds no http(s) address.
    """
    url = environment.get(settings.url_env, "").strip()
    if not url:
        raise AlertError(f"alerts go to a webhook whose address is in {settings.url_env}, which is not set: export it")
    try:
        parts = urlsplit(url)
        legal = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        legal = False
    if not legal or not url.isascii() or any(char.isspace() or not char.isprintable() for char in url):
        raise AlertError(
            f"{settings.url_env} must hold an http(s) address of a webhook; it holds {len(url)} characters that are none"
        )
    return Webhook(settings, url)


def _refused(error: urllib.error.HTTPError) -> Outcome:
    said = f"answered {error.code}"
    if error.code in _AGAIN or error.code >= 500:
        wait = error.headers.get("Retry-After", "")
        return later(said, wait=float(wait) if wait.isdecimal() and len(wait) < 6 else None)
    if 300 <= error.code < 400:
        return never(f"{said}, a redirect, which is not followed: put the final address there")
    return never(f"{said}: check the address")
