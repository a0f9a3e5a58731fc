"""Public rater-level sets through their readers: synthetic files of the true shape, and the published figures of the real ones."""

import numpy as np
import pytest

from smo_pipelines.errors import ImportRefused, LabelError
from smo_pipelines.labels.formats import read
from smo_pipelines.labels.formats.listener import Listener
from smo_pipelines.labels.pseudonyms import pseudonym


@pytest.fixture
def roettger(tmp_path):
    def write(**changes):
        files = {
            "annotations_g1.csv": "id,text,label_1_M,label_2_F\n1,one,Hateful,Non-hateful\n2,two,Hateful,Hateful\n",
            "annotations_g2.csv": "id,text,label_F_1,label_M_2\n2,two,Non-hateful,Hateful\n1,one,Hateful,Hateful\n",
            "annotations_g3.csv": "id,text,label_1,label_2\n1,one,Non-hateful,Hateful\n2,two,Non-hateful,Hateful\n",
            "davidson_200_sample.csv": "id,text_clean,orig_label\n2,two,hateful\n1,one,non-hateful\n",
        }
        for name, content in {**files, **changes}.items():
            if content is not None:
                (tmp_path / name).write_text(content)
        return tmp_path

    return write


def test_roettger_joins_groups_by_id_and_keeps_their_raters_apart(roettger, key):
    batch = read("roettger2022", roettger(), key=key)
    ratings = batch.tables["ratings"].to_pandas()
    assert len(ratings) == 12
    who = pseudonym(key, "roettger2022", "g2:label_F_1")
    assert ratings[ratings["rater_id"] == who].set_index("item_id")["label"].to_dict() == {"1": "Hateful", "2": "Non-hateful"}
    assert set(zip(ratings["guideline"], ratings["instrument"], strict=True)) == {
        (f"roettger2022-{g}@1", g) for g in ("g1", "g2", "g3")
    }
    raters = {row["rater_id"]: row for row in batch.tables["raters"].to_pylist(maps_as_pydicts="strict")}
    assert len(raters) == 6
    assert (raters[who]["pool"], raters[who]["attributes"]) == ("g2", {"gender": "F"})
    assert raters[pseudonym(key, "roettger2022", "g3:label_1")]["attributes"] == {}
    items = batch.tables["items"].to_pylist(maps_as_pydicts="strict")
    assert [item["attributes"]["source_label"] for item in items] == ["non-hateful", "hateful"]


def test_roettger_without_the_source_labels_and_with_files_amiss(roettger, key):
    folder = roettger(**{"davidson_200_sample.csv": None})
    assert read("roettger2022", folder, key=key).tables["items"].to_pylist()[0]["attributes"] == []
    with pytest.raises(LabelError, match="has no option 'wide'"):
        read("roettger2022", folder, options={"wide": {}}, key=key)
    with pytest.raises(
        ImportRefused, match=r"annotations_g2\.csv:2: the text of item '2' is not the one it had on annotations_g1\.csv:3"
    ):
        read("roettger2022", roettger(**{"annotations_g2.csv": "id,text,label_F_1\n2,other,Hateful\n"}), key=key)
    with pytest.raises(ImportRefused, match="lacks the columns label_1 and so on"):
        read("roettger2022", roettger(**{"annotations_g3.csv": "id,text\n1,one\n"}), key=key)
    (folder / "annotations_g1.csv").unlink()
    with pytest.raises(ImportRefused, match="cannot open"):
        read("roettger2022", folder, key=key)


DAVIDSON = ',count,hate_speech,offensive_language,neither,class,tweet\n0,3,0,0,3,2,bread &amp; tea\n1,3,2,1,0,0,"two\nlines"\n'


