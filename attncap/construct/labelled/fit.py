"""What memorizing examples returns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncap.errors import InputError
from attncap.fits import Found, LayerShape
from attncap.measure.examples import predicted
from attncap.methods import find
from attncap.models import AttentionLayer
from attncap.result import hidden, several
from attncap.tasks import Examples

if TYPE_CHECKING:
    from rich.console import RenderableType


# Real labels count as memorized below this relative residual in float64; rank-deficient systems leave about 1e-1.
FITTED = 1e-9


@dataclass(frozen=True, kw_only=True)
class ExamplesFit(Found):
    r"""An attention layer that memorized examples, and the proof that it did.

    Attributes:
        task: what was memorized.
        shape: size of the layer and of the examples.
        method: how the scores were found: "theorem", "lstsq" (random) or "chosen" (for the labels).
        capacity: examples that a layer like this holds: "theorem" ($H(\min(n, d_h) - 1) + 1$), "rank" (of the
            attention features on this data), "shared" ($H(n-1) + 1$, the most that fixed scores hold of a shared
            context), "features" ($H d$, the most that they hold of any), "proved" (what chosen scores are proved to
            hold) and "degrees_of_freedom" (beyond which almost no labels fit).
        residual: relative residual $|f - y| / |y|$ over all examples, the weights rounded to each type.
        accuracy: share of the examples whose class has the largest output, in each type; None for real labels.
        seed: of every random draw.
        details: the saturation or the scale of the scores.
        seconds: wall time.
        model: the layer, in float64.
    """

    task: Examples
    shape: LayerShape
    capacity: dict[str, int]
    residual: dict[str, float]
    accuracy: dict[str, float] | None
    seed: int
    model: AttentionLayer = hidden()

    @property
    def dtype(self) -> str:
        """The type that the weights are meant for."""
        return self.model.dtype

    @property
    def recalled(self) -> tuple[float, ...]:
        """Share of the examples whose class is right; of real labels all or nothing."""
        fitted = self.residual[self.dtype] <= FITTED
        return (float(fitted) if self.accuracy is None else self.accuracy[self.dtype],)

    @property
    def cites(self) -> tuple[str, ...]:
        """What the method rests on."""
        return find("examples", self.method).cites

    def predict(self, contexts: Any, queries: Any) -> np.ndarray:
        """Return the label of each example: real numbers (T, d_out), or the class with the largest output (T,).

        Args:
            contexts: (T, n, d), or (n, d) for one context that all queries share.
            queries: (T, d).

        Raises:
            InputError: other shapes than the layer was fitted to.
        """
        queries, contexts = np.asarray(queries, dtype=np.float64), np.asarray(contexts, dtype=np.float64)
        dim = self.shape.embedding_dim
        if contexts.ndim == 2:
            contexts = np.broadcast_to(contexts, (len(queries), *contexts.shape))
        if queries.ndim != 2 or contexts.ndim != 3 or {queries.shape[-1], contexts.shape[-1]} != {dim}:
            raise InputError(f"predict: expected (T, n, {dim}) and (T, {dim}), got {contexts.shape}, {queries.shape}")
        if len(contexts) != len(queries) or not len(queries):
            expected = "expected as many, at least one"
            raise InputError(f"predict: {len(contexts)} contexts for {len(queries)} queries; {expected}")
        found = predicted(self.model, contexts, queries)
        return found if self.task.classes is None else np.array(self.task.classes)[found.argmax(axis=1)]

    def score(self, contexts: Any, queries: Any, labels: Any) -> float:
        r"""Return the share of right classes, or $R^2$ of real labels, as scikit-learn's estimators do.

        Args:
            contexts: (T, n, d), or (n, d) for one context that all queries share.
            queries: (T, d).
            labels: (T,) classes or (T, d_out) real labels.

        Raises:
            InputError: other shapes than the layer was fitted to.

        Example:
            >>> from attncap.construct import examples
            >>> from attncap.tasks import random_examples
            >>> task = random_examples(8, 4, 6)
            >>> round(examples(task, heads=4).score(task.contexts, task.queries, task.labels), 6)
            1.0
        """
        found, wanted = self.predict(contexts, queries), np.asarray(labels)
        if found.ndim > wanted.ndim:
            wanted = wanted[:, None]
        if wanted.shape != found.shape:
            raise InputError("labels", f"shape {found.shape}", wanted.shape)
        if self.task.classes is not None:
            return float((found == wanted).mean())
        spread = ((wanted - wanted.mean(axis=0)) ** 2).sum(axis=0)
        return float((1 - ((found - wanted) ** 2).sum(axis=0) / spread).mean())

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return what `attncap.construct.examples` would be called with to make it again.

        Args:
            deep: takes what scikit-learn passes; nothing here is nested.
        """
        shape = {"head_dim": self.shape.head_dim, "heads": self.shape.heads}
        return {**shape, "method": self.method, **self.details, "seed": self.seed}

    def __rich__(self) -> "RenderableType":
        from attncap.terminal import Rows

        table = Rows()
        table.add_row("task", f"{self.task.name}: {several(self.task.count, 'example')}, n = {self.task.context}")
        for note in self.task.notes:
            table.add_row("", note)
        shape, capacity = self.shape, self.capacity
        table.add_row(
            "shape", f"{several(shape.heads, 'head')} of {shape.head_dim}, {several(shape.parameters, 'parameter')}"
        )
        table.add_row("capacity", f"{capacity['theorem']:,} by the theorem, rank {capacity['rank']:,} on this data")
        for dtype, residual in self.residual.items():
            right = "" if self.accuracy is None else f", {self.accuracy[dtype]:.2%} right"
            table.add_row(dtype, f"relative residual {residual:.2g}{right}")
        table.add_row("method", f"{self.method}, seed {self.seed}, {self.seconds:.1f} s")
        return table
