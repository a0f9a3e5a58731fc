import pytest

from smo_pipelines.config.costs import load_compute_price
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.errors import ConfigError
from tests.examples.projects import CHECKOUT


def load(root, text):
    (root.configs / "costs.yaml").write_text(text, encoding="utf-8")
    return load_compute_price(root)


def test_the_shipped_file_names_no_price():
    assert not load_compute_price(ProjectRoot(CHECKOUT)).an_hour


def test_without_a_file_nothing_has_a_price(root):
    assert not load_compute_price(root).an_hour


def test_prices_are_read_with_their_currency(root):
    price = load(root, "currency: EUR\ncore_hour: 0.04\n")
    assert (price.currency, dict(price.an_hour or {})) == ("EUR", {"core": 0.04})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("core_hour: 0.04\n", "a price needs its currency"),
        ("currency: euro\ncore_hour: 1\n", "currency"),
        ("currency: EUR\ncore_hour: 0\n", "greater than 0"),
        ("currency: EUR\ngpu_hour: .inf\n", "finite"),
        ("currency: EUR\ncpu_hour: 1\n", "did you mean 'gpu_hour'|did you mean 'core_hour'"),
    ],
)
def test_a_price_that_cannot_be_read_says_why(root, text, said):
    with pytest.raises(ConfigError, match=said):
        load(root, text)
