"""Memorize examples with one attention layer: find the scores, solve for the readout, verify."""

import time
from collections.abc import Callable
from functools import partial
from typing import Annotated

import numpy as np
from jaxtyping import Float

from attncap import methods
from attncap.constraints import Count, Range, Seed, checked
from attncap.construct.labelled.chosen_scores import chosen_heads
from attncap.construct.labelled.count import (
    capacity_of,
    check_layer,
    check_theorem,
    degrees_of_freedom,
    explicit,
    least_heads,
    proved,
)
from attncap.construct.labelled.features import features, read_out
from attncap.construct.labelled.fit import FITTED, ExamplesFit
from attncap.construct.labelled.generic_scores import generic_heads
from attncap.construct.labelled.mahdavi2024_theorem_1 import theorem_heads
from attncap.errors import InputError, UnmetError
from attncap.fits import LayerShape
from attncap.measure.examples import verify_examples
from attncap.models import AttentionLayer
from attncap.numerics.linear import expect_solve
from attncap.numerics.memory import require
from attncap.numerics.rank import rank
from attncap.result import several
from attncap.tasks import Examples

DRAWS = 4
SMOOTH = 1e-5
SATURATION = 1.0
# More costs precision and gains nothing.
Saturation = Annotated[float, Range(0, 3)]
BETA = 3.0


@checked
def examples(
    task: Examples,
    head_dim: Count | None = None,
    heads: Count | None = None,
    *,
    method: str = "lstsq",
    saturation: Saturation = SATURATION,
    beta: Annotated[float, Range(0, open=True)] = BETA,
    seed: Seed = 0,
) -> ExamplesFit:
    r"""Construct one attention layer that maps every example to its label.

    With the attention scores fixed, the heads' averages $E_t^\top a_t^h$ are $H d$ features of an example, and the
    readout solves a linear system. "theorem" builds the scores group by group, for up to
    $H(\min(n, d_h) - 1) + 1$ examples; "lstsq" draws them, which with distinct contexts reaches rank
    $\min(T, H d)$. What can be memorized is decided by the measured rank, not by the theorem's assumptions. "chosen"
    fits the scores to the labels as well and goes beyond that rank: two tokens of a shared context take $d + 1$ labels
    with one head, pairs of heads about half of the degrees of freedom, and random starts are tried beyond. Values of
    $d_v = \min(d, d_{out})$ dimensions suffice: each head's readout $C_h = Q R$ splits into $W_V = Q^\top$ and
    $W_O = R^\top$.

    Args:
        task: the examples (`attncap.tasks.examples`).
        head_dim: $d_h \le d$; $d$ by default.
        heads: $H$; by default the fewest whose count reaches the task.
        method: "theorem", "lstsq" or "chosen".
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
        >>> fit = examples(task, head_dim=32, method="theorem")
        >>> fit.shape.heads, fit.capacity["theorem"], fit.residual["float64"] < 1e-12, fit.residual["float32"] < 1e-5
        (20, 621, True, True)
        >>> bool(abs(fit.predict(task.contexts, task.queries) - task.labels).max() < 1e-10)
        True

    Source: Mahdavi, Liao, Thrampoulidis 2024, Theorem 1 (arXiv 2306.02010); finite saturation, random scores and
    the split of the readout are this project's.
    """
    started = time.perf_counter()
    head_dim = task.embedding_dim if head_dim is None else head_dim
    check_layer(task.embedding_dim, head_dim, heads)
    check_method(method)
    heads = least_heads(task, head_dim, method) if heads is None else heads
    solve = partial(solved, task, head_dim, heads, method, saturation=saturation, beta=beta)
    layer, matrix, residual, accuracy = _best_draw(solve, task, seed)
    reached = rank(matrix)
    fitted = residual["float64"] <= FITTED if accuracy is None else accuracy["float64"] == 1.0
    if not fitted:
        found = f"relative residual {residual['float64']:.2g}"
        found = found if accuracy is None else f"{accuracy['float64']:.2%} of the classes right"
        raise UnmetError(_shortfall(task, head_dim, heads, method, reached, found))
    return ExamplesFit(
        task=task,
        shape=LayerShape.of_layer(layer, task.context),
        method=method,
        details={"saturation": saturation} if method == "theorem" else {"beta": beta},
        capacity=capacity_of(task, head_dim, heads) | {"rank": reached},
        residual=residual,
        accuracy=accuracy,
        seed=seed,
        seconds=time.perf_counter() - started,
        model=layer,
    )


