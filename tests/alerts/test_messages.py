import json
from dataclasses import replace

import pytest

from smo_pipelines.alerts.messages import document, mail_message, slack_payload
from smo_pipelines.domain.alerts import MailSettings
from tests.alerts.conftest import AT, example_alert

MAIL = MailSettings(host_env="SMO_SMTP_HOST", sender="smo@example.org", to=("night@example.org", "lead@example.org"))


def test_what_people_wrote_cannot_become_a_mention_or_a_link_in_slack() -> None:
    payload = json.loads(slack_payload(example_alert(title="<!channel> & <http://evil|x>")))
    assert payload["text"] == "ERROR: &lt;!channel&gt; &amp; &lt;http://evil|x&gt;"
    texts = [block["text"]["text"] for block in payload["blocks"] if block["type"] == "section"]
    assert "core@1 to &lt;lenient&gt; &amp; co." in texts[1]
    assert texts[2] == "<http://127.0.0.1:5000/#/experiments/3/runs/abc?a=1&amp;b=2|Nightly page>"
    assert [block["type"] for block in payload["blocks"]] == ["section", "section", "section", "context"]
    assert "smo alert ack hate-nightly.2026-03-14.1a2b3c4d --by YOU" in payload["blocks"][3]["elements"][0]["text"]


def test_slack_takes_no_section_of_more_than_three_thousand_characters() -> None:
    payload = json.loads(slack_payload(example_alert(title="t" * 900, lines=("<" * 2000, "b" * 2000), links=())))
    assert all(len(block["text"]["text"]) <= 3000 for block in payload["blocks"] if block["type"] == "section")


def test_a_mail_is_plain_text_that_says_it_all_and_is_known_by_its_alert() -> None:
    alert = example_alert(title="Größere Änderung: שלום")
    mail = mail_message(alert, MAIL, now=AT)
    assert mail["Subject"] == "[ERROR] Größere Änderung: שלום"
    assert mail["To"] == "night@example.org, lead@example.org"
    assert mail["Message-ID"] == "<hate-nightly.2026-03-14.1a2b3c4d.alert@example.org>"
    assert mail["Message-ID"] == mail_message(replace(alert, lines=()), MAIL, now=AT)["Message-ID"]
    text = mail.get_content()
    assert mail.get_content_type() == "text/plain"
    assert "The pool changed: core@1 to <lenient> & co.\n" in text
    assert "Nightly page: http://127.0.0.1:5000/#/experiments/3/runs/abc?a=1&b=2\n" in text


def test_a_command_is_given_one_line_of_json() -> None:
    line = document(example_alert())
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert json.loads(line)["links"] == [{"name": "Nightly page", "url": "http://127.0.0.1:5000/#/experiments/3/runs/abc?a=1&b=2"}]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key": "a/b"}, "cannot name an alert"),
        ({"title": " "}, "no title"),
        ({"title": "a\nBcc: all@example.org"}, "one line"),
        ({"lines": ("a\rb",)}, "one line"),
        ({"links": (("x", "javascript:alert(1)"),)}, "http"),
        ({"links": (("x", "http://a|b"),)}, "http"),
    ],
)
def test_an_alert_that_could_be_misread_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        example_alert(**changes)
