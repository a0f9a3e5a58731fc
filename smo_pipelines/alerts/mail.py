"""Alerts by mail, over STARTTLS or TLS with the server's certificate checked."""

import contextlib
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage

from smo_pipelines.alerts.attempts import Outcome, later, never, through
from smo_pipelines.alerts.messages import mail_message
from smo_pipelines.domain.alerts import Alert, MailSecurity, MailSettings
from smo_pipelines.errors import AlertError

__all__ = ["Mail", "open_mail"]

_SECONDS = 15.0


@dataclass(frozen=True)
class Mail:
    """A mail server, ready to be written to."""

    settings: MailSettings
    host: str = field(repr=False)
    user: str = field(repr=False, default="")
    password: str = field(repr=False, default="")

    @property
    def id(self) -> str:
        """Names the channel in the store."""
        return self.settings.id

    @property
    def where(self) -> str:
        """The channel in words."""
        return f"mail to {', '.join(self.settings.to)}"

    def send(self, alert: Alert) -> Outcome:
        """Hand the mail to the server once: delivered when the server takes it for at least one addressee."""
        try:
            refused = self._hand_over(mail_message(alert, self.settings, now=datetime.now(UTC)))
        except smtplib.SMTPNotSupportedError:
            return never("the server offers no STARTTLS, or no login: set `security` to what it has")
        except smtplib.SMTPRecipientsRefused as error:
            return _all_refused(error)
        except smtplib.SMTPResponseException as error:
            what = f"the server answered {error.smtp_code}"
            return later(what) if 400 <= error.smtp_code < 500 else never(f"{what}: check the login and the sender")
        except ssl.SSLCertVerificationError as error:
            return never(f"the server's certificate is not trusted ({error.verify_message})")
        except (smtplib.SMTPException, OSError) as error:
            return later(f"the mail server did not answer ({type(error).__name__})")
        return through(f"not taken for {', '.join(sorted(refused))}" if refused else "")

    def _hand_over(self, message: EmailMessage) -> Mapping[str, object]:
        context, port = ssl.create_default_context(), self.settings.actual_port
        server: smtplib.SMTP
        if self.settings.security is MailSecurity.tls:
            server = smtplib.SMTP_SSL(self.host, port, timeout=_SECONDS, context=context)
        else:
            server = smtplib.SMTP(self.host, port, timeout=_SECONDS)
        try:
            if self.settings.security is MailSecurity.starttls:
                server.starttls(context=context)
            if self.password:
                server.login(self.user, self.password)
            refused = server.send_message(message)
            # the mail is theirs now: a farewell that fails must not send it again
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
            return refused
        finally:
            server.close()


def open_mail(settings: MailSettings, environment: Mapping[str, str]) -> Mail:
    """Return the mail channel with its server and login.

    Raises
    ------
    AlertError
        When a variable that it names is not set.
    """
    names = [name for name in (settings.host_env, settings.user_env, settings.password_env) if name]
    missing = [name for name in names if not environment.get(name, "").strip()]
    if missing:
        raise AlertError(f"alerts go by mail, and {', '.join(missing)} is not set: export it")
    user, password = (environment[name] if name else "" for name in (settings.user_env, settings.password_env))
    return Mail(settings, environment[settings.host_env].strip(), user, password)


def _all_refused(error: smtplib.SMTPRecipientsRefused) -> Outcome:
    codes = sorted({code for code, _ in error.recipients.values()})
    what = f"the server took none of the addressees ({', '.join(map(str, codes))})"
    return later(what) if all(400 <= code < 500 for code in codes) else never(what)
