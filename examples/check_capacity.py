"""Memorize a table and set it against what is promised: `python examples/check_capacity.py OUT.svg [SOURCE]`."""

import sys

import altair as alt

from attncap import bounds, construct, plots, tasks


def draw(source: str = "capitals") -> alt.LayerChart:
    """Fill the theorem's smallest shape, and draw the capacity check."""
    task = tasks.load(source)
    plan = next(plan for plan in bounds.plan(task).plans if plan.method == "theorem")
    fit = construct.theorem(task, plan.embedding_dim, plan.head_dim, plan.heads)
    print(fit)
    return plots.capacity_check(task, plan.embedding_dim, plan.head_dim, fit=fit)


def main(out: str, source: str = "capitals") -> None:
    """Save the figure."""
    plots.save(draw(source), out, force=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
