"""Training over time: how fast models memorize."""

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import altair as alt

    from attncap.train import Ensemble

PANELS = {"loss": "cross-entropy (nats)", "accuracy": "accuracy", "bits_per_parameter": "bits per parameter"}
# Float32 may round a loss to zero, which a logarithmic axis has no place for.
LEAST_LOSS = 1e-7


def training_chart(run: "Ensemble", *, points: int = 300) -> "alt.HConcatChart":
    """Draw loss, accuracy and bits per parameter of every model against the steps it took.

    Args:
        run: what `attncap.train.ensemble` trained.
        points: most points of a line, each the mean over as many steps as it takes.

    Returns:
        An Altair chart; `attncap.plots.save` writes it.

    Example:
        >>> from attncap import tasks, train
        >>> task = tasks.random_associations(vocabulary=10, context=2, count=20, seed=0)
        >>> chart = training_chart(train.ensemble(task, embedding_dim=8, heads=2, seeds=2, steps=128))
    """
    import altair as alt

    every = -(-int(run.steps.max() + 1) // points)
    rows = run.curves.group_by("seed", pl.col("step") // every, maintain_order=True).mean()
    rows = rows.with_columns(pl.col("step") * every, pl.col("loss").clip(LEAST_LOSS))
    x = alt.X("step:Q", title="step", scale=alt.Scale(nice=False), axis=alt.Axis(grid=False, format=",d", tickCount=5))
    panels = []
    for name, label in PANELS.items():
        scale = alt.Scale(type="log", nice=False) if name == "loss" else alt.Scale(zero=True)
        y = alt.Y(f"{name}:Q", title=label, scale=scale, axis=alt.Axis(format="~g", gridOpacity=0.4, tickCount=5))
        line = alt.Chart(rows.drop_nulls(name)).mark_line(color="#1b6ca8", strokeWidth=1.2, opacity=0.7)
        panels.append(line.encode(x, y, detail="seed:N"))
    whole = alt.Chart(pl.DataFrame({"bits_per_parameter": [run.task.bits / run.parameters]}))
    rule = whole.mark_rule(strokeDash=[4, 3], color="#5a5a5a").encode(y="bits_per_parameter:Q")
    panels[-1] = alt.LayerChart(layer=[panels[-1], rule])
    title = alt.Title(
        f"{run.task.name}: {run.task.associations:,} associations; {run.shape.summary}",
        subtitle=f"recipe {run.recipe.name}, one line a model; dashed: bits of the whole task",
        anchor="start",
    )
    return alt.hconcat(*(panel.properties(width=240, height=220) for panel in panels)).properties(title=title)
