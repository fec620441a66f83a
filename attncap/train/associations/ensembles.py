"""Train many models of one shape side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from attncap import measure
from attncap.constraints import Count, Natural, Seed, checked
from attncap.errors import InputError
from attncap.models import TokenModel
from attncap.progress import bar
from attncap.result import hidden, several
from attncap.tasks import Associations
from attncap.train.associations.architecture import Architecture, model, trimmed
from attncap.train.associations.problem import Lane
from attncap.train.loop.lanes import Checkpoint, train
from attncap.train.loop.recipes import Recipe
from attncap.train.loop.recipes import recipe as named
from attncap.train.seeded import Seeded, seed_numbers, trained_fields

if TYPE_CHECKING:
    import polars as pl
    from rich.console import RenderableType

# Of a model, about so many are kept on the way; their bits are measured when `Ensemble.curves` is read.
CHECKPOINTS = 32


@dataclass(frozen=True, kw_only=True)
class Ensemble(Seeded[TokenModel]):
    """Models that differ in their seed.

    Attributes:
        task: what they were to memorize.
        shape: their sizes.
        recipe: how they were trained.
        seeds: of each.
        parameters: numbers trained, of each.
        accuracy: by the recipe's definition: of the last batches, or of the whole task.
        recall: share of the whole task that the final weights recall.
        bits: memorized.
        bits_per_parameter: the same over ``parameters``.
        steps: taken by each before it stopped.
        method: "train".
        details: the recipe's name.
        seconds: compiling and running the loop.
        seconds_compile: compiling the loop, or reading it from the cache.
        seconds_train: running it.
        history: of every step.
        checkpoints: weights on the way, of each.
        models: the weights, in float32.
    """

    task: Associations
    shape: Architecture
    recall: Float[np.ndarray, " K"]
    checkpoints: tuple[list[Checkpoint], ...] = hidden()

    @property
    def recalled(self) -> tuple[float, ...]:
        """Share of the task that each model recalls."""
        return tuple(self.recall.tolist())

    @cached_property
    def curves(self) -> "pl.DataFrame":
        """Each model on the way: seed, step, loss (nats), accuracy, bits and bits per parameter.

        Loss and accuracy are those before every step, of the sequences that it trains on. Bits are
        `attncap.measure.bits` of the whole task, of the weights after so many steps: at the first, about thirty times
        on the way, and at the last, where they are the model's `bits`; they are null in between.
        """
        import polars as pl

        parts = []
        with bar("measure bits on the way", sum(map(len, self.checkpoints))) as advance:
            for k, seed in enumerate(self.seeds):
                taken = slice(int(self.steps[k]) + 1)
                columns = {name: part[taken, k].astype(np.float64) for name, part in vars(self.history).items()}
                told = pl.DataFrame({"step": np.arange(len(columns["loss"])), **columns})
                bits = []
                for one in self.checkpoints[k]:
                    bits.append(self._bits(k, one))
                    advance(1)
                measured = pl.DataFrame({"step": [one.steps for one in self.checkpoints[k]], "bits": bits})
                joined = told.join(measured, on="step", how="full", coalesce=True).sort("step")
                parts.append(joined.select(pl.lit(seed).alias("seed"), "step", "loss", "accuracy", "bits"))
        return pl.concat(parts).with_columns(bits_per_parameter=pl.col("bits") / self.parameters)

    def _bits(self, k: int, one: Checkpoint) -> float:
        """Return the bits that a model held at a checkpoint; at its last, those of the table."""
        if one.steps == self.steps[k]:
            return float(self.bits[k])
        return measure.bits(model(self.recipe, self.shape, trimmed(one.tensors, self.shape)), self.task)

    def __rich__(self) -> "RenderableType":
        from rich.console import Group

        from attncap.terminal import Rows

        recipe = self.recipe
        head = Rows()
        for line in self.task.summary:
            head.add_row("" if head.rows else "task", line)
        head.add_row("shape", f"{self.shape.summary}; {several(self.parameters, 'parameter')}")
        rows = f"batches of {recipe.batch}" if recipe.batch else "all sequences at every step"
        rates = f"rate {recipe.rate:g} to {recipe.final_rate:g}"
        head.add_row("recipe", f"{recipe.name}: {recipe.optimizer}, {rates}, {rows}")
        head.add_row("time", self.timed)
        window = (f"accuracy of the last {recipe.window} batches",) if recipe.window else ()
        table = Rows("seed", "recalled", *window, "bits", "bits per parameter", "steps")
        for k, seed in enumerate(self.seeds):
            batches = (f"{self.accuracy[k]:.2%}",) if recipe.window else ()
            each = f"{self.bits[k]:,.0f}", f"{self.bits_per_parameter[k]:.4f}", f"{self.steps[k]:,}"
            table.add_row(str(seed), f"{self.recall[k]:.2%}", *batches, *each)
        return Group(head, "", table)


@checked
def ensemble(
    task: Associations,
    embedding_dim: Count,
    head_dim: Count | None = None,
    heads: Count = 1,
    *,
    depth: Count = 1,
    width: Natural = 0,
    seeds: Count | Sequence[Seed] = 5,
    recipe: str | Recipe = "best",
    steps: Count | None = None,
) -> Ensemble:
    """Train models of one shape from several seeds on one task.

    Args:
        task: what to memorize.
        embedding_dim: $d$.
        head_dim: $d_h$; $d$ by default.
        heads: $H$ of each layer.
        depth: layers.
        width: units of each layer's perceptron; none by default.
        seeds: the seeds, or how many (0, 1, ...). A seed gives the same model whatever the others are.
        recipe: "best", "paper", or one of your own.
        steps: optimizer steps; the recipe's by default.

    Returns:
        The models and how much they memorized.

    Raises:
        InputError: a shape that no model has, or an unknown recipe.
        UnmetError: more memory than there is, or a loss that is not finite.

    Example:
        >>> from attncap.tasks import random_associations
        >>> run = ensemble(random_associations(10, 2, 20), embedding_dim=8, heads=2, seeds=2, steps=300)
        >>> run.recall.tolist()
        [1.0, 1.0]

    Source: Dana, Pydi, Chevaleyre 2025 (arXiv 2411.10115), section 5.
    """
    chosen = named(recipe) if isinstance(recipe, str) else recipe
    chosen = chosen if steps is None else replace(chosen, steps=steps)
    head_dim = embedding_dim if head_dim is None else head_dim
    shape = Architecture(task.vocabulary_size, task.context, embedding_dim, head_dim, heads, depth, width)
    weights = embedding_dim * (2 * shape.vocabulary + shape.context + depth * (4.0 * heads * head_dim + 2 * width))
    numbers = seed_numbers(seeds, weights)
    if chosen.steps < 1:
        raise InputError("steps", "at least 1", chosen.steps)
    every = -(-chosen.steps // (chosen.segment * CHECKPOINTS))
    run = train([Lane(task, shape, seed) for seed in numbers], chosen, every=every)
    return Ensemble(
        task=task,
        shape=shape,
        details={"recipe": chosen.name},
        recipe=chosen,
        checkpoints=tuple(run.checkpoints),
        **trained_fields(run, numbers, ["recall"]),
    )
