"""How well an attention layer fits examples: residual and accuracy in each type, and bits."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from attncap.measure.code_length import Code, pieces_of
from attncap.measure.tokens import margins
from attncap.models import DTYPES, AttentionLayer, EmbeddedAttention
from attncap.models.embedded_attention import softmax
from attncap.tasks import Examples


def verify_examples(layer: AttentionLayer, task: Examples) -> tuple[dict[str, float], dict[str, float] | None]:
    """Return the relative residual and, if there are classes, the accuracy, the weights rounded to each type."""
    found = {str(dtype): predicted(layer.astype(dtype), task.contexts, task.queries) for dtype in DTYPES}
    residuals = {dtype: residual(outputs, task.labels) for dtype, outputs in found.items()}
    if task.classes is None:
        return residuals, None
    right = task.labels.argmax(axis=1)
    return residuals, {dtype: float((margins(outputs, right) > 0).mean()) for dtype, outputs in found.items()}


def predicted(
    layer: AttentionLayer | EmbeddedAttention, contexts: np.ndarray, queries: np.ndarray
) -> Float[np.ndarray, "T out"]:
    """Return the layer's output for every example."""
    return np.concatenate([outputs for _, outputs in layer.outputs(contexts, queries)])


def residual(outputs: np.ndarray, labels: np.ndarray) -> float:
    r"""Return the relative residual $|f - y| / |y|$ over all examples, $|f|$ where every label is zero."""
    return float(np.linalg.norm(outputs - labels) / (np.linalg.norm(labels) or 1.0))


def explained(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Return $R^2$, the share of the variance of real labels that the outputs explain."""
    return float(1 - ((outputs - labels) ** 2).mean() / (labels.var(axis=0).mean() or 1.0))


def label_bits(outputs: Float[np.ndarray, "T out"], task: Examples) -> float:
    r"""Return the bits of the labels that the outputs save.

    Classes: what the best code saves against equally likely classes, as `attncap.measure.bits`. Real labels: what a
    Gaussian of the residuals' variance saves against one of the labels', $\tfrac T2 \log_2 1/(1 - R^2)$ a dimension.

    Args:
        outputs: of a model, for every example.
        task: its labels.

    Example:
        >>> from attncap.tasks import uniform_examples
        >>> task = uniform_examples(64, context=2, embedding_dim=4, classes=4)
        >>> label_bits(task.labels, task), label_bits(np.ones((64, 4)), task)
        (128.0, 0.0)
    """
    if task.classes is None:
        unexplained = max(1 - explained(outputs, task.labels), np.finfo(np.float64).eps)
        return float(max(0.0, -0.5 * np.log2(unexplained)) * task.labels.size)
    code = Code(pieces_of(outputs), Classes(task))
    return Classes(task).bits if code.recalled else max(0.0, code.best[0])


@dataclass(frozen=True)
class Classes:
    """Classes of examples as answers to be sent, each equally likely."""

    task: Examples

    @property
    def associations(self) -> int:
        """Examples."""
        return self.task.count

    @property
    def vocabulary_size(self) -> int:
        """Classes."""
        return self.task.labels.shape[1]

    @cached_property
    def answers(self) -> Int[np.ndarray, " T"]:
        """The class of each example."""
        return self.task.labels.argmax(axis=1)

    @property
    def surprisal_by_order(self) -> Float[np.ndarray, "1 T"]:
        """Bits of each class."""
        return np.full((1, self.task.count), np.log2(self.vocabulary_size))

    @property
    def bits(self) -> float:
        """Bits of all."""
        return float(self.task.count * np.log2(self.vocabulary_size))


def largest_weights(model: EmbeddedAttention, task: Examples, rows: slice = slice(None)) -> Float[np.ndarray, "T H"]:
    """Return the largest attention weight of each example and head: near one where the softmax is saturated."""
    contexts = task.contexts[0] if task.shared else task.contexts[rows]
    kind = model.query.dtype
    scores = model.scores(contexts.astype(kind), task.queries[rows].astype(kind))
    found: Float[np.ndarray, "T H"] = softmax(scores).max(axis=-1)
    return found
