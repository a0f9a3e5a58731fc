import numpy as np

from smo_pipelines.classifiers.order import batches, epoch_order

IDS = np.array([f"item-{i:03d}" for i in range(60)])


def test_arms_stay_aligned_when_items_differ():
    treatment = np.delete(IDS, [3, 17, 40])
    order = [name for name in IDS[epoch_order(IDS, seed=4, epoch=1)] if name in set(treatment)]
    assert order == treatment[epoch_order(treatment, seed=4, epoch=1)].tolist()


def test_row_order_does_not_matter():
    turned = IDS[::-1]
    assert turned[epoch_order(turned, seed=0, epoch=0)].tolist() == IDS[epoch_order(IDS, seed=0, epoch=0)].tolist()


def test_each_seed_and_epoch_has_its_own_order():
    orders = {tuple(epoch_order(IDS, seed=seed, epoch=epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


def test_every_item_once_within_the_budget_and_in_order():
    lengths = np.arange(60) % 40 + 3
    order = epoch_order(IDS, seed=0, epoch=0)
    found = batches(order, lengths, batch_tokens=128, most_rows=8, bucket=16)
    assert sorted(np.concatenate(found).tolist()) == list(range(60))
    rank = np.argsort(order)
    for rows in found:
        padded = -(-lengths[rows] // 16) * 16
        assert len(set(padded)) == 1
        assert len(rows) <= 8
        assert padded.sum() <= 128
        assert np.all(np.diff(rank[rows]) > 0)


def test_a_text_longer_than_the_budget_is_a_batch_of_its_own():
    assert [len(rows) for rows in batches(np.arange(2), np.array([90, 90]), batch_tokens=64, most_rows=8, bucket=16)] == [1, 1]