def check_method(method: str) -> None:
    """Refuse a method that is not there.

    Raises:
        InputError: names the option, what was expected and what was got.
    """
    if methods.find("examples", method).largest is not None:
        raise InputError("method", "theorem, lstsq or chosen; `attncap.train.examples` trains", method)


def solved(
    task: Examples,
    head_dim: int,
    heads: int,
    method: str,
    rng: np.random.Generator,
    saturation: float = SATURATION,
    beta: float = BETA,
) -> tuple[AttentionLayer, Float[np.ndarray, "T Hd"]]:
    """Find a layer for the examples; return it with the features of its scores.

    Raises:
        InputError: a shape that the method does not know.
        UnmetError: more examples than the method holds, or not enough memory.
    """
    columns = heads * task.embedding_dim
    require(8.0 * task.count * (2 * columns + task.count) * 1.2, f"solving {task.count:,} x {columns:,}")
    expect_solve(task.count, columns)
    if method == "theorem":
        check_theorem(task, head_dim, heads)
        layer = theorem_heads(task, head_dim, heads, saturation, rng)
    elif method == "chosen":
        layer = _chosen(task, head_dim, heads, beta, rng)
        return layer, features(layer, task)
    else:
        layer = generic_heads(task, head_dim, heads, beta, rng)
    matrix = features(layer, task)
    return read_out(layer, matrix, task.labels), matrix


def _chosen(task: Examples, head_dim: int, heads: int, beta: float, rng: np.random.Generator) -> AttentionLayer:
    """Fit scores and readout: explicitly where that applies, from pairs of heads where they suffice, else at random."""
    if explicit(task, heads) and (layer := chosen_heads(task, head_dim, heads)) is not None:
        return layer
    from attncap.construct.labelled.paired_heads import fitted_heads

    return fitted_heads(task, head_dim, heads, beta, rng, paired=task.count <= proved(task, head_dim, heads))


def _best_draw(
    solve: Callable[..., tuple[AttentionLayer, np.ndarray]], task: Examples, seed: int
) -> tuple[AttentionLayer, np.ndarray, dict[str, float], dict[str, float] | None]:
    """Draw anew while float32 is too rough: at the full count a square system may be badly conditioned."""
    best = None
    for rng in np.random.default_rng(seed).spawn(DRAWS):
        layer, matrix = solve(rng=rng)
        residual, accuracy = verify_examples(layer, task)
        if best is None or residual["float32"] < best[2]["float32"]:
            best = layer, matrix, residual, accuracy
        if residual["float32"] <= SMOOTH or residual["float64"] > FITTED:
            break
    assert best is not None
    return best


def _shortfall(task: Examples, head_dim: int, heads: int, method: str, reached: int, found: str) -> str:
    """Say in one line what a layer leaves of the examples, and what would hold them."""
    if method == "chosen":
        counts = proved(task, head_dim, heads), degrees_of_freedom(task, head_dim, heads)
        held = f"{several(heads, 'head', 'hold')} {several(counts[0], 'example')} in general"
        return (
            f"{task.name}: {several(task.count, 'example')} leave {found}; {held} "
            f"position by proof, and have {counts[1]:,} degrees of freedom per label column; give more heads"
        )
    held = f"{several(heads, 'head')} of such scores can hold {several(reached, 'real label')} of this data at most"
    more = f" (H(n-1)+1 = {heads * (task.context - 1) + 1:,} for a shared context)" if task.shared else ""
    return (
        f"{task.name}: {several(task.count, 'example')} on attention features of rank {reached:,} leave {found}; "
        f"{held}{more}; give more heads or method chosen"
    )
