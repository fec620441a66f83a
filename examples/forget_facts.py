"""Forget facts and show what is left of them, by way: `python examples/forget_facts.py OUT.svg [FACTS]`."""

import sys
import tempfile
from pathlib import Path

import altair as alt
import polars as pl

from attncap import archive, construct, memory, plots, tasks
from attncap.plots import theme


def draw(facts: str = "12") -> alt.LayerChart:
    """Memorize sixty pairs, forget some of them, and draw the evidence that each way leaves."""
    task = tasks.random_associations(vocabulary=20, context=2, count=60, seed=0)
    fit = construct.theorem(task, embedding_dim=8)
    with tempfile.TemporaryDirectory() as folder:
        held = archive.read(archive.write(fit, Path(folder) / "memory"))
        found = memory.forget(held, [task.words(row)[0] for row in range(int(facts))])
    print(found)
    rows = [("before", found.before.evidence), *((way.way, way.evidence) for way in found.ways)]
    return bars(pl.DataFrame(rows, schema=["way", "evidence"], orient="row"), int(facts), found.threshold)


def bars(rows: pl.DataFrame, facts: int, known: float) -> alt.LayerChart:
    """Draw a bar a way, and the evidence from which on facts count as known."""
    drawn = alt.Chart(rows).mark_bar(color=theme.BLUE)
    drawn = drawn.encode(
        theme.channel(alt.X, "evidence", "bits of evidence that the facts are held", zero=True, whole=True),
        alt.Y("way:N", title=None, sort=rows["way"].to_list()),
    )
    rule = alt.Chart(pl.DataFrame({"evidence": [known]})).mark_rule(color=theme.VERMILION, strokeDash=theme.DASHED)
    both = (drawn + rule.encode(alt.X("evidence:Q"))).properties(width=340, height=150)
    return theme.finished(both, f"What is left of {facts} forgotten facts", "dashed: from here on they count as known")


def main(out: str, facts: str = "12") -> None:
    """Save the figure."""
    plots.save(draw(facts), out, force=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
