"""The softmax bottleneck: how near logits of rank d come to next-token distributions, against d."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from attncap.constraints import checked
from attncap.plots import theme

if TYPE_CHECKING:
    from attncap.construct import Encoder

KINDS = {"best encoder found": theme.SOLID, "truncated SVD": theme.DOTTED}
FLOOR = 1e-6


@checked
def softmax_bottleneck(curves: Mapping[str, Sequence["Encoder"]], title: str = "Softmax bottleneck") -> alt.LayerChart:
    r"""Draw the divergence of the best encoder found against $d$, both on log scales, one curve per task.

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
        for kind, value in zip(KINDS, (encoder.kl, encoder.kl_svd), strict=True)
    ]
    frame = pl.DataFrame(rows, schema=["task", "d", "kl", "kind"], orient="row")
    x = theme.channel(alt.X, "d", "embedding dimension d", frame["d"], log=True)
    y = theme.channel(alt.Y, "kl", "KL divergence (nats)", frame["kl"], log=True)
    colour = theme.colour("task", list(curves))
    dash = theme.dash("kind", list(KINDS), list(KINDS.values()))
    base = theme.rows(frame)
    lines = base.mark_line(strokeWidth=theme.LINE).encode(x, y, colour, dash)
    points = base.transform_filter("datum.kind === 'best encoder found'").mark_point(filled=True, size=theme.POINT)
    both = alt.LayerChart(layer=[lines, points.encode(x, y, colour)]).properties(width=460, height=300)
    return theme.finished(both, title, width=460)
