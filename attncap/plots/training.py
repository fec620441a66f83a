"""Training over time: how fast models memorize."""

from typing import TYPE_CHECKING

import altair as alt
import polars as pl

from attncap.constraints import Count, checked
from attncap.plots import theme
from attncap.result import several

if TYPE_CHECKING:
    from attncap.train import Ensemble, LayerEnsemble

PANELS = {"loss": "cross-entropy (nats)", "accuracy": "accuracy", "bits_per_parameter": "bits per parameter"}
LAYERS = {"loss": "mean squared error", "accuracy": "R²"}
# Float32 may round a loss to zero, which a logarithmic axis has no place for.
LEAST_LOSS = 1e-7


@checked
def training_chart(run: "Ensemble", *, points: Count = 300) -> alt.HConcatChart:
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
    every = -(-int(run.steps.max() + 1) // points)
    rows = run.curves.group_by("seed", pl.col("step") // every, maintain_order=True).mean()
    rows = rows.with_columns(pl.col("step") * every, pl.col("loss").clip(LEAST_LOSS))
    x = theme.channel(alt.X, "step", "step", format=",d", tickCount=5)
    panels = []
    for name, label in PANELS.items():
        y = theme.channel(alt.Y, name, label, rows[name].drop_nulls(), log=name == "loss", zero=True)
        line = theme.rows(rows.drop_nulls(name)).mark_line(color=theme.BLUE, strokeWidth=theme.THIN, opacity=0.7)
        panels.append(line.encode(x, y, detail="seed:N"))
    whole = theme.rows(pl.DataFrame({"bits_per_parameter": [run.task.bits / run.parameters]}))
    rule = whole.mark_rule(strokeDash=theme.DASHED, color=theme.DARK).encode(y="bits_per_parameter:Q")
    panels[-1] = alt.LayerChart(layer=[panels[-1], rule])
    return theme.finished(
        alt.hconcat(*(panel.properties(width=240, height=220) for panel in panels)),
        f"{run.task.name}: {several(run.task.associations, 'association')}; {run.shape.summary}",
        f"recipe {run.recipe.name}, one line per model; dashed: bits of the whole task",
        width=3 * 240,
    )


@checked
def layers_chart(run: "LayerEnsemble") -> alt.HConcatChart:
    """Draw loss and accuracy over all examples against the steps of training.

    Args:
        run: what `attncap.train.examples` trained.

    Returns:
        An Altair chart; `attncap.plots.save` writes it.

    Example:
        >>> from attncap import tasks, train
        >>> task = tasks.uniform_examples(40, context=3, embedding_dim=6, classes=4)
        >>> chart = layers_chart(train.examples(task, heads=2, seeds=1, steps=128))
    """
    classes = run.task.classes is not None
    rows = run.curves.with_columns(pl.col("loss").clip(LEAST_LOSS))
    x = theme.channel(alt.X, "step", "step", format=",d", tickCount=5)
    labels = {"loss": "cross-entropy (nats)", "accuracy": "accuracy"} if classes else LAYERS
    panels = []
    for name, label in labels.items():
        y = theme.channel(alt.Y, name, label, rows[name], log=name == "loss")
        line = theme.rows(rows).mark_line(color=theme.BLUE, strokeWidth=theme.THIN, opacity=0.7)
        panels.append(line.encode(x, y, detail="seed:N").properties(width=240, height=220))
    return theme.finished(
        alt.hconcat(*panels),
        f"{run.task.name}: {several(run.task.count, 'example')}; {run.shape.summary}",
        f"recipe {run.recipe.name}, one line per layer, over all examples",
        width=2 * 240,
    )
