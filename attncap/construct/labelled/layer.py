"""Memorize examples with one attention layer: fixed scores, then one linear solve for the readout."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from attncap import bounds, methods
from attncap.construct.labelled.generic_scores import features, generic_heads
from attncap.construct.labelled.mahdavi2024_theorem_1 import theorem_heads
from attncap.errors import InputError, UnmetError
from attncap.fits import Found, LayerShape
from attncap.measure.examples import predicted, verify_examples
from attncap.models import AttentionLayer
from attncap.numerics.linear import minimum_norm
from attncap.numerics.memory import require
from attncap.numerics.rank import rank
from attncap.result import hidden
from attncap.tasks import Examples

if TYPE_CHECKING:
    from rich.console import RenderableType

# Real labels count as memorized below this relative residual in float64; rank-deficient systems leave about 1e-1.
FITTED = 1e-9
DRAWS = 4
SMOOTH = 1e-5


@dataclass(frozen=True, kw_only=True)
class ExamplesFit(Found):
    r"""An attention layer that memorized examples, and the proof that it did.

    Attributes:
        task: what was memorized.
        shape: size of the layer and of the examples.
        method: how the scores were found: "theorem" or "lstsq" (random).
        capacity: examples that a layer like this holds: "theorem" ($H(\min(n, d_h) - 1) + 1$), "rank" (of the
            attention features on this data), "shared" ($H(n-1) + 1$, the most for a shared context), "features"
            ($H d$, the most for any).
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
        """The paper, and this project where it departs from it."""
        return ("mahdavi2024",) if self.method == "theorem" else ("attncap", "mahdavi2024")

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
        if len(contexts) != len(queries):
            raise InputError(f"predict: {len(contexts)} contexts for {len(queries)} queries; expected as many")
        found = predicted(self.model, contexts, queries)
        return found if self.task.classes is None else np.array(self.task.classes)[found.argmax(axis=1)]

    def __rich__(self) -> "RenderableType":
        from rich.table import Table

        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        table.add_row("task", f"{self.task.name}: {self.task.count:,} examples, n = {self.task.context}")
        for note in self.task.notes:
            table.add_row("", note)
        shape, capacity = self.shape, self.capacity
        table.add_row("shape", f"{shape.heads} heads of {shape.head_dim}, {shape.parameters:,} parameters")
        table.add_row("capacity", f"{capacity['theorem']:,} by the theorem, rank {capacity['rank']:,} on this data")
        for dtype, residual in self.residual.items():
            right = "" if self.accuracy is None else f", {self.accuracy[dtype]:.2%} right"
            table.add_row(dtype, f"relative residual {residual:.2g}{right}")
        table.add_row("method", f"{self.method}, seed {self.seed}, {self.seconds:.1f} s")
        return table


def examples(
    task: Examples,
    heads: int,
    head_dim: int | None = None,
    *,
    method: str = "lstsq",
    saturation: float = 1.0,
    beta: float = 3.0,
    seed: int = 0,
) -> ExamplesFit:
    r"""Construct one attention layer that maps every example to its label.

    With the attention scores fixed, the heads' averages $E_t^\top a_t^h$ are $H d$ features of an example, and the
    readout solves a linear system. "theorem" builds the scores group by group, for up to
    $H(\min(n, d_h) - 1) + 1$ examples; "lstsq" draws them, which with distinct contexts reaches rank
    $\min(T, H d)$. What can be memorized is decided by the measured rank, not by the theorem's assumptions. Values of
    $d_v = \min(d, d_{out})$ dimensions suffice: each head's readout $C_h = Q R$ splits into $W_V = Q^\top$ and
    $W_O = R^\top$.

    Args:
        task: the examples (`attncap.tasks.examples`).
        heads: $H$.
        head_dim: $d_h \le d$; $d$ by default.
        method: "theorem" or "lstsq".
        saturation: $c$ of the theorem's construction, 0 to 3.
        beta: standard deviation of random scores.
        seed: of every random draw.

    Returns:
        The verified fit, with ``predict``.

    Raises:
        InputError: a shape that no layer has.
        UnmetError: more examples than the layer holds, with the rank.

    Example:
        >>> from attncap.tasks import random_examples
        >>> task = random_examples(621, context=32, embedding_dim=64)
        >>> fit = examples(task, heads=20, head_dim=32, method="theorem")
        >>> fit.capacity["theorem"], fit.residual["float64"] < 1e-12, fit.residual["float32"] < 1e-5
        (621, True, True)
        >>> bool(abs(fit.predict(task.contexts, task.queries) - task.labels).max() < 1e-10)
        True

    Source: Mahdavi, Liao, Thrampoulidis 2024, Theorem 1 (arXiv 2306.02010); finite saturation, random scores and
    the split of the readout are this project's.
    """
    started = time.perf_counter()
    head_dim = task.embedding_dim if head_dim is None else head_dim
    _check(task, heads, head_dim, method, saturation)
    layer, matrix, residual, accuracy = _best_draw(task, heads, head_dim, method, saturation, beta, seed)
    reached = rank(matrix)
    fitted = residual["float64"] <= FITTED if accuracy is None else accuracy["float64"] == 1.0
    if not fitted:
        found = f"relative residual {residual['float64']:.2g}"
        found = found if accuracy is None else f"{accuracy['float64']:.2%} of the classes right"
        raise UnmetError(
            f"{task.name}: {task.count:,} examples on attention features of rank {reached:,} leave {found}; "
            f"{heads} heads hold {reached:,} real labels of this data at most; give more heads{_limit(task, heads)}"
        )
    return ExamplesFit(
        task=task,
        shape=LayerShape.of_layer(layer, task.context),
        method=method,
        details={"saturation": saturation} if method == "theorem" else {"beta": beta},
        capacity=_capacity(task, heads, head_dim) | {"rank": reached},
        residual=residual,
        accuracy=accuracy,
        seed=seed,
        seconds=time.perf_counter() - started,
        model=layer,
    )


