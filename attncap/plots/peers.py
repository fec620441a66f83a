"""Attention and perceptrons at equal parameters: what each layer holds, constructed, descended and trained."""

from collections.abc import Sequence

import altair as alt
import polars as pl

from attncap.plots import theme

HOW = {"constructed": theme.DOTTED, "descended": theme.SOLID, "trained": theme.DASHED}
# Of a layer's ways, and of a second way of the same sort.
LAYERS = {"attention": (theme.BLUE, theme.SKY), "perceptron": (theme.VERMILION, theme.ORANGE)}
RATES = (1, 2)


def peers_chart(
    table: pl.DataFrame, published: pl.DataFrame, *, title: str, note: str | Sequence[str]
) -> alt.TopLevelMixin:
    """Draw facts against the parameters of the smallest layer that holds them, a panel for each dimension.

    At equal parameters the higher point holds more.

    Args:
        table: columns ``series``, ``layer``, ``how``, ``d``, ``facts`` and ``parameters`` (null: no width holds them).
        published: columns ``series``, ``d``, ``facts`` and ``parameters``, drawn as open marks; may be empty.
        title: what the figure shows.
        note: lines of the subtitle.
    """
    held = table.drop_nulls("parameters")
    counts = [*held["parameters"], *(published["parameters"] if len(published) else [])]
    names = held["series"].unique(maintain_order=True).to_list()
    kinds = [held.filter(series=name).row(0, named=True) for name in names]
    sorts = [(one["layer"], one["how"]) for one in kinds]
    hues = [LAYERS[sort[0]][sorts[:place].count(sort)] for place, sort in enumerate(sorts)]
    colour = theme.colour("series", names, hues)
    plain = theme.colour("series", names, hues, kind=None)
    dash = theme.dash("series", names, [HOW[one["how"]] for one in kinds])
    panels = []
    for dim in held["d"].unique().sort().to_list():
        mine = held.filter(d=dim)
        x = theme.channel(alt.X, "parameters", "parameters of the layer", counts, log=True)
        y = theme.channel(alt.Y, "facts", "facts F", held["facts"], log=True)
        base = theme.rows(mine)
        layers = [
            _rates(mine, x, y),
            base.mark_line(strokeWidth=theme.LINE).encode(x, y, colour, dash),
            base.mark_point(filled=True, size=theme.POINT, opacity=1).encode(x, y, plain),
        ]
        if len(published):
            others = published["series"].unique(maintain_order=True).to_list()
            open_marks = theme.rows(published.filter(d=dim)).mark_point(size=70, strokeWidth=theme.LINE, filled=False)
            marks = theme.colour("series", others, [theme.BLACK, theme.GREY, theme.GREEN][: len(others)], kind="circle")
            layers.append(open_marks.encode(x, y, marks))
        drawn = alt.layer(*layers).resolve_scale(color="independent", strokeDash="independent")
        panels.append(drawn.properties(title=f"d = {dim}", width=360, height=300))
    return theme.finished(alt.hconcat(*panels) if len(panels) > 1 else panels[0], title, note, width=360 * len(panels))


def _rates(table: pl.DataFrame, x: alt.X, y: alt.Y) -> alt.Chart:
    """Draw where a layer holds so many bits per parameter."""
    facts = pl.col("facts")
    lines = pl.concat(
        table.select("facts", rate=pl.lit(rate), parameters=facts * facts.log(2) / rate).unique() for rate in RATES
    )
    mark = theme.rows(lines).mark_line(color=theme.GREY, strokeWidth=theme.THIN, strokeDash=[1, 3])
    return mark.encode(x, y, detail="rate:N")
