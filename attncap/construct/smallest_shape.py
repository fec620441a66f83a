"""Search the smallest memory that holds a task."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from attncap import measure
from attncap.constraints import Positive, Seed, checked
from attncap.construct.associations.joint_mode import joint
from attncap.fits import Fit, NotMemorized
from attncap.models.layout import runs
from attncap.models.precision import INT8, StoredName, storage
from attncap.numerics.budget import Budget
from attncap.progress import bar, note
from attncap.result import several
from attncap.tasks import Associations

By = Literal["parameters", "bytes"]
# Bits per parameter in use to begin with: what the descent finds at once, then ever easier.
RATES = (1.0, 0.8, 0.6, 0.4, 0.25, 0.15, 0.08, 0.04)
# Heads of one dimension per embedding dimension: more are slow, and an embedding dimension more does as well.
HEADS_PER_DIM = 24
# Evaluations of the loss that one shape is worth.
EVALUATIONS = 3000
# Heads are searched to an eighth of their number.
RESOLUTION = 1 / 8
# Embedding dimensions below the first that held are tried until so many in a row hold nothing smaller.
MISSES = 2


@dataclass(frozen=True)
class Attempt:
    """One shape that the search tried.

    Attributes:
        method: how weights were looked for.
        embedding_dim: $d$.
        head_dim: $d_h$.
        heads: $H$.
        dtype: the type in which every answer was to be right.
        parameters: in use.
        bytes: that they take.
        held: whether they hold the task.
        seconds: since the search began.
    """

    method: str
    embedding_dim: int
    head_dim: int
    heads: int
    dtype: str
    parameters: int
    bytes: int
    held: bool
    seconds: float


@checked
def smallest(
    task: Associations,
    *,
    by: By = "parameters",
    within: Positive | None = None,
    dtype: StoredName = "float32",
    seed: Seed = 0,
    certify: bool = False,
    first: bool = False,
) -> Fit:
    """Search the shape with the fewest parameters in use (or stored bytes) that holds a task.

    Shapes are filled by method joint, with heads of one dimension. The first comes from the bits of the task; from
    there the embedding, most of a table's numbers, is narrowed as far as many heads hold the task; then their number is
    bisected, and again in wider embeddings for as long as that finds less. A shape that fails is no proof that it
    cannot hold the task.

    Args:
        task: what to memorize.
        by: what is to be smallest; for bytes, int8 and bfloat16 are tried too where float32 was asked for.
        within: seconds; the best so far is returned then.
        dtype: the type in which every answer must be right.
        seed: of every random draw.
        certify: take only weights whose answers are all certified.
        first: return the first shape that holds the task.

    Returns:
        The best fit. Its details hold every attempt, the front (attempts smaller than all before them), and whether
        the search was interrupted.

    Raises:
        NotMemorized: no shape held the task in time.

    Example:
        >>> from attncap.tasks import load
        >>> fit = smallest(load("capitals"), first=True)
        >>> fit.details["front"][0]["parameters"] < 1700
        True
    """
    # int8 first: it holds the most bits per stored bit.
    types = (INT8, "bfloat16", dtype) if by == "bytes" and dtype == "float32" and not first else (dtype,)
    search = _Search(task, by, seed, certify, Budget(float("inf") if within is None else float(within)))
    interrupted = False
    try:
        with bar("shapes") as advance:
            for kind in types:
                for _ in search.shapes(kind, first):
                    advance(1)
    except KeyboardInterrupt:
        if search.best is None:
            raise
        interrupted = True
    if search.best is None:
        late = "" if within is None else f" within {within:g} s"
        raise NotMemorized(f"{task.name}: none of {len(search.attempts)} shapes held the task{late}; give more time")
    return replace(search.best, details=search.best.details | search.details() | {"interrupted": interrupted})


@dataclass
class _Search:
    task: Associations
    by: By
    seed: int
    certify: bool
    budget: Budget
    attempts: list[Attempt] = field(default_factory=list)
    best: Fit | None = None
    least: float | int = float("inf")

    def __post_init__(self) -> None:
        read, answers = np.unique(self.task.sequences), measure.answers_in_use(self.task)
        self.rows = len(read) + len(answers)
        partial = (tokens for tokens in (read, answers) if len(tokens) < self.task.vocabulary_size)
        self.index = sum(runs(tokens).nbytes for tokens in partial)

    def parameters(self, embedding_dim: int, heads: int) -> int:
        """Return the parameters in use of a shape, without positions."""
        return embedding_dim * (self.rows + 4 * heads)

    def bytes(self, embedding_dim: int, heads: int, dtype: str) -> int:
        """Return the bytes of a shape: tensors, the index of rows, and a scale a column of embeddings or tensor."""
        scales = 2 * (2 * embedding_dim + 5) if dtype == INT8 else 0
        stored = self.parameters(embedding_dim, heads) + embedding_dim * self.task.context
        return stored * storage(dtype).itemsize + scales + self.index

    def size(self, embedding_dim: int, heads: int, dtype: str) -> int:
        """Return what is to be smallest."""
        by_bytes = self.by == "bytes"
        return self.bytes(embedding_dim, heads, dtype) if by_bytes else self.parameters(embedding_dim, heads)

    def most_heads(self, embedding_dim: int, size: float | int, dtype: str) -> int:
        """Return the heads with which a shape is smaller than a size; none or negative where none is."""
        one = self.size(embedding_dim, 1, dtype) - self.size(embedding_dim, 0, dtype)
        return int((size - 1 - self.size(embedding_dim, 0, dtype)) // one)

    def widest(self, embedding_dim: int, dtype: str) -> int:
        """Return the most heads worth trying: those with which a shape is smaller than the best."""
        return min(self.most_heads(embedding_dim, self.least, dtype), HEADS_PER_DIM * embedding_dim)

    def holds(self, embedding_dim: int, heads: int, dtype: str) -> bool:
        """Try a shape, and keep it if it is the smallest that held."""
        fit = None
        try:
            fit = joint(
                self.task,
                embedding_dim,
                heads=heads,
                dtype=dtype,
                seed=self.seed,
                certify=self.certify,
                evaluations=EVALUATIONS,
                budget=self.budget,
            )
            parameters, stored = fit.shape.parameters_in_use, fit.shape.bytes
        except NotMemorized:
            parameters, stored = self.parameters(embedding_dim, heads), self.bytes(embedding_dim, heads, dtype)
        found = Attempt(
            "joint", embedding_dim, 1, heads, dtype, parameters, stored, fit is not None, round(self.budget.elapsed, 3)
        )
        self.attempts.append(found)
        cost = stored if self.by == "bytes" else parameters
        if fit is not None and cost < self.least:
            self.best, self.least = fit, cost
            heads_said = several(heads, "head")
            note(f"{parameters:,} parameters in use ({stored:,} bytes): d = {embedding_dim}, {heads_said}, {dtype}")
        return fit is not None

    def shapes(self, dtype: str, first: bool) -> Iterator[None]:
        """Try shape after shape, yielding after each, until the budget is spent or nothing smaller is found."""
        dim = 0
        for rate in RATES:
            dim, heads = self.comfortable(self.task.bits / rate, narrowest=3 if dtype == INT8 else 2)
            if self.size(dim, heads, dtype) >= self.least:
                break
            held = self.holds(dim, heads, dtype)
            yield
            if held or self.budget.spent:
                break
        if first or self.best is None:
            return
        misses = 0
        for narrower in range(dim - 1, 1, -1):
            if self.budget.spent or misses == MISSES:
                break
            if (heads := self.widest(narrower, dtype)) > 0:
                held = self.holds(narrower, heads, dtype)
                dim, misses = (narrower, 0) if held else (dim, misses + 1)
                yield
        yield from self.bisected(dim, dtype)
        gained = True
        while gained:
            dim, least = dim + 1, self.least
            yield from self.bisected(dim, dtype)
            gained = self.least < least

    def comfortable(self, size: float, narrowest: int) -> tuple[int, int]:
        """Return the narrowest shape of about so many parameters that is not all heads.

        In two dimensions every answer is a corner, and whole numbers have few of them: int8 starts with three.
        """
        dim = narrowest
        while (heads := round((size / dim - self.rows) / 4)) > HEADS_PER_DIM * dim:
            dim += 1
        return dim, max(dim, heads)

    def bisected(self, embedding_dim: int, dtype: str) -> Iterator[None]:
        """Bisect the heads of an embedding dimension, below what is smaller than the best."""
        high = self.widest(embedding_dim, dtype) + 1
        # What held at this dimension needs no second look: on with half of its heads.
        known = self.best is not None and self.best.shape.embedding_dim == embedding_dim and self.best.dtype == dtype
        low, heads = 0, high // 2 if known else high - 1
        while high - low > max(1.0, RESOLUTION * low) and heads > low and not self.budget.spent:
            held = self.holds(embedding_dim, heads, dtype)
            yield
            low, high = (low, heads) if held else (heads, high)
            heads = (low + high) // 2

    def details(self) -> dict[str, Any]:
        """Return what a result says of the search."""
        front, least = [], float("inf")
        for one in self.attempts:
            cost = one.bytes if self.by == "bytes" else one.parameters
            if one.held and cost < least:
                front.append(asdict(one))
                least = cost
        return {"by": self.by, "front": front, "attempts": [asdict(one) for one in self.attempts]}
