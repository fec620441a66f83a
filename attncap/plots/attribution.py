"""Which part of a model writes a fact: the shares of its margin as bars."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from attncap.constraints import checked
from attncap.plots import theme

if TYPE_CHECKING:
    from attncap.memory import Explained

# Parts whose names fit below an axis.
LABELLED = 24
TOWARDS, AGAINST = "towards the answer", "against it"


def attributions_chart(explained: "Sequence[Explained]") -> alt.Chart:
    """Draw the shares of several margins, a row a question and a column a part, in the order of the forward pass."""
    parts = [each.part for each in explained[0].shares]
    asked = [" ".join(one.query) for one in explained]
    rows = [
        (" ".join(one.query), one.answer, one.rival, each.part, each.share) for one in explained for each in one.shares
    ]
    frame = pl.DataFrame(rows, schema=["asked", "answer", "rival", "part", "share"], orient="row")
    most = max(float(frame["share"].abs().max() or 0.0), 1e-12)  # type: ignore[arg-type]
    few = len(parts) <= LABELLED
    axis = alt.Axis(labels=few, ticks=few, labelAngle=-40 if len(parts) > 6 else 0, labelOverlap=False)
    scale = alt.Scale(domain=[-most, 0, most], range=[theme.VERMILION, "#f2f2f2", theme.BLUE])
    squares = (
        theme.rows(frame)
        .mark_rect()
        .encode(
            alt.X("part:N", title="part of the model", sort=parts, axis=axis),
            alt.Y("asked:N", title=None, sort=asked, axis=alt.Axis(labelLimit=150)),
            alt.Color("share:Q", title="logits", scale=scale),
            tooltip=["asked:N", "answer:N", "rival:N", "part:N", alt.Tooltip("share:Q", format="+.4g")],
        )
        .properties(width=520, height=max(60, 24 * len(asked)))
    )
    title = "Which part writes the answers with the smallest margins"
    note = "logits that each part adds to the lead of the stored answer over its closest rival; negative: against it"
    drawn: alt.Chart = theme.finished(squares, title, note, width=520)
    return drawn


@checked
def attribution_chart(explained: "Explained") -> alt.Chart:
    """Draw the share of a margin that each part adds, in logits; the largest first, the skip connection on top.

    Args:
        explained: what `attncap.memory.explain` returns.

    Returns:
        The chart; save it with `attncap.plots.save`.

    Example:
        >>> from attncap.memory import Explained, Share
        >>> found = Explained(("France", "capital"), "Paris", "Lima", 1.0, (Share("skip", -0.5), Share("head 1", 1.5)))
        >>> attribution_chart(found).to_dict()["title"]["text"]
        ['France capital: Paris leads Lima by 1 logits']
    """
    first, *rest = explained.shares
    ordered = [first, *sorted(rest, key=lambda each: -each.share)]
    rows = [(each.part, each.share, TOWARDS if each.share >= 0 else AGAINST) for each in ordered]
    frame = pl.DataFrame(rows, schema=["part", "share", "sign"], orient="row")
    bars = (
        theme.rows(frame)
        .mark_bar()
        .encode(
            theme.channel(alt.X, "share", "share of the margin (logits)", frame["share"], zero=True),
            alt.Y("part:N", title=None, sort=[each.part for each in ordered]),
            theme.colour("sign", [TOWARDS, AGAINST], [theme.BLUE, theme.VERMILION], kind="square"),
        )
        .properties(width=420)
    )
    asked = " ".join(explained.query)
    title = f"{asked}: {explained.answer} leads {explained.rival} by {explained.margin:.3g} logits"
    drawn: alt.Chart = theme.finished(bars, title)
    return drawn
