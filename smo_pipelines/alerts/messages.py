"""One alert in the three forms it is sent in; pure, so that what leaves can be tested without sending it."""

import json
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from smo_pipelines.domain.alerts import Alert, MailSettings, Severity

__all__ = ["document", "mail_message", "message_id", "slack_payload"]

_SIGNS = {Severity.info: ":information_source:", Severity.warning: ":warning:", Severity.error: ":rotating_light:"}
_SLACK = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_SLACK_SECTION = 3000
_SLACK_HEADER = 150


def slack_payload(alert: Alert) -> bytes:
    """Return the JSON that Slack's incoming webhooks take, and with them Mattermost's and Rocket.Chat's.

    What people wrote is escaped as Slack asks (``&``, ``<``, ``>``), so that no name can mention a channel or become a link.
    """
    title = alert.title.translate(_SLACK)
    said = "\n".join(line.translate(_SLACK) for line in alert.lines)
    links = " · ".join(f"<{address.replace('&', '&amp;')}|{name.translate(_SLACK)}>" for name, address in alert.links)
    blocks: list[dict[str, object]] = [_section(f"{_SIGNS[alert.severity]} *{_cut(title, _SLACK_HEADER)}*")]
    blocks += [_section(_cut(part, _SLACK_SECTION)) for part in (said, links) if part]
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": f"`smo alert ack {alert.key} --by YOU`"}]})
    return json.dumps({"text": f"{alert.severity.upper()}: {title}", "blocks": blocks}, ensure_ascii=False).encode()


def document(alert: Alert) -> bytes:
    """Return the alert as one JSON object on one line, for a command."""
    value = {
        "key": alert.key,
        "severity": alert.severity.value,
        "title": alert.title,
        "lines": list(alert.lines),
        "links": [{"name": name, "url": address} for name, address in alert.links],
        "at": alert.at,
    }
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def mail_message(alert: Alert, settings: MailSettings, *, now: datetime) -> EmailMessage:
    """Return the alert as a mail in plain text; the same alert has the same Message-ID, by which a second copy is known."""
    mail = EmailMessage()
    mail["From"], mail["To"] = settings.sender, ", ".join(settings.to)
    mail["Subject"] = _cut(f"[{alert.severity.upper()}] {alert.title}", 200)
    mail["Date"], mail["Message-ID"] = format_datetime(now), message_id(alert, settings)
    mail["Auto-Submitted"] = "auto-generated"
    if alert.severity is Severity.error:
        mail["Importance"] = "high"
    links = [f"{name}: {address}" for name, address in alert.links]
    parts = [alert.title, *alert.lines, *(["", *links] if links else []), "", f"Take it over: smo alert ack {alert.key} --by YOU"]
    mail.set_content("\n".join(parts) + "\n", cte="quoted-printable")
    return mail


def message_id(alert: Alert, settings: MailSettings) -> str:
    """Return the name by which mail programs know two copies of one alert."""
    return f"<{alert.key.replace('@', '_')}.alert@{parseaddr(settings.sender)[1].rpartition('@')[2]}>"


def _section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