def read_out(
    layer: AttentionLayer, matrix: Float[np.ndarray, "T Hd"], labels: Float[np.ndarray, "T out"]
) -> AttentionLayer:
    r"""Solve for the readout of least norm and split each head's part $C_h = Q R$ into values and outputs."""
    heads, _, dim = layer.query.shape
    scale = 1 / np.maximum(np.linalg.norm(matrix, axis=0), np.finfo(float).tiny)
    solution = scale[:, None] * minimum_norm(matrix * scale, labels)
    orthonormal, upper = np.linalg.qr(solution.reshape(heads, dim, -1))
    return replace(layer, value=orthonormal.transpose(0, 2, 1), output=upper.transpose(0, 2, 1))


def _check(task: Examples, heads: int, head_dim: int, method: str, saturation: float, count: int | None = None) -> None:
    methods.find("examples", method)
    if heads < 1:
        raise InputError("heads", "at least 1", heads)
    if not 1 <= head_dim <= task.embedding_dim:
        raise InputError("head_dim", f"1 to the embedding dimension {task.embedding_dim}", head_dim)
    if not 0 <= saturation <= 3:
        raise InputError("saturation", "0 to 3 (more costs precision and gains nothing)", saturation)
    if method == "theorem":
        least = min(task.context, head_dim)
        if least < 2:
            raise InputError("method", "lstsq, for a context or head dimension of 1", method)
        held = heads * (least - 1) + 1
        if (task.count if count is None else count) > held:
            raise UnmetError(
                f"{task.name}: {task.count:,} examples; {heads} heads hold {held:,} by the theorem; give at least "
                f"{-(-(task.count - 1) // (least - 1))} heads, or method lstsq"
            )


def _best_draw(
    task: Examples, heads: int, head_dim: int, method: str, saturation: float, beta: float, seed: int
) -> tuple[AttentionLayer, np.ndarray, dict[str, float], dict[str, float] | None]:
    """Draw anew while float32 is too rough: at the full count a square system may be badly conditioned."""
    best = None
    for rng in np.random.default_rng(seed).spawn(DRAWS):
        layer, matrix = _scores(task, heads, head_dim, method, saturation, beta, rng)
        layer = read_out(layer, matrix, task.labels)
        residual, accuracy = verify_examples(layer, task)
        if best is None or residual["float32"] < best[2]["float32"]:
            best = layer, matrix, residual, accuracy
        if residual["float32"] <= SMOOTH or residual["float64"] > FITTED:
            break
    assert best is not None
    return best


def _scores(
    task: Examples, heads: int, head_dim: int, method: str, saturation: float, beta: float, rng: np.random.Generator
) -> tuple[AttentionLayer, Float[np.ndarray, "T Hd"]]:
    columns = heads * task.embedding_dim
    require(8.0 * task.count * (2 * columns + task.count) * 1.2, f"solving {task.count:,} x {columns:,}")
    if method == "theorem":
        layer = theorem_heads(task, heads, head_dim, saturation, rng)
    else:
        layer = generic_heads(task, heads, head_dim, beta, rng)
    return layer, features(layer, task)


def _capacity(task: Examples, heads: int, head_dim: int) -> dict[str, int]:
    n, d = task.context, task.embedding_dim
    narrow = {"heads": heads, "context": min(n, d), "embedding_dim": d}
    return {
        "theorem": int(bounds.value("mahdavi2024", **narrow, head_dim=head_dim)),
        "shared": int(bounds.value("mahdavi2024-shared", **narrow)),
        "features": heads * d,
    }


def _limit(task: Examples, heads: int) -> str:
    if not task.shared:
        return ""
    return f" (a shared context holds H(n-1)+1 = {heads * (task.context - 1) + 1:,} at most)"
