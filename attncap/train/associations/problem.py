"""Associations as a problem of the training loop: sequences of tokens, of which the model is to recall the answers."""

from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from attncap import measure
from attncap.models import TokenModel
from attncap.models.attention import Array
from attncap.result import Result, hidden
from attncap.tasks import Associations
from attncap.train.associations.architecture import Architecture, initial, model, padded, trimmed
from attncap.train.associations.loss import Batch, evaluate
from attncap.train.associations.pairs import encode_pairs
from attncap.train.associations.short_contexts import encode_short
from attncap.train.loop import problem as loop
from attncap.train.loop.recipes import Recipe

# Up to so many positions, projecting each costs less than folding the keys into the queries.
SHORT = 4


@dataclass(frozen=True)
class Trained(Result):
    """One trained model.

    Attributes:
        model: its weights, in float32.
        accuracy: by the recipe's definition.
        recall: share of the whole task that the final weights recall.
        bits: memorized bits of the task.
        bits_per_parameter: over the tensors trained.
        parameters: numbers trained.
        steps: taken before it stopped.
    """

    accuracy: float
    recall: float
    bits: float
    bits_per_parameter: float
    parameters: int
    steps: int
    model: TokenModel = hidden()


@dataclass(frozen=True)
class Lane(loop.Lane[Trained]):
    """One model to train: what, of which shape, from which seed."""

    task: Associations
    shape: Architecture
    seed: int

    @property
    def examples(self) -> int:
        """Associations of the task."""
        return self.task.associations

    def problem(self, recipe: Recipe) -> "Recalling":
        """Return the problem that this is a model of."""
        return recalling(self.shape, self.examples, recipe)


def recalling(shape: Architecture, associations: int, recipe: Recipe) -> "Recalling":
    """Return the problem of recalling so many associations in a shape.

    Heads and sequences are rounded up, so that shapes and tasks of nearly one size share a compiled loop.
    """
    exact_pairs = shape.depth == 1 and shape.context == 2 and 3 * associations >= shape.vocabulary**2
    pairs = recipe.batch is None and exact_pairs
    rows = shape.vocabulary**2 if pairs else associations if recipe.batch else bucket(associations)
    return Recalling(recipe, rows, replace(shape, heads=shape.head_bucket), pairs)


def bucket(count: int) -> int:
    """Round a number of sequences up to one of eight sizes an octave."""
    unit = 1 << max(0, count.bit_length() - 4)
    return -(-count // unit) * unit


@dataclass(frozen=True)
class Recalling(loop.Problem[Lane, Trained]):
    """What compiled loops over associations depend on.

    Attributes:
        shape: with as many heads as the bucket.
        pairs: whether the rows are all the pairs of tokens, in order.
    """

    recipe: Recipe
    rows: int
    shape: Architecture
    pairs: bool

    def start(self, lane: Lane) -> loop.Tensors:
        """Draw the weights of the recipe's distribution, and fill the heads up with zeros."""
        return padded(initial(self.recipe, lane.shape, np.random.default_rng(lane.seed)), lane.shape)

    def data(self, lane: Lane) -> Batch:
        """Lay a task out: rows of weight zero for pairs that are no association, or as filling."""
        task, rows = lane.task, np.arange(lane.examples)
        if self.pairs:
            rows = task.sequences[:, 0].astype(np.int64) * self.shape.vocabulary + task.sequences[:, 1]

        def spread(values: np.ndarray, dtype: type) -> np.ndarray:
            out = np.zeros((self.rows, *values.shape[1:]), dtype)
            out[rows] = values
            return out

        weight = np.full(lane.examples, 1 / lane.examples)
        return Batch(
            spread(task.sequences, np.int32),
            spread(task.answers, np.int32),
            spread(weight, np.float32),
            spread(task.surprisal, np.float32),
        )

    def batch(self, data: Batch, fed: Int[Array, " batch"]) -> Batch:
        """Take the sequences of a step, all of one weight; without batches, the whole task."""
        taken = super().batch(data, fed)
        return taken._replace(weight=jnp.full_like(taken.weight, 1 / len(fed))) if self.recipe.batch else taken

    def loss(self, tensors: loop.Tensors, batch: Batch, forget: Array) -> tuple[Float[Array, ""], loop.Report]:
        """Return the loss of one model on a batch, and the report."""
        logits = self.logits(model(self.recipe, self.shape, tensors), batch.sequences)
        return evaluate(logits, batch, forget if self.recipe.forget_from < 1 else None)

    def logits(self, built: TokenModel, sequences: Int[Array, "T S"]) -> Float[Array, "T N"]:
        """Return the logits of a model in JAX's tensors, by the quickest of the ways that its shape allows."""
        if self.shape.context > SHORT:
            return built.forward(sequences)
        encoded = encode_pairs(built) if self.pairs else encode_short(built, sequences)
        return encoded @ built.unembedding.T

    def measure(self, lane: Lane, tensors: loop.Tensors, accuracy: Float[Array, " steps"], steps: int) -> Trained:
        """Count what a trained model recalls, and the bits that it memorized."""
        own = trimmed(tensors, lane.shape)
        final = model(self.recipe, lane.shape, own)
        parameters = sum(tensor.size for tensor in own.values())
        recall = measure.recall(final, lane.task).accuracy
        bits = measure.bits(final, lane.task)
        window = self.recipe.window
        shown = float(accuracy[-window:].mean()) if window else recall
        return Trained(shown, recall, bits, bits / parameters, parameters, steps, final)

    @property
    def work(self) -> loop.Work:
        """What a sequence costs: its logits and attention, each kept for the backward pass."""
        shape = self.shape
        inside = shape.heads * (2 * shape.embedding_dim + shape.head_dim + 3 * shape.context) + shape.width
        kept = 3 * shape.heads if self.pairs else 3 * inside * shape.context * shape.depth
        # Later layers read every position, the unembedding the last; tables over pairs save 3/4 of attention.
        reads = shape.context * (shape.depth - 1) + 1
        attention = reads * shape.context * shape.heads * 4 * shape.head_dim / (4 if self.pairs else 1)
        units = reads * shape.width
        return loop.Work(
            numbers=6 * shape.vocabulary + kept,
            multiplications=shape.embedding_dim * (attention + 2 * units + shape.vocabulary),
            exponentials=units + shape.vocabulary,
        )
