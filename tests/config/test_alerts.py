from typing import Any

import pytest

from smo_pipelines.config.alerts import AlertsModel
from smo_pipelines.config.reading import parse
from smo_pipelines.domain.alerts import AlertSettings, CommandSettings, MailSecurity, MailSettings, WebhookSettings
from smo_pipelines.errors import ConfigError

SMTP: dict[str, Any] = {"host_env": "HOST", "from": "smo@example.org", "to": ["night@example.org"]}


def test_a_section_names_variables_and_becomes_settings() -> None:
    raw = {
        "webhooks": [{"url_env": "HOOK"}],
        "smtp": {**SMTP, "port": 2525, "security": "tls", "user_env": "U", "password_env": "P"},
        "commands": [["page-me", "--team", "hate"]],
    }
    mail = MailSettings(
        host_env="HOST",
        sender="smo@example.org",
        to=("night@example.org",),
        port=2525,
        security=MailSecurity.tls,
        user_env="U",
        password_env="P",
    )
    assert parse(AlertsModel, raw, "x.yaml").resolve() == AlertSettings(
        webhooks=(WebhookSettings(url_env="HOOK"),), mail=mail, commands=(CommandSettings(arguments=("page-me", "--team", "hate")),)
    )
    assert parse(AlertsModel, {}, "x.yaml").resolve() == AlertSettings()
    assert parse(AlertsModel, {"smtp": SMTP}, "x.yaml").resolve().mail == MailSettings(
        host_env="HOST", sender="smo@example.org", to=("night@example.org",)
    )


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"webhook": []}, "did you mean 'webhooks'?"),
        ({"smtp": {**SMTP, "sender": "a@b.c"}}, "unknown key 'smtp.sender'"),
        ({"webhooks": [{"url": "https://hooks.example.org/SECRET"}]}, "did you mean 'url_env'?"),
        ({"webhooks": [{"url_env": "https://hooks.example.org/SECRET"}]}, "write the name"),
        ({"smtp": {**SMTP, "password_env": "P"}}, "both user_env and password_env"),
        ({"smtp": {**SMTP, "user_env": "U", "password_env": "P", "security": "none"}}, "anybody can read"),
        ({"smtp": {**SMTP, "to": ["night@example.org\nBcc: x@y.z"]}}, "not a mail address"),
        ({"smtp": {**SMTP, "to": []}}, "at least 1"),
        ({"smtp": {"host_env": "HOST", "to": ["a@b.c"]}}, "from: is needed"),
        ({"commands": [[]]}, "a command is a list"),
        ({"commands": ["page-me --team hate"]}, "commands"),
    ],
)
def test_a_mistake_is_said_without_what_may_be_secret(raw: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=r"x\.yaml") as error:
        parse(AlertsModel, raw, "x.yaml")
    assert said in str(error.value)
    assert "SECRET" not in str(error.value)
