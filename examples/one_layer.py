"""Draw what one layer holds, promised, constructed and trained: `python examples/one_layer.py docs/one-layer.svg`."""

import sys
from pathlib import Path

import altair as alt
import polars as pl

from attncap import bounds, plots
from attncap.plots import theme

MEASURED = Path(__file__).parents[1] / "docs" / "measured" / "one_layer.md"
# The columns of the table that are drawn, their colours and dashes.
SERIES = {
    "promised: the theorem": ("promised", theme.BLUE, theme.DASHED),
    "constructed: margin mode": ("constructed", theme.GREEN, theme.SOLID),
    "trained: best recipe": ("trained, recipe `best`", theme.VERMILION, theme.SOLID),
    "trained language models: 2 bits per parameter": ("language models", theme.GREY, theme.DOTTED),
}


def draw() -> alt.LayerChart:
    """Draw the table that `python -m benchmarks one_layer --write` wrote."""
    table = read(MEASURED).with_columns(
        pl.col("parameters")
        .map_elements(lambda count: float(bounds.value("allenzhu2025", parameters=count)), pl.Float64)
        .alias("language models")
    )
    rows = pl.concat(
        table.select("heads", series=pl.lit(name), bits=pl.col(column)).drop_nulls()
        for name, (column, *_) in SERIES.items()
    )
    names, looks = list(SERIES), list(SERIES.values())
    base = alt.Chart(rows).encode(
        theme.channel(alt.X, "heads", "heads H", whole=True),
        theme.channel(alt.Y, "bits", "bits held", zero=True, format=",d"),
        theme.colour("series", names, [colour for _, colour, _ in looks]),
    )
    lines = base.mark_line(strokeWidth=theme.LINE).encode(theme.dash("series", names, [dash for *_, dash in looks]))
    points = base.mark_point(filled=True, size=theme.POINT, opacity=1)
    points = points.transform_filter(alt.FieldOneOfPredicate(field="series", oneOf=names[1:3]))
    note = "Next tokens of pairs of 50 tokens; d = dₕ = 10. Constructed: every answer right. Trained: all 2,500 pairs."
    return theme.finished((lines + points).properties(width=380, height=260), "What one layer of attention holds", note)


def read(path: Path) -> pl.DataFrame:
    """Read a table of numbers from Markdown."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in path.read_text().splitlines()
        if line.startswith("|")
    ]
    numbers = [[float(cell.replace(",", "")) if cell else None for cell in row] for row in cells[2:]]
    return pl.DataFrame(numbers, schema=cells[0], orient="row").cast({"heads": pl.Int64, "parameters": pl.Int64})


def main(out: str) -> None:
    """Save the figure."""
    plots.save(theme.narrow(draw()), out, force=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
