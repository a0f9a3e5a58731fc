import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from smo_pipelines.alerts import mail as mail_module
from smo_pipelines.alerts import open_channels
from smo_pipelines.alerts.channels import Channel
from smo_pipelines.alerts.mail import Mail
from smo_pipelines.domain.alerts import Alert, AlertSettings, CommandSettings, MailSecurity, MailSettings, WebhookSettings
from tests.examples.http_endpoint import Endpoint
from tests.examples.mail_server import PASSWORD, USER, certificate, mail_server
from tests.examples.ports import free_port

MAIL = MailSettings(
    host_env="SMO_SMTP_HOST", sender="smo@example.org", to=("night@example.org", "lead@example.org"), security=MailSecurity.none
)


def webhook(url: str) -> Channel:
    (channel,) = open_channels(AlertSettings(webhooks=(WebhookSettings(url_env="HOOK"),)), {"HOOK": url})
    return channel


def command(*arguments: str) -> Channel:
    (channel,) = open_channels(AlertSettings(commands=(CommandSettings(arguments=arguments),)), {})
    return channel


def test_a_webhook_is_posted_to_once(endpoint: Endpoint, alert: Alert) -> None:
    outcome = webhook(endpoint.url).send(alert)
    assert outcome.delivered
    ((line, headers, payload),) = endpoint.heard
    assert line == "POST /services/T0/SECRET"
    assert headers["content-type"].startswith("application/json") and headers["idempotency-key"] == alert.key
    assert payload["text"].startswith("ERROR: hate: average precision")


@pytest.mark.parametrize(("code", "again"), [(503, True), (429, True), (408, True), (404, False), (403, False), (302, False)])
def test_what_a_webhook_answers_decides_whether_another_attempt_may_help(
    endpoint: Endpoint, alert: Alert, code: int, again: bool
) -> None:
    endpoint.answers = [(code, {"Location": endpoint.url, "Retry-After": "7"})]
    outcome = webhook(endpoint.url).send(alert)
    assert (outcome.delivered, outcome.again) == (False, again)
    assert outcome.wait == (7.0 if again else None)
    assert str(code) in outcome.sentence and "SECRET" not in outcome.sentence
    assert len(endpoint.heard) == 1, "a redirect is not followed"


def test_a_webhook_that_is_not_there_may_come_back(alert: Alert) -> None:
    outcome = webhook(f"http://127.0.0.1:{free_port()}/SECRET").send(alert)
    assert outcome.again and outcome.sentence == "did not answer (ConnectionRefusedError)"


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "ftp://a/SECRET", "http://", "http://a:b/SECRET", "http://a/SEC RET", "é"]
)
def test_an_address_that_is_none_is_refused_without_naming_it(url: str, alert: Alert) -> None:
    outcome = webhook(url).send(alert)
    assert not outcome.delivered and not outcome.again
    assert "HOOK" in outcome.sentence and "SEC" not in outcome.sentence
    assert "SECRET" not in repr(webhook("http://127.0.0.1/SECRET"))


def test_a_mail_reaches_everybody(alert: Alert) -> None:
    with mail_server() as server:
        assert Mail(replace(MAIL, port=server.port), "127.0.0.1").send(alert).delivered
    assert server.envelopes == [("smo@example.org", ("night@example.org", "lead@example.org"), False, False)]
    (mail,) = server.mails
    assert mail["Subject"] == f"[ERROR] {alert.title}"
    assert "The pool changed: core@1 to <lenient> & co." in mail.get_content()


