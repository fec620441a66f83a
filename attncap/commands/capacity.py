"""Search for the largest task that a shape memorizes."""

from functools import partial
from typing import TYPE_CHECKING, Literal

from attncap import methods
from attncap.commands import layers
from attncap.commands.layers import Layer
from attncap.constraints import Count, Natural, Seed
from attncap.errors import InputError

if TYPE_CHECKING:
    from attncap.construct import ExamplesCapacity
    from attncap.fits import Capacity, Peers
    from attncap.train import TrainedExamplesCapacity

    Method = str
else:
    Method = Literal[(*methods.methods("associations"), *methods.methods("examples"))]

DEFAULT = {"associations": "margin", "examples": "lstsq"}
# Options that only some methods for associations take.
SPECIAL = {"train_attention": False, "certify": False, "target": 1, "dtype": "float32"}
# Options of trained layers on examples.
TRAINED = {"classes": 100, "target": 1, "recipe": "best", "steps": None}


def capacity(
    *,
    heads: Count | None = None,
    kind: Literal["associations", "examples"] = "associations",
    embedding_dim: Count = 64,
    head_dim: Count | None = None,
    vocabulary: Count | None = None,
    context: Count | None = None,
    method: Method | None = None,
    layer: Layer = "attention",
    units: Count | None = None,
    train_attention: bool = False,
    certify: bool = False,
    target: float | int = 1.0,
    dtype: Literal["float64", "float32", "bfloat16"] = "float32",
    shared_context: bool = False,
    classes: Natural = 100,
    recipe: str = "best",
    steps: Count | None = None,
    seeds: Count = 3,
    seed: Seed = 0,
) -> "Capacity | Peers[Capacity] | ExamplesCapacity | TrainedExamplesCapacity":
    """Search the largest number of random items that a shape memorizes.

    Args:
        heads: heads $H$ of the attention.
        kind: what is memorized.
        embedding_dim: embedding dimension $d$.
        head_dim: head dimension $d_h$; $d$ by default.
        vocabulary: associations: tokens in the vocabulary, $N$.
        context: tokens in a sequence, $S$; vectors in a context, $n$.
        method: associations: theorem, margin (the default), joint or train; examples: theorem, lstsq (the default),
            chosen or train.
        layer: associations: what memorizes: attention, a perceptron of gated units (method theorem, margin or joint),
            or both, the perceptron with as many parameters as the attention.
        units: units of the perceptron.
        train_attention: margin mode: where the readout falls short, train all weights.
        target: with training: the accuracy that counts as memorized, or the share $R^2$ of real labels' variance.
        certify: margin mode: count only recalls in which no order of summation changes an answer.
        dtype: associations: type in which a construction is exact; training is in float32.
        shared_context: examples: one context for all.
        classes: training on examples: classes of the labels; 0 for real labels.
        recipe: training on examples: how.
        steps: training on examples: optimizer steps; the recipe's by default.
        seeds: searches, each with its own tasks and weights.
        seed: the first of them.

    Returns:
        The capacity and its bracket.

    Raises:
        InputError: a shape that does not exist, or options that do not go together.
        UnmetError: not enough memory.

    Example:
        >>> capacity(vocabulary=30, context=2, embedding_dim=6, heads=5, method="theorem", seeds=1).capacity
        36
        >>> capacity(kind="examples", context=4, embedding_dim=8, heads=3, shared_context=True).capacity
        10
    """
    if context is None:
        raise InputError("context: expected the number of tokens in a sequence, or of vectors in a context; got none")
    chosen = methods.find(kind, method or DEFAULT[kind])
    given = {"train_attention": train_attention, "certify": certify, "target": target, "dtype": dtype}
    special = {option: value for option, value in given.items() if value != SPECIAL[option]}
    trained = {"classes": classes, "target": target, "recipe": recipe, "steps": steps}
    if shared_context and kind != "examples":
        raise InputError("shared_context", "kind examples", f"kind {kind}")
    for option in ("classes", "recipe", "steps"):
        if trained[option] != TRAINED[option] and (kind, chosen.name) != ("examples", "train"):
            raise InputError(option, "kind examples and method train", f"kind {kind} and method {chosen.name}")
    if layer != "attention" or units is not None:
        if kind == "examples" or vocabulary is None:
            raise InputError("layer", "attention, or kind associations and a vocabulary", layer)
        attention = {"head_dim": head_dim, "heads": heads, **{k: v for k, v in special.items() if k != "dtype"}}
        shared = {"dtype": dtype, "seeds": seeds, "seed": seed}
        return layers.capacities(layer, chosen, (vocabulary, context, embedding_dim), units, attention, **shared)
    if heads is None:
        raise InputError("heads", "how many the attention has", None)
    if chosen.name == "train" and kind == "examples":
        for option in ("vocabulary", *special):
            if option != "target" and (option in special or vocabulary is not None):
                raise InputError(option, "kind associations", f"kind {kind}")
        from attncap.train import trained_examples_capacity

        contexts: Literal["shared", "distinct"] = "shared" if shared_context else "distinct"
        size = (context, embedding_dim, head_dim, heads)
        return trained_examples_capacity(*size, contexts=contexts, seeds=seeds, seed=seed, **trained)  # type: ignore[arg-type]
    if kind == "examples":
        if vocabulary is not None or special:
            option = next(iter(special), "vocabulary")
            raise InputError(option, "kind associations", f"kind {kind}")
        from attncap import construct

        size = (context, embedding_dim, head_dim, heads)
        return construct.examples_capacity(*size, method=chosen.name, shared=shared_context, seeds=seeds, seed=seed)
    if vocabulary is None:
        raise InputError("vocabulary: expected the number of tokens N that sequences are made of; got none")
    taken = chosen.taking(**special)
    search = chosen.largest
    if search is None:
        from attncap import construct

        search = partial(construct.capacity, method=chosen.name)
    found: Capacity = search(vocabulary, context, embedding_dim, head_dim, heads, seeds=seeds, seed=seed, **taken)
    return found