def test_davidson_gives_a_rating_a_vote_and_no_persons(tmp_path, key):
    (tmp_path / "labeled_data.csv").write_text(DAVIDSON)
    batch = read("davidson2017", tmp_path, key=key)
    ratings = batch.tables["ratings"].to_pandas()
    assert ratings.groupby(["item_id", "label"]).size().to_dict() == {("0", "neither"): 3, ("1", "hate"): 2, ("1", "offensive"): 1}
    assert {(row["kind"], row["rater_id"]) for row in batch.tables["raters"].to_pylist()} == {
        ("anonymous", pseudonym(key, "davidson2017", f"vote-{n}")) for n in (1, 2, 3)
    }
    items = batch.tables["items"].to_pylist(maps_as_pydicts="strict")
    assert [(item["text"], item["attributes"]) for item in items] == [
        ("bread & tea", {"published_class": "2"}),
        ("two\nlines", {"published_class": "0"}),
    ]


def test_davidson_counts_that_do_not_add_up(tmp_path, key):
    (tmp_path / "labeled_data.csv").write_text(DAVIDSON + "2,4,1,1,1,0,three\n")
    with pytest.raises(ImportRefused, match=r"labeled_data\.csv:5: count says 4 votes, and they are 3"):
        read("davidson2017", tmp_path / "labeled_data.csv", key=key)


KERN = "tweet.id,id,version,batch.tweet,hate.speech,offensive.language,tweet_hashed\n"


def test_kern_gives_two_ratings_a_row_and_skips_what_is_missing(tmp_path, key):
    (tmp_path / "full_train_s.csv").write_text(f"{KERN}1,7,E,R1,,1.0,bread &amp; tea\n1,8,A,R1,0.0,NA,bread &amp; tea\n")
    (tmp_path / "full_test_s.csv").write_text(f"{KERN}2,7,E,R2,1,0,more tea\n")
    batch = read("kern2023", tmp_path, key=key)
    ratings = batch.tables["ratings"].to_pandas()
    found = {(row.item_id, row.instrument, row.question): row.label for row in ratings.itertuples() if not row.skipped}
    assert found == {
        ("1", "E", "offensive"): "1",
        ("1", "A", "hate"): "0",
        ("2", "E", "hate"): "1",
        ("2", "E", "offensive"): "0",
    }
    assert ratings["skipped"].sum() == 2
    items = batch.tables["items"].to_pylist(maps_as_pydicts="strict")
    assert [(item["text"], item["attributes"]) for item in items] == [
        ("bread & tea", {"split": "train"}),
        ("more tea", {"split": "test"}),
    ]
    raters = batch.tables["raters"].to_pylist(maps_as_pydicts="strict")
    assert {(row["pool"], row["attributes"]["condition"], row["kind"]) for row in raters} == {
        ("E", "E", "human"),
        ("A", "A", "human"),
    }


def test_kern_says_how_much_of_both_files_was_read_and_that_it_needs_both(tmp_path, key):
    for name in ("full_train_s.csv", "full_test_s.csv"):
        (tmp_path / name).write_text(f"{KERN}1,7,E,R1,,1.0,tea\n")
    heard = []
    read("kern2023", tmp_path, key=key, listener=Listener(progress=heard.append))
    assert heard == [0.5, 1.0]
    for form in ("kern2023", "roettger2022"):
        with pytest.raises(ImportRefused, match=f"full_test_s.csv is a file; {form} is imported from the folder that holds"):
            read(form, tmp_path / "full_test_s.csv", key=key)


def test_kern_with_another_layout_of_the_form(tmp_path, key):
    good = "".join(f"{n},7,A,R1,0,1,tea\n" for n in range(300))
    (tmp_path / "full_train_s.csv").write_text(f"{KERN}{good}x,8,F,R1,0,1,tea\ny,8,A,R1,2,1,tea\n")
    (tmp_path / "full_test_s.csv").write_text(KERN + good)
    assert [(row.line, row.reason) for row in read("kern2023", tmp_path, key=key).quarantine] == [
        (302, "hate.speech: instrument 'F' is not one of A, B, C, D, E"),
        (302, "offensive.language: instrument 'F' is not one of A, B, C, D, E"),
        (303, "hate.speech: label '2' is not one of 0, 1"),
    ]


def votes(ratings):
    """Votes of each item for each label."""
    return ratings.groupby(["item_id", "label"]).size().unstack(fill_value=0)


