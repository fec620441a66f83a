"""The softmax bottleneck: how near logits of rank d come to next-token distributions, against d."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import altair as alt
import polars as pl

if TYPE_CHECKING:
    from attncap.construct import Encoder

COLOURS = ["#1b6ca8", "#e07b39", "#3a923a", "#8c564b", "#6a51a3"]
FLOOR = 1e-6


def softmax_bottleneck(curves: Mapping[str, Sequence["Encoder"]], title: str = "Softmax bottleneck") -> alt.LayerChart:
    r"""Draw the divergence of the best encoder found against $d$, both on log scales, one curve a task.

    Solid: the encoder; dotted: the truncated singular value decomposition of $\log \pi$. Divergences below
    $10^{-6}$ nats are drawn there.

    Args:
        curves: encoders of rising dimension by the name of their task.
        title: of the figure.

    Returns:
        The chart; save it with `attncap.plots.save`.

    Example:
        >>> import numpy as np
        >>> from attncap.construct import encode
        >>> from attncap.tasks import distributions
        >>> task = distributions(np.random.default_rng(0).dirichlet(np.ones(8), size=32))
        >>> chart = softmax_bottleneck({"random": [encode(task, d, starts=1) for d in (1, 2, 4, 7)]})
    """
    rows = [
        (name, encoder.embedding_dim, max(value, FLOOR), kind)
        for name, encoders in curves.items()
        for encoder in encoders
        for kind, value in (("best encoder found", encoder.kl), ("truncated SVD", encoder.kl_svd))
    ]
    frame = pl.DataFrame(rows, schema=["task", "d", "kl", "kind"], orient="row")
    x = alt.X("d:Q", title="embedding dimension d", scale=alt.Scale(type="log", nice=False), axis=_axis("d"))
    y = alt.Y("kl:Q", title="KL divergence (nats)", scale=alt.Scale(type="log"), axis=_axis("~g"))
    colour = alt.Color("task:N", title=None, sort=list(curves), scale=alt.Scale(range=COLOURS))
    kinds = ["best encoder found", "truncated SVD"]
    dash = alt.StrokeDash("kind:N", title=None, scale=alt.Scale(domain=kinds, range=[[1, 0], [2, 3]]))
    base = alt.Chart(frame)
    lines = base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, strokeDash=dash)
    points = base.transform_filter("datum.kind === 'best encoder found'").mark_point(filled=True, size=36)
    both = alt.LayerChart(layer=[lines, points.encode(x=x, y=y, color=colour)])
    return both.properties(width=460, height=300, title=title).configure_view(stroke=None)


def _axis(form: str) -> alt.Axis:
    return alt.Axis(format=form, tickCount=6, gridOpacity=0.35)
