from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smo_pipelines.errors import ImportRefused, LabelError
from smo_pipelines.labels.formats import read
from smo_pipelines.labels.pseudonyms import pseudonym
from tests.examples.exports import lewidi

ReadAs = Callable[..., Any]


def test_a_file(read_as: ReadAs, key: bytes) -> None:
    found = read_as("lewidi", lewidi(), constants={"guideline": "md@1", "question": "offence"})
    assert [item["item_id"] for item in found.items] == ["train-1", "train-2"]
    assert found.items[0]["attributes"] == {"domain": "BLM", "split": "train"}
    assert found.items[0]["gold"] == {} and found.items[0]["locale"] == "en"
    by_rater = dict(zip(found.ratings["rater_id"], found.ratings["label"], strict=True))
    assert by_rater == {pseudonym(key, "demo", name): label for name, label in (("Ann4", "0"), ("Ann2", "1"), ("Ann9", "1"))}
    assert set(found.ratings["question"]) == {"offence"} and set(found.ratings["guideline"]) == {"md@1"}


def test_a_folder_whose_names_start_again(write: Callable[..., Path], key: bytes) -> None:
    folder = write(lewidi(), "x_train.json").parent
    write(lewidi(split="dev", text="other"), "x_dev.json")
    batch = read("lewidi", folder, key=key)
    assert batch.tables["items"]["item_id"].to_pylist() == ["dev-1", "dev-2", "train-1", "train-2"]
    assert batch.project == "lewidi2023-md-agreement" and batch.tables["ratings"].num_rows == 12
    (folder / "empty").mkdir()
    with pytest.raises(ImportRefused, match=r"holds no \*.json file"):
        read("lewidi", folder / "empty", key=key)


def test_a_rater_who_stands_twice(read_as: ReadAs) -> None:
    found = read_as("lewidi", lewidi(annotators="Ann4,Ann2,Ann4"))
    assert len(found.ratings) == 6
    assert found.ratings["round"].dropna().tolist() == [1, 2, 1, 2]
    assert "2 times a rater answered" in found.notes[0]


@pytest.mark.parametrize(
    ("changes", "reason", "times"),
    [
        ({"annotators": "Ann4,Ann2"}, "3 annotations by 2 annotators where 3 are stated", 3),
        ({"number of annotations": 5}, "3 annotations by 3 annotators where 5 are stated", 3),
        ({"annotations": 3}, "0 annotations by 3 annotators where 3 are stated", 1),
        ({"annotators": "Ann4,,Ann2"}, "no annotator", 3),
        ({"annotations": "0,,1"}, "no label", 3),
        ({"text": ""}, "no text", 3),
        ({"split": None}, "no split", 3),
        ({"other_info": []}, "other_info is a list, and an object belongs there", 3),
    ],
)
def test_a_bad_item(read_as: ReadAs, changes: dict[str, Any], reason: str, times: int) -> None:
    content = lewidi()
    content["2"] |= changes
    found = read_as("lewidi", content)
    assert found.reasons == [(1, f"record 2: {reason}")] * times
    assert len(found.ratings) == 3


def test_options(read_as: ReadAs) -> None:
    with pytest.raises(LabelError, match="did you mean 'constants'"):
        read_as("lewidi", lewidi(), constant={})
    assert set(read_as("lewidi", lewidi(), values={"1": "yes", "0": "no"}).ratings["label"]) == {"yes", "no"}


@pytest.mark.real_data
def test_the_published_counts(real_data: Path, key: bytes) -> None:
    # 10,753 tweets by 5 raters each, 819 raters, 34.11 % of the ratings offensive: counted in the files of the pinned commit
    batch = read("lewidi", real_data / "lewidi2023-md-agreement", key=key)
    ratings = batch.tables["ratings"].to_pandas()
    assert (len(ratings), batch.tables["items"].num_rows, batch.tables["raters"].num_rows) == (53_765, 10_753, 819)
    assert round(float((ratings["label"] == "1").mean()), 4) == 0.3411
    assert ratings["round"].dropna().tolist() == [1, 2]  # one item holds one rater twice
    domains = {dict(pairs)["domain"] for pairs in batch.tables["items"]["attributes"].to_pylist()}
    assert domains == {"BLM", "Elections2020", "Covid-19"}
    assert batch.quarantine == ()