def test_a_login_goes_over_starttls_with_a_trusted_certificate(
    alert: Alert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = certificate(tmp_path)
    with mail_server(secured=files, login=True) as server:
        settings = replace(MAIL, port=server.port, security=MailSecurity.starttls, user_env="U", password_env="P")
        environment = {"SMO_SMTP_HOST": "127.0.0.1", "U": USER, "P": PASSWORD}
        (channel,) = open_channels(AlertSettings(mail=settings), environment)
        untrusted = channel.send(alert)
        assert not untrusted.delivered and not untrusted.again and "certificate is not trusted" in untrusted.sentence
        monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
        assert channel.send(alert).delivered
        (wrong,) = open_channels(AlertSettings(mail=settings), {**environment, "P": "other"})
        refused = wrong.send(alert)
        assert not refused.delivered and not refused.again and "535" in refused.sentence and "other" not in refused.sentence
        assert PASSWORD not in repr(channel)
    assert [(secured, known) for _, _, secured, known in server.envelopes] == [(True, True)]


def test_a_server_without_starttls_gets_no_mail(alert: Alert) -> None:
    with mail_server() as server:
        outcome = Mail(replace(MAIL, port=server.port, security=MailSecurity.starttls), "127.0.0.1").send(alert)
    assert not outcome.delivered and not outcome.again and "STARTTLS" in outcome.sentence
    assert server.mails == []


@pytest.mark.parametrize(
    ("answers", "delivered", "again", "said"),
    [
        (["250 OK", "550 no such person"], True, False, "not taken for lead@example.org"),
        (["550 no", "550 no"], False, False, "none of the addressees (550)"),
        (["450 later", "451 later"], False, True, "none of the addressees (450, 451)"),
    ],
)
def test_what_a_mail_server_answers_to_the_addressees(
    alert: Alert, answers: list[str], delivered: bool, again: bool, said: str
) -> None:
    with mail_server() as server:
        server.answers = answers
        outcome = Mail(replace(MAIL, port=server.port), "127.0.0.1").send(alert)
    assert (outcome.delivered, outcome.again) == (delivered, again) and said in outcome.sentence


def test_a_mail_server_that_is_not_there_may_come_back(alert: Alert) -> None:
    assert Mail(replace(MAIL, port=free_port()), "127.0.0.1").send(alert).again


def test_a_command_reads_the_alert_and_no_shell_reads_its_arguments(alert: Alert, tmp_path: Path) -> None:
    target = tmp_path / "got; $(touch x)"
    program = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
    assert command(sys.executable, "-c", program, str(target)).send(alert).delivered
    assert json.loads(target.read_bytes())["key"] == alert.key
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_a_command_that_fails_may_pass_later_and_one_that_is_not_there_never_does(
    alert: Alert, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = command(sys.executable, "-c", "import sys; sys.exit(3)").send(alert)
    assert failed.again and "ended with 3" in failed.sentence
    assert not command("/nowhere/page-me").send(alert).again
    monkeypatch.setattr("smo_pipelines.alerts.command._SECONDS", 0.2)
    hung = command(sys.executable, "-c", "import time; time.sleep(60)").send(alert)
    assert hung.again and "was stopped" in hung.sentence


def test_one_channel_that_cannot_be_opened_leaves_the_others(endpoint: Endpoint, alert: Alert) -> None:
    settings = AlertSettings(webhooks=(WebhookSettings(url_env="HOOK"), WebhookSettings(url_env="UNSET")), mail=MAIL)
    channels = open_channels(settings, {"HOOK": endpoint.url})
    outcomes = [channel.send(alert) for channel in channels]
    assert [outcome.delivered for outcome in outcomes] == [True, False, False]
    assert "UNSET, which is not set" in outcomes[1].sentence and "SMO_SMTP_HOST is not set" in outcomes[2].sentence


def test_a_farewell_that_fails_does_not_send_the_mail_again(alert: Alert, monkeypatch: pytest.MonkeyPatch) -> None:
    class Rude(mail_module.smtplib.SMTP):
        def quit(self) -> tuple[int, bytes]:
            raise mail_module.smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr(mail_module.smtplib, "SMTP", Rude)
    with mail_server() as server:
        assert Mail(replace(MAIL, port=server.port), "127.0.0.1").send(alert).delivered
    assert len(server.mails) == 1
