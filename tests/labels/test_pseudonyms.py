import hashlib
import hmac
import stat

import pytest

from smo_pipelines.errors import LabelError
from smo_pipelines.labels.pseudonyms import key_from_environment, pseudonym


def test_it_is_the_head_of_an_hmac(key):
    # 20 characters of 5 bits: the first 100 bits of HMAC-SHA256 over "project|raw id"
    code = int.from_bytes(hmac.new(key, b"demo|17", hashlib.sha256).digest(), "big") >> 156
    digits = "abcdefghijklmnopqrstuvwxyz234567"
    assert pseudonym(key, "demo", "17") == "".join(digits[(code >> 5 * place) & 31] for place in range(19, -1, -1))


def test_projects_do_not_share_names(key):
    assert pseudonym(key, "demo", "17") != pseudonym(key, "other", "17")


def test_the_environment_wins(tmp_path):
    found = key_from_environment({"SMO_RATER_KEY": "x" * 32}, tmp_path / "keys")
    assert (found.secret, found.made, (tmp_path / "keys").exists()) == (b"x" * 32, False, False)
    assert "xxx" not in repr(found)


def test_a_development_key_is_made_once_and_said_aloud(tmp_path):
    first, second = key_from_environment({}, tmp_path), key_from_environment({}, tmp_path)
    assert (first.made, second.made) == (True, False)
    assert first.secret == second.secret
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600]


def test_a_short_key_is_refused(tmp_path):
    with pytest.raises(LabelError, match="at least 16"):
        key_from_environment({"SMO_RATER_KEY": "short"}, tmp_path)
