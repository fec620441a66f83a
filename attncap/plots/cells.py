"""The cells of a sweep: a number that came out against an option that was varied, one line a setting of the others."""

from collections.abc import Sequence

import altair as alt
import polars as pl

from attncap.plots import theme

# Columns of a store's table that are no options; "seed" is what is averaged over.
OWN = ("key", "status", "code", "seconds", "finished", "error", "environment")
RESULT, SEED = "result.", "seed"
# Results that say how much is memorized come first.
FIRST = ("capacity", "bits", "accuracy", "bits_per_parameter")
LINES = 7


def varied(table: pl.DataFrame) -> tuple[list[str], list[str]]:
    """Return the options that differ between cells, seeds apart, and the numbers that came out, both by their names.

    Example:
        >>> table = pl.DataFrame({"heads": [1, 2], "context": [2, 2], "seed": [0, 0], "result.bits": [3.0, 6.0]})
        >>> varied(table)
        (['heads'], ['bits'])
    """
    options = [
        name
        for name in table.columns
        if name not in (*OWN, SEED) and not name.startswith(RESULT) and table[name].drop_nulls().n_unique() > 1
    ]
    found = [
        name.removeprefix(RESULT)
        for name in table.columns
        if name.startswith(RESULT) and table.schema[name].is_numeric() and table[name].null_count() < table.height
    ]
    known = [name for name in FIRST if name in found]
    return options, [*known, *(name for name in found if name not in known)]


def cells_chart(table: pl.DataFrame, *, title: str) -> alt.TopLevelMixin | None:
    """Draw the first number that came out against the numeric option with the most values.

    Args:
        table: what `attncap.sweep.table` returns.
        title: of the chart.

    Returns:
        The chart: a point a cell, a line through the means of each setting of the other options; None where no
        option or no result is a number.
    """
    options, found = varied(table)
    axes = [name for name in options if table.schema[name].is_numeric()]
    if not axes or not found:
        return None
    x, y = max(axes, key=lambda name: table[name].n_unique()), found[0]
    others = [name for name in options if name != x]
    line = pl.concat_str([pl.format(f"{name} = {{}}", pl.col(name)) for name in others], separator=", ")
    frame = table.filter(pl.col(RESULT + y).is_not_null() & pl.col(x).is_not_null()).select(
        pl.col(x).alias("x"), pl.col(RESULT + y).alias("y"), (line if others else pl.lit("cells")).alias("line")
    )
    names = frame["line"].unique(maintain_order=True).to_list()
    # More lines than colours tell nothing apart.
    if len(names) > LINES:
        frame, names = frame.with_columns(line=pl.lit("cells")), ["cells"]
    means = frame.group_by("line", "x", maintain_order=True).agg(pl.col("y").mean()).sort("line", "x")
    wide = float(frame["x"].min() or 0) > 0 and float(frame["x"].max() or 0) >= 20 * float(frame["x"].min() or 1)  # type: ignore[arg-type]
    low, high = float(frame["y"].min() or 0), float(frame["y"].max() or 0)  # type: ignore[arg-type]
    room = 0.05 * (high - low) or 1.0
    across = theme.channel(
        alt.X,
        "x",
        x.replace("_", " "),
        frame["x"],
        log=wide,
        whole=table.schema[x].is_integer() and not wide,
        tickMinStep=1,
    )
    up = theme.channel(alt.Y, "y", y.replace("_", " "), domain=(low - room, high + room))
    hue = theme.colour("line", names, kind="stroke" if len(names) > 1 else None)
    told: Sequence[alt.Tooltip] = [
        alt.Tooltip("x:Q", title=x),
        alt.Tooltip("y:Q", title=y),
        alt.Tooltip("line:N", title="setting"),
    ]
    drawn = alt.LayerChart(
        layer=[
            theme.rows(means).mark_line(strokeWidth=theme.LINE).encode(across, up, hue, tooltip=told),
            theme.rows(frame).mark_circle(size=theme.POINT, opacity=0.7).encode(across, up, hue, tooltip=told),
        ]
    )
    note = "points: cells; lines: their means"
    return theme.finished(drawn.properties(width=520, height=320), title, note, width=520)
