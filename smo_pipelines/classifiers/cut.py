"""Where the frozen part of an encoder ends and the trained part begins."""

from dataclasses import dataclass

from smo_pipelines.domain.classifiers import ClassifierConfig, LowestLayer
from smo_pipelines.errors import ClassifierError

__all__ = ["Cut", "cut_of"]


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What is computed once a text.

    Attributes
    ----------
    layers : int
        Whole encoder layers that are frozen; -1 when the embeddings are trained too and nothing is computed once.
    attention : bool
        Whether the attention of the layer above them is frozen as well.
    pooled : bool
        Whether only the mean over a text's tokens is kept, for a head on a frozen encoder.
    """

    layers: int
    attention: bool = False
    pooled: bool = False

    def __str__(self) -> str:
        if self.layers < 0:
            return "nothing"
        half = " and the attention above them" if self.attention else ", their mean" if self.pooled else ""
        return f"{self.layers} layers{half}"


def cut_of(config: ClassifierConfig, layers: int) -> Cut:
    """Return the cut that a configuration asks for in an encoder of so many layers.

    Raises
    ------
    ClassifierError
        When it asks for more layers than there are.
    """
    if config.train_layers == "all":
        return Cut(layers=-1)
    if config.train_layers > layers:
        raise ClassifierError(
            f"{config.name}: train_layers is {config.train_layers}; {config.backbone!r} has {layers} layers: legal are 0 (a head on "
            f"the frozen encoder) to {layers}, and all (the embeddings too)"
        )
    if config.train_layers == 0:
        return Cut(layers=layers, pooled=True)
    # the last layer is computed for the first token alone, so that half of it would save nothing
    half = config.lowest_layer is not LowestLayer.whole and config.train_layers > 1
    return Cut(layers=layers - config.train_layers, attention=half)
