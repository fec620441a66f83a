"""Which part of a model writes a fact: the shares of its margin as bars."""

from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from attncap.constraints import checked
from attncap.plots import theme

if TYPE_CHECKING:
    from attncap.memory import Explained

TOWARDS, AGAINST = "towards the answer", "against it"


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
