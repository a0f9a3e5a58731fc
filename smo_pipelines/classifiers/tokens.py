"""Texts to token ids, and whether a backbone can read a set of texts at all."""

import json
from collections.abc import Sequence

import numpy as np

from smo_pipelines.classifiers.weights import Backbone
from smo_pipelines.errors import ClassifierError, UnknownTokens

__all__ = ["UNKNOWN_ALLOWED", "Tokeniser"]

UNKNOWN_ALLOWED = 0.05
"""Share of unknown word pieces above which a set of texts is refused."""


class Tokeniser:
    """A backbone's own tokeniser.

    Parameters
    ----------
    backbone : Backbone
        Its folder must hold ``tokenizer.json``.
    max_length : int or None
        Tokens kept of a text, special tokens included; None keeps all.

    Raises
    ------
    ClassifierError
        When the folder has no ``tokenizer.json`` that can be read.
    """

    def __init__(self, backbone: Backbone, *, max_length: int | None = None) -> None:
        from tokenizers import Tokenizer

        path = backbone.folder / "tokenizer.json"
        if not path.is_file():
            raise ClassifierError(f"the backbone in {backbone.folder} has no tokenizer.json; save its fast tokenizer there")
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing more exact
            raise ClassifierError(f"{path} is no tokenizer ({error}): save the backbone's fast tokenizer there again") from error
        model = json.loads(path.read_bytes())["model"]
        # a Unigram model names the position of its unknown piece, the others the piece itself
        self._unknown = model.get("unk_id") if model.get("unk_token") is None else self._tokenizer.token_to_id(model["unk_token"])
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        if max_length is not None:
            self._tokenizer.enable_truncation(max_length)

    def ids(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Return each text's token ids with the special tokens around them."""
        return [np.asarray(found.ids, dtype=np.int64) for found in self._tokenizer.encode_batch_fast(_readable(texts))]

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Return the share of word pieces, special tokens apart, that the vocabulary does not hold.

        0 for no pieces, and for a vocabulary of bytes, which holds everything.
        """
        unknown = self._unknown
        if unknown is None:
            return 0.0
        pieces = [np.asarray(found.ids) for found in self._tokenizer.encode_batch_fast(_readable(texts), add_special_tokens=False)]
        total = sum(len(one) for one in pieces)
        return sum(int((one == unknown).sum()) for one in pieces) / total if total else 0.0

    def check(self, texts: Sequence[str], what: str, backbone: str) -> None:
        """Refuse texts that the vocabulary does not cover.

        Raises
        ------
        UnknownTokens
            Above :data:`UNKNOWN_ALLOWED`.
        """
        share = self.unknown_share(texts)
        if share > UNKNOWN_ALLOWED:
            raise UnknownTokens(
                f"{share:.1%} of the word pieces of {what} are unknown to the backbone {backbone!r} (legal: up to "
                f"{UNKNOWN_ALLOWED:.0%}): select the locales it can read, or use the classifier 'tfidf', "
                "which reads any script"
            )


def _readable(texts: Sequence[str]) -> list[str]:
    """Return the texts with halves of characters, which cut exports hold and which cannot be encoded, shown as such."""
    return [text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
