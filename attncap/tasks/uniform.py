"""Examples with uniform entries, as Mahdavi et al. draw them: 100 classes or real labels, in float32."""

from typing import Literal

import numpy as np
from jaxtyping import Float

from attncap.constraints import Count, Natural, Seed, checked
from attncap.errors import InputError
from attncap.numerics.memory import require
from attncap.tasks.example import Examples

Contexts = Literal["distinct", "shared", "permuted"]
BAG = 500
# Arrays that begin on a cache line are used where they lie, not copied.
ALIGNED = 64


@checked
def uniform_examples(
    count: Count,
    context: Count,
    embedding_dim: Count,
    classes: Natural = 100,
    *,
    contexts: Contexts = "distinct",
    bag: Count = BAG,
    seed: Seed = 0,
) -> Examples:
    r"""Draw contexts and queries with entries uniform in [0, 1], and labels that have nothing to do with them.

    Args:
        count: $T$.
        context: $n$.
        embedding_dim: $d$.
        classes: of the labels, as equally many of each as possible; 0 for one real label uniform in [0, 1].
        contexts: one for each example ("distinct"), one for all ("shared"), or for each $n$ vectors of one bag, in
            random order ("permuted").
        bag: vectors in the bag.
        seed: of every draw.

    Returns:
        The task, drawn where it stays: distinct contexts take $4 T n d$ bytes, and no more on the way.

    Raises:
        InputError: a number out of range.
        UnmetError: not enough memory.

    Example:
        >>> task = uniform_examples(200, context=4, embedding_dim=8, classes=100, contexts="shared")
        >>> task.shared, task.labels.sum(axis=0).tolist() == [2.0] * 100
        (True, True)

    Source: Mahdavi, Liao, Thrampoulidis 2024 (arXiv 2306.02010), section 5, as their code at 34305e9 draws it; the
    generator is NumPy's, not theirs.
    """
    if classes == 1:
        raise InputError("classes", "0 for real labels, or at least 2", classes)
    if contexts == "permuted" and context > bag:
        raise InputError("context", f"at most the {bag} vectors of the bag", context)
    own = {"shared": 1, "distinct": count, "permuted": count + bag}[contexts]
    require(4.0 * (own * context * embedding_dim + count * (embedding_dim + classes + 1)), f"{count:,} examples")
    rng = np.random.default_rng(seed)
    drawn = aligned(1 if contexts == "shared" else count, context, embedding_dim)
    if contexts == "permuted":
        vectors = rng.random((bag, embedding_dim), dtype=np.float32)
        for row in drawn:
            row[:] = vectors[rng.permutation(bag)[:context]]
    else:
        rng.random(out=drawn, dtype=np.float32)
    queries = rng.random(out=aligned(count, embedding_dim), dtype=np.float32)
    if classes:
        labels = np.zeros((count, classes), dtype=np.float32)
        labels[np.arange(count), rng.permutation(count) % classes] = 1
    else:
        labels = rng.random((count, 1), dtype=np.float32)
    what = {"distinct": "", "shared": ", shared context", "permuted": f", contexts of a bag of {bag}"}[contexts]
    return Examples(
        f"uniform examples: n={context}, d={embedding_dim}{what}",
        np.broadcast_to(drawn, (count, context, embedding_dim)) if contexts == "shared" else drawn,
        queries,
        labels,
        tuple(range(classes)) or None,
    )


def aligned(*shape: int) -> Float[np.ndarray, "..."]:
    """Return an array of float32 that begins on a cache line."""
    raw = np.empty(4 * int(np.prod(shape)) + ALIGNED, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNED
    return raw[start : start + 4 * int(np.prod(shape))].view(np.float32).reshape(shape)
