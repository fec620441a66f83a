"""How well an attention layer fits examples: residual and accuracy in each type."""

import numpy as np
from jaxtyping import Float

from attncap.measure.tokens import margins
from attncap.models import DTYPES, AttentionLayer
from attncap.tasks import Examples


def verify_examples(layer: AttentionLayer, task: Examples) -> tuple[dict[str, float], dict[str, float] | None]:
    """Return the relative residual and, if there are classes, the accuracy, the weights rounded to each type."""
    found = {str(dtype): predicted(layer.astype(dtype), task.contexts, task.queries) for dtype in DTYPES}
    residuals = {dtype: residual(outputs, task.labels) for dtype, outputs in found.items()}
    if task.classes is None:
        return residuals, None
    right = task.labels.argmax(axis=1)
    return residuals, {dtype: float((margins(outputs, right) > 0).mean()) for dtype, outputs in found.items()}


def predicted(layer: AttentionLayer, contexts: np.ndarray, queries: np.ndarray) -> Float[np.ndarray, "T out"]:
    """Return the layer's output for every example."""
    return np.concatenate([outputs for _, outputs in layer.outputs(contexts, queries)])


def residual(outputs: np.ndarray, labels: np.ndarray) -> float:
    r"""Return the relative residual $|f - y| / |y|$ over all examples, $|f|$ where every label is zero."""
    return float(np.linalg.norm(outputs - labels) / (np.linalg.norm(labels) or 1.0))
