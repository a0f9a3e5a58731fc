from datetime import UTC, datetime

from smo_pipelines.labels.tables import LabelTables
from smo_pipelines.simulate.volume import weekly_batches

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_so_many_ratings_are_made_and_no_more(tmp_path):
    tables = LabelTables(tmp_path)
    batches = list(weekly_batches(0, ratings=7_000, project="large", items_a_week=200))
    assert sum(tables.append(batch, imported_at=NOON).ratings for batch in batches) == tables.rating_count("large") == 7_000


def test_weeks_have_items_and_answers_of_their_own_over_the_same_texts():
    first, second, *_ = (batch.tables for batch in weekly_batches(0, ratings=3_000, project="large", items_a_week=120))
    assert not set(first["items"]["item_id"].to_pylist()) & set(second["items"]["item_id"].to_pylist())
    assert first["items"]["text"].to_pylist() == second["items"]["text"].to_pylist()
    answers = [
        dict(zip(part["rating_id"].to_pylist(), part["label"].to_pylist(), strict=True))
        for part in (first["ratings"], second["ratings"])
    ]
    assert list(answers[0].values()) != list(answers[1].values())


def test_the_same_seed_makes_the_same_imports():
    def names(seed):
        return [batch.import_id for batch in weekly_batches(seed, ratings=1_500, project="large")]

    assert names(3) == names(3) != names(4)
