import datetime as dt
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from smo_pipelines.domain.alerts import Acknowledgement
from smo_pipelines.domain.effects import NotEstimable, WhyNot
from smo_pipelines.domain.episodes import AlarmKind, StreamStatus
from smo_pipelines.domain.nightly_record import NightlyRecord
from smo_pipelines.domain.nights import LabelWindow
from smo_pipelines.report.e_process import e_processes
from smo_pipelines.report.nightly import render_nightly
from tests.examples.nightly_records import BLESSED, nightly_record

DROP = {2: (30, 60, 0.15)}


class Text(HTMLParser):
    """What a reader sees: the words outside of style and titles of pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.addresses: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.addresses += [value or "" for name, value in attributes if name in ("src", "href", "srcset", "xlink:href", "action")]

    def handle_data(self, data: str) -> None:
        if self._inside != "style":
            self.words += data.split()


def read(page: str) -> Text:
    text = Text()
    text.feed(page)
    return text


def said(record: NightlyRecord) -> str:
    return " ".join(read(render_nightly(record)).words)


def test_a_page_says_in_one_sentence_how_the_plan_stands() -> None:
    assert "None of 4 watched numbers has fallen below its baseline" in said(nightly_record(40))
    assert "Blessed on 2026-01-10, and no night has run since" in said(nightly_record(0, due=1))
    alarm = said(nightly_record(60, drops=DROP))
    assert "1 of 4 watched numbers is worse than the plan allows, the first since about 2026-02-" in alarm
    assert "False positive rate on demo-lookalikes, at the baseline's threshold" in alarm


def test_an_episode_says_since_when_how_much_and_what_changed() -> None:
    record = nightly_record(60, drops=DROP)
    (episode,) = record.state.open_episodes
    text = said(record)
    assert f"alarm on {episode.opened.isoformat()}" in text and "(95% interval: 2026-02-" in text
    assert (
        "Change against the baseline: +7.1 pp (95% +5.6 to +8.6), from 22.0 to 29.1" in text and "Allowed is a loss of 6 pp" in text
    )
    assert "Cause: pool lenient@1 gave 0% of the ratings and gives 40%." in text and "lenient@1 from 0% to 40%" in text
    assert "Without the ratings of pool lenient@1, on the same draws otherwise: a change of −6.3 pp (95% −8.3 to −4.3)" in text  # noqa: RUF001
    assert "Krippendorff's alpha: 0.620 (0.580 to 0.660) at the blessing, 0.520 (0.480 to 0.560) now: lower." in text
    assert f"Alert {episode.key} , taken over by nobody yet" in text
    taken = Acknowledgement(alert=episode.key, by="Ana", at="2026-03-01T04:00:00+00:00", note="pool reverted")
    assert "taken over by Ana on 2026-03-01 04:00 UTC: pool reverted" in said(replace(record, acknowledged={episode.key: taken}))
    unknown = replace(record, explanations=(), unexplained={episode.key: "the labels are gone."})
    assert "Its size and cause could not be computed: the labels are gone." in said(unknown)


def test_what_could_not_be_estimated_is_said() -> None:
    record = nightly_record(60, drops=DROP)
    (one,) = record.explanations
    question = one.episode.stream.question
    no_effect = NotEstimable(question=question, code=WhyNot.few_nights, sentence="one night is too few")
    no_cause = NotEstimable(question=question, code=WhyNot.several_changes, sentence="pool and guideline moved together")
    no_since = NotEstimable(question=question, code=WhyNot.few_nights, sentence="the first night alarmed")
    episode = replace(one.episode, since=no_since)
    changed = replace(
        record,
        explanations=(
            replace(one, episode=episode, effect=no_effect, cause=no_cause, left_out=(replace(one.left_out[0], gain=no_effect),)),
        ),
        state=replace(record.state, episodes=(episode,)),
    )
    text = said(changed)
    assert "How large it is could not be estimated: one night is too few" in text
    assert "No cause is named: pool and guideline moved together" in text
    assert "When it began could not be estimated: the first night alarmed" in text
    floor = replace(one, episode=replace(one.episode, kind=AlarmKind.floor))
    text = said(replace(record, explanations=(floor,), state=replace(record.state, episodes=(floor.episode,))))
    assert "beyond the floor; alarm on" in text and "Its floor was broken in the night of 2026-02-" in text


def test_what_people_named_cannot_become_markup() -> None:
    record = nightly_record(60, drops=DROP, pool="<script>alert(1)</script>")
    key = record.state.episodes[0].key
    record = replace(
        record,
        acknowledged={key: Acknowledgement(alert=key, by="<img src=x onerror=alert(2)>", at="2026-03-01T04:00:00+00:00")},
        links={"dagster <b>": "http://127.0.0.1:3000/runs/1", "evil": "javascript:alert(3)"},
    )
    page = render_nightly(record)
    assert "<script" not in page and "<img" not in page and "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert read(page).addresses == ["http://127.0.0.1:3000/runs/1"], (
        "a page asks nothing of the network, and links to web pages only"
    )


def test_nights_that_did_not_run_and_those_that_say_nothing_new_are_listed() -> None:
    record = nightly_record(40, missed=(10, 11), repeated=(20,), due=41)
    assert [date.isoformat() for date in record.missing] == ["2026-01-20", "2026-01-21", "2026-02-20"]
    text = said(record)
    assert "The night of 2026-02-20 is due and has not run: `smo nightly demo` runs it" in text
    assert "Did not run: 2026-01-20, 2026-01-21, 2026-02-20." in text
    assert "2026-01-30: the labels of 2026-01-29, scored again, and equal byte for byte" in text
    nights = list(record.nights)
    why = NotEstimable(
        question=record.state.streams[0].stream.question, code=WhyNot.few_items, sentence="12 items, and 400 are drawn."
    )
    repeat = nights[17].repeat
    assert repeat is not None
    nights[17] = replace(nights[17], repeat=replace(repeat, differs=("run 0 on demo-gold",)))
    nights[-1] = replace(nights[-1], runs=(), not_drawn=why, labels=why)
    text = said(replace(record, nights=tuple(nights)))
    assert "DIFFERENT on run 0 on demo-gold" in text and "2026-02-19: 12 items, and 400 are drawn." in text


def test_labels_of_few_raters_are_not_shown() -> None:
    record = nightly_record(10)
    labels = record.nights[-1].labels
    assert isinstance(labels, LabelWindow)
    assert "Krippendorff's alpha 0.620 0.580 to 0.660" in said(record)
    assert "Ratings moved between rater pools since the blessing 40.0% none: counted, not estimated" in said(
        nightly_record(40, drops=DROP)
    )
    few = replace(record, nights=(*record.nights[:-1], replace(record.nights[-1], labels=replace(labels, raters=4))))
    assert "fewer than five raters" in said(few) and "alpha 0.620" not in said(few)


def test_the_evidence_is_drawn_to_scale() -> None:
    record = nightly_record(60, drops=DROP, missed=(20, 21, 23))
    plot = e_processes(record)
    assert plot is not None
    first = plot.streams[0]
    assert first.tone == "worse" and first.alarms and first.episodes, "an alarm comes first"
    ((x, y, words),) = first.alarms
    opened = record.state.open_episodes[0].opened
    assert x == pytest.approx(100 * (opened - BLESSED).days / 60, abs=0.01) and opened.isoformat() in words
    assert 0 <= y <= first.y_threshold <= 100, "an alarm is at its threshold or above it"
    for stream in plot.streams:
        assert len(re.findall(r"M", stream.path)) == 3, "the line is broken at missing nights"
        numbers = [float(one) for one in re.findall(r"-?[\d.]+(?:e-?\d+)?", stream.path)]
        assert all(0 <= one <= 100 for one in numbers)
    levels = {text: y for y, text in plot.levels}
    assert levels["1"] > levels["100"] > levels["10,000"]
    assert levels["1"] - levels["100"] == pytest.approx(levels["100"] - levels["10,000"], abs=0.01), "a log scale"


def test_a_year_of_many_streams_is_a_page_that_opens_fast_and_is_the_same_again() -> None:
    record = nightly_record(365, drops={0: (200, 230, 0.08)})
    state = replace(record.state, streams=record.state.streams * 5)
    page = render_nightly(replace(record, state=state))
    assert len(page) < 400_000
    assert page == render_nightly(replace(record, state=state))
    pictures = re.findall(r"<svg class=\"evidence\".*?</svg>\s*</div>", page, flags=re.DOTALL)
    assert len(pictures) == 20
    for picture in pictures:
        ET.fromstring(picture.rsplit("</div>", 1)[0])  # noqa: S314 -- our own


def test_a_broken_floor_is_seen_without_an_alarm() -> None:
    record = nightly_record(5)
    state = record.state.streams[0]
    broken = replace(state, nights=(*state.nights[:-1], replace(state.nights[-1], value=0.41)))
    changed = replace(record, state=replace(record.state, streams=(broken, *record.state.streams[1:])))
    assert broken.status is StreamStatus.quiet and "beyond its floor" in said(changed)


def test_missing_nights_end_with_the_one_that_is_due() -> None:
    assert nightly_record(3).missing == ()
    assert nightly_record(3, due=5).missing == (BLESSED + dt.timedelta(days=4), BLESSED + dt.timedelta(days=5))
