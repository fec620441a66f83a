"""Train layers of one shape from several seeds on one task of examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from attncap.constraints import Count, Seed, checked
from attncap.methods import find
from attncap.models import EmbeddedAttention
from attncap.result import hidden, several
from attncap.tasks import Examples
from attncap.train.labelled.architecture import LayerArchitecture
from attncap.train.labelled.problem import Lane
from attncap.train.labelled.recipes import Recipe, fitted, recipe_of
from attncap.train.loop.lanes import train
from attncap.train.loop.looks import Look
from attncap.train.seeded import Seeded, seed_numbers, trained_fields

if TYPE_CHECKING:
    import polars as pl
    from rich.console import RenderableType


@dataclass(frozen=True, kw_only=True)
class LayerEnsemble(Seeded[EmbeddedAttention]):
    """Layers that differ in their seed.

    Attributes:
        task: what they were to memorize.
        shape: their sizes.
        recipe: how they were trained.
        seeds: of each.
        parameters: numbers trained, of each.
        accuracy: share of the classes that are right, over all examples; of real labels $R^2$.
        loss: over all examples: cross-entropy in nats, or mean squared error.
        bits: memorized: see `attncap.measure.examples.label_bits`.
        bits_per_parameter: the same over ``parameters``.
        steps: after which the weights of each were taken.
        method: "train".
        details: the recipe's name.
        seconds: compiling and running the loop.
        seconds_compile: compiling the loop, or reading it from the cache.
        seconds_train: running it.
        history: of every step.
        looks: loss and accuracy over all examples on the way, of each.
        models: the weights, in float32.
    """

    task: Examples
    shape: LayerArchitecture
    loss: Float[np.ndarray, " K"]
    looks: tuple[list[Look], ...] = hidden()

    @property
    def recalled(self) -> tuple[float, ...]:
        """Accuracy of each layer."""
        return tuple(self.accuracy.tolist())

    @property
    def cites(self) -> tuple[str, ...]:
        """What training on examples rests on."""
        return find("examples", self.method).cites

    @property
    def curves(self) -> "pl.DataFrame":
        """Each layer on the way, over all examples: seed, step, seconds of training, loss and accuracy."""
        import polars as pl

        rows = [
            {"seed": seed, "step": one.steps, "seconds": one.seconds, "loss": one.loss, "accuracy": one.accuracy}
            for seed, seen in zip(self.seeds, self.looks, strict=True)
            for one in seen
        ]
        return pl.DataFrame(rows)

    def __rich__(self) -> "RenderableType":
        from rich.console import Group

        from attncap.terminal import Rows

        recipe, classes = self.recipe, self.task.classes is not None
        head = Rows()
        head.add_row("task", f"{self.task.name}: {several(self.task.count, 'example')}")
        head.add_row("shape", f"{self.shape.summary}; {several(self.parameters, 'parameter')}")
        rows = f"batches of {recipe.batch}" if recipe.batch else "all examples at every step"
        head.add_row("recipe", f"{recipe.name}: {recipe.optimizer}, rate {recipe.rate:g}, {rows}")
        head.add_row("time", self.timed)
        table = Rows("seed", *(("right", "loss, nats") if classes else ("R²", "squared error")), "bits", "steps")
        for k, seed in enumerate(self.seeds):
            accuracy = f"{self.accuracy[k]:.2%}" if classes else f"{self.accuracy[k]:.4f}"
            table.add_row(str(seed), accuracy, f"{self.loss[k]:.3g}", f"{self.bits[k]:,.0f}", f"{self.steps[k]:,}")
        return Group(head, "", table)


@checked
def layers(
    task: Examples,
    head_dim: Count | None = None,
    heads: Count = 1,
    *,
    seeds: Count | Sequence[Seed] = 5,
    recipe: str | Recipe = "best",
    steps: Count | None = None,
    **parts: Any,
) -> LayerEnsemble:
    """Train attention layers of one shape from several seeds on one task of examples.

    Args:
        task: what to memorize (`attncap.tasks.uniform_examples`, `random_examples` or `examples`).
        head_dim: $d_h$; $d$ by default.
        heads: $H$.
        seeds: the seeds, or how many (0, 1, ...). A seed gives the same layer whatever the others are.
        recipe: "best", "paper" (that of Mahdavi, Liao and Thrampoulidis), or one of your own.
        steps: optimizer steps; the recipe's by default.
        parts: what else `LayerArchitecture` takes.

    Returns:
        The layers and how much they memorized.

    Raises:
        InputError: a shape that no layer has, or an unknown recipe.
        UnmetError: more memory than there is, or a loss that is not finite.

    Example:
        >>> from attncap.tasks import uniform_examples
        >>> task = uniform_examples(40, context=3, embedding_dim=6, classes=4)
        >>> bool(layers(task, heads=2, seeds=1, steps=1024).accuracy[0] > 0.9)
        True

    Source: Mahdavi, Liao, Thrampoulidis 2024 (arXiv 2306.02010), section 5.
    """
    chosen = recipe_of(recipe, steps)
    d = task.embedding_dim
    head_dim = d if head_dim is None else head_dim
    shape = LayerArchitecture(task.context, d, head_dim, heads, task.labels.shape[1], **parts)
    weights = d * (d + 2.0 * heads * (head_dim + shape.value_dim) + shape.output_dim)
    numbers = seed_numbers(seeds, weights)
    run = train([Lane(task, shape, seed) for seed in numbers], chosen)
    return LayerEnsemble(
        task=task,
        shape=shape,
        details={"recipe": chosen.name},
        recipe=fitted(chosen, task.count),
        looks=tuple(run.looks),
        **trained_fields(run, numbers, ["loss"]),
    )
