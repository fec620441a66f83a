"""Draw how many parameters a table of facts needs, by method: `python examples/plan_a_table.py OUT.svg [SOURCE]`."""

import sys

import altair as alt

from attncap import bounds, plots, tasks


def draw(source: str = "capitals") -> alt.LayerChart:
    """Plan the table, and smaller and larger ones like it."""
    plans = bounds.plan(tasks.load(source))
    print(plans)
    return plots.plan_chart(plans)


def main(out: str, source: str = "capitals") -> None:
    """Save the figure."""
    plots.save(draw(source), out, force=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