def fleiss_kappa(counts):
    """Kappa of Fleiss (1971) for items with the same number of ratings each."""
    n = counts.sum(axis=1)[0]
    agreed = ((counts**2).sum(axis=1) - n) / (n * (n - 1))
    chance = ((counts.sum(axis=0) / counts.sum()) ** 2).sum()
    return (agreed.mean() - chance) / (1 - chance)


@pytest.mark.real_data
def test_published_class_counts_of_davidson(real_data, key):
    batch = read("davidson2017", real_data / "davidson2017", key=key)
    assert batch.quarantine == ()
    ratings = batch.tables["ratings"].to_pandas()
    assert len(ratings) == 80_383  # the sum of the file's column `count`
    winners = votes(ratings).idxmax(axis=1)
    # printed by the authors of HateCheck when they load this file as training data; no item is tied
    assert winners.value_counts().to_dict() == {"hate": 1430, "offensive": 19_190, "neither": 4163}
    published = {
        item["item_id"]: item["attributes"]["published_class"] for item in batch.tables["items"].to_pylist(maps_as_pydicts="strict")
    }
    assert winners.map({"hate": "0", "offensive": "1", "neither": "2"}).to_dict() == published
    workload = ratings["rater_id"].value_counts().to_numpy(dtype=float)
    assert workload.sum() ** 2 / (workload**2).sum() < 8, "too few effective raters for any claim about raters"


@pytest.mark.real_data
def test_published_agreement_of_roettger(real_data, key):
    batch = read("roettger2022", real_data / "roettger2022", key=key)
    ratings = batch.tables["ratings"].to_pandas()
    assert (len(batch.tables["items"]), len(batch.tables["raters"]), len(ratings), batch.quarantine) == (200, 60, 12_000, ())
    # outputs of the authors' notebook 1_agreement_analysis
    published = {"g1": (0.19762597248876537, 73.9), "g2": (0.7780866026522338, 93.72), "g3": (0.1476217606352577, 72.5)}
    for group, (kappa, agreement) in published.items():
        counts = votes(ratings[ratings["instrument"] == group]).to_numpy()
        assert fleiss_kappa(counts) == pytest.approx(kappa, abs=1e-12)
        assert 5 * counts.max(axis=1).mean() == pytest.approx(agreement, abs=0.006)  # per cent of 20 raters with their majority
    ties = [int((votes(ratings[ratings["instrument"] == group])["Hateful"] == 10).sum()) for group in published]
    assert ties == [15, 0, 15]  # counted from the files with pandas


@pytest.mark.real_data
def test_wide_files_of_two_benchmarks(real_data, key):
    options = {
        "project": "benchmarks",
        "columns": {"item_id": "case_id", "text": "test_case", "gold": "label_gold"},
        "constants": {"question": "hate", "guideline": "hatecheck@1"},
        "wide": {"columns": "label_[0-9]*"},
        "labels": ["hateful", "non-hateful"],
    }
    ratings = (
        read("mapped", real_data / "hatecheck" / "all_annotations.csv", options=options, key=key).tables["ratings"].to_pandas()
    )
    # README of the data: five raters of ten for each of 3,901 cases; the paper: Fleiss' kappa 0.93
    assert (ratings["rater_id"].nunique(), set(ratings.groupby("item_id").size())) == (10, {5})
    assert round(fleiss_kappa(votes(ratings).to_numpy()), 2) == 0.93
    # agreement of the two raters of each model's answers, in percent; outputs of the authors' evaluation/analysis notebook
    for model, agreement in {
        "llama2orig": 96.4,
        "llama2new": 95.8,
        "mistralinstruct": 97.6,
        "mistralguard": 93.8,
        "gpt4": 98.4,
    }.items():
        options = {
            "project": "benchmarks",
            "columns": {"item_id": "id", "text": "completion"},
            "constants": {"question": "refusal"},
            "wide": {"columns": "annotation_*", "rater": "{file}:{column}"},
        }
        path = real_data / "xstest" / f"xstest_v2_completions_{model}.csv"
        ratings = read("mapped", path, options=options, key=key).tables["ratings"].to_pandas()
        assert np.round(100 * (votes(ratings).max(axis=1) == 2).mean(), 1) == agreement
