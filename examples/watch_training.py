"""Train a few models on one task and watch the bits: `python examples/watch_training.py OUT.svg [STEPS]`."""

import sys

import altair as alt

from attncap import plots, tasks, train


def draw(steps: str = "512") -> alt.HConcatChart:
    """Train three models on sixty pairs of ten tokens."""
    task = tasks.random_associations(vocabulary=10, context=2, count=60, seed=0)
    run = train.ensemble(task, embedding_dim=4, heads=2, seeds=3, steps=int(steps))
    print(run)
    return plots.training_chart(run)


def main(out: str, steps: str = "512") -> None:
    """Save the figure."""
    plots.save(draw(steps), out, force=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
