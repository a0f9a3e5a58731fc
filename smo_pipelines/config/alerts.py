"""Where alerts go: the section ``alerts:`` of ``configs/nightly/<plan>.yaml``. Addresses and passwords stay in the environment."""

from typing import Self

from pydantic import Field, model_validator

from smo_pipelines.config.reading import Strict
from smo_pipelines.domain.alerts import AlertSettings, CommandSettings, MailSecurity, MailSettings, WebhookSettings

__all__ = ["AlertsModel"]


class _WebhookModel(Strict):
    url_env: str

    def resolve(self) -> WebhookSettings:
        return WebhookSettings(url_env=self.url_env)


class _MailModel(Strict):
    host_env: str
    port: int | None = Field(default=None, ge=1, le=65535)
    security: MailSecurity = MailSecurity.starttls
    user_env: str = ""
    password_env: str = ""
    sender: str = Field(alias="from")
    to: list[str] = Field(min_length=1)

    def resolve(self) -> MailSettings:
        return MailSettings(**{**self.model_dump(), "to": tuple(self.to)})


class AlertsModel(Strict):
    """The section as it is written."""

    webhooks: list[_WebhookModel] = Field(default_factory=list)
    smtp: _MailModel | None = None
    commands: list[list[str]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _legal(self) -> Self:
        self.resolve()  # what cannot be sent is refused where it stands
        return self

    def resolve(self) -> AlertSettings:
        """Return the section as a domain value."""
        return AlertSettings(
            webhooks=tuple(webhook.resolve() for webhook in self.webhooks),
            mail=None if self.smtp is None else self.smtp.resolve(),
            commands=tuple(CommandSettings(arguments=tuple(command)) for command in self.commands),
        )
