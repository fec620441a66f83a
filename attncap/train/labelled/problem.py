"""Labelled examples as a problem of the training loop: classes or real labels, of contexts and queries."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from scipy.special import logsumexp

from attncap.measure.examples import explained, label_bits, predicted
from attncap.measure.tokens import margins
from attncap.models import EmbeddedAttention
from attncap.models.attention import Array
from attncap.numerics.memory import chunks
from attncap.result import Result, hidden
from attncap.tasks import Examples
from attncap.train.associations.loss import evaluate
from attncap.train.labelled.architecture import LayerArchitecture
from attncap.train.labelled.recipes import Recipe, fitted
from attncap.train.loop import problem as loop

# Examples that a look at all of them takes at a time.
PIECE = 256
LEAST = 64
Laid = tuple[Array, Array, Array, Array]


class Batch(NamedTuple):
    """Examples, their labels (a class each, or real numbers), how much each counts, and bits of each class."""

    contexts: Float[Array, "T n d"]
    queries: Float[Array, "T d"]
    answers: Array
    weight: Float[Array, " T"]
    surprisal: Float[Array, " T"]


@dataclass(frozen=True)
class TrainedLayer(Result):
    r"""One trained layer.

    Attributes:
        accuracy: share of the classes that are right, over all examples; of real labels the share $R^2$ of their
            variance that is explained.
        loss: over all examples: cross-entropy in nats, or mean squared error.
        bits: memorized: see `attncap.measure.examples.label_bits`.
        bits_per_parameter: over the numbers trained.
        parameters: numbers trained.
        steps: after which the weights were taken.
        model: those weights, in float32.
    """

    accuracy: float
    loss: float
    bits: float
    bits_per_parameter: float
    parameters: int
    steps: int
    model: EmbeddedAttention = hidden()


@dataclass(frozen=True)
class Lane(loop.Lane[TrainedLayer]):
    """One layer to train: on what, of which shape, from which seed."""

    task: Examples
    shape: LayerArchitecture
    seed: int

    @property
    def examples(self) -> int:
        """Examples of the task."""
        return self.task.count

    def problem(self, recipe: Any) -> "Labelling":
        """Return the problem that this is a model of."""
        return labelling(self.shape, self.examples, self.task.classes is not None, self.task.shared, recipe)


def labelling(shape: LayerArchitecture, examples: int, classes: bool, shared: bool, recipe: Recipe) -> "Labelling":
    """Return the problem of labelling so many examples.

    Where every step takes them all, rows of weight zero fill them up to a power of two, so that a search for the
    largest task compiles few programs.
    """
    chosen = fitted(recipe, examples)
    rows = examples if chosen.batch else max(LEAST, 1 << (examples - 1).bit_length())
    return Labelling(chosen, rows, shape, classes, shared)


@dataclass(frozen=True)
class Labelling(loop.Problem[Lane, TrainedLayer]):
    """What compiled loops over examples depend on.

    Attributes:
        shape: of the layer.
        classes: whether labels are classes, else real numbers.
        shared: whether all examples have one context.
    """

    recipe: Recipe
    rows: int
    shape: LayerArchitecture
    classes: bool
    shared: bool
    # Data of one lane may fill the memory.
    lanes: ClassVar[int] = 1

    def start(self, lane: Lane) -> loop.Tensors:
        """Draw the weights as the paper does."""
        return lane.shape.initial(np.random.default_rng(lane.seed))

    def data(self, lane: Lane) -> Laid:
        """Return contexts (one if it is shared), queries and labels, where they lie unless filled up, and the count."""
        task = lane.task
        labels = task.labels.argmax(axis=1).astype(np.int32) if self.classes else self._filled(task.labels)
        contexts = task.contexts[0].astype(np.float32) if self.shared else self._filled(task.contexts)
        labels = np.pad(labels, (0, self.rows - len(labels))) if self.classes else labels
        return contexts, self._filled(task.queries), labels, np.array(task.count, np.int32)

    def _filled(self, values: np.ndarray) -> Float[np.ndarray, "..."]:
        """Return numbers in float32 with as many rows as the program takes, not copied if they are that already."""
        single = values.astype(np.float32, copy=False)
        more = self.rows - len(single)
        return np.pad(single, ((0, more), *((0, 0),) * (single.ndim - 1))) if more else single

    def feed(self, lane: Lane) -> Iterator[Int[np.ndarray, "steps batch"]]:
        """Yield the examples of each segment's steps: every epoch in another order, its last batch filled with -1."""
        size, segment = self.recipe.batch, self.recipe.segment
        if size is None:
            while True:
                yield np.zeros((segment, 0), np.int32)
        rng = np.random.default_rng([lane.seed, 1])

        def rows() -> Iterator[Int[np.ndarray, " batch"]]:
            while True:
                order = np.full(-(-lane.examples // size) * size, -1, np.int32)
                order[: lane.examples] = rng.permutation(lane.examples)
                yield from order.reshape(-1, size)

        endless = rows()
        while True:
            yield np.stack(list(islice(endless, segment)))

    def batch(self, data: Laid, fed: Int[Array, " batch"]) -> Batch:
        """Take the examples of a step, those that are there with equal weight; without batches, all."""
        contexts, queries, labels, count = data
        if self.recipe.batch is None:
            weight = (jnp.arange(self.rows) < count) / count
        else:
            there = fed >= 0
            weight = there / jnp.maximum(1, there.sum())
            contexts = contexts if self.shared else contexts[fed]
            queries, labels = queries[fed], labels[fed]
        return Batch(contexts, queries, labels, weight, jnp.full(len(queries), np.log2(self.shape.output_dim)))

    def loss(self, tensors: loop.Tensors, batch: Batch, forget: Array) -> tuple[Float[Array, ""], loop.Report]:
        """Return the loss of one layer on a batch, and the report; a batch that is all right stops nothing."""
        found = self.shape.model(tensors).forward(batch.contexts, batch.queries, jax.nn.softmax)
        if self.classes:
            loss, report = evaluate(found, batch, forget if self.recipe.forget_from < 1 else None)
            return loss, report if self.recipe.batch is None else report._replace(whole=jnp.zeros((), bool))
        loss = batch.weight @ ((found - batch.answers) ** 2).mean(axis=1)
        return loss, loop.Report(loss, explained_share(loss, batch.answers, batch.weight), jnp.zeros((), bool))

    def evaluate(self, tensors: loop.Tensors, data: Laid) -> loop.Report:
        """Look at all examples, a piece at a time."""
        count = data[3]
        pieces = -(-self.rows // PIECE)
        rows = jnp.where(jnp.arange(pieces * PIECE) < count, jnp.arange(pieces * PIECE), -1).reshape(-1, PIECE)
        looking = replace(self, recipe=replace(self.recipe, batch=PIECE, forget_from=1.0))

        def piece(own: Int[Array, " piece"]) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]]:
            _, report = looking.loss(tensors, looking.batch(data, own), jnp.zeros(()))
            return report.loss, report.accuracy, (own >= 0).sum() / count

        loss, accuracy, share = jax.lax.map(piece, rows)
        if self.classes:
            right = jnp.round(accuracy * share * count).sum()
            return loop.Report(loss @ share, right / count, right == count)
        weight = (jnp.arange(self.rows) < count) / count
        return loop.Report(loss @ share, explained_share(loss @ share, data[2], weight), jnp.zeros((), bool))

    def measure(self, lane: Lane, tensors: loop.Tensors, accuracy: Float[Array, " steps"], steps: int) -> TrainedLayer:
        """Ask the layer for every label, in NumPy."""
        model, task = lane.shape.model(tensors), lane.task
        parameters = sum(tensor.size for tensor in tensors.values())
        outputs = predicted(model, task.contexts, task.queries).astype(np.float64)
        bits = label_bits(outputs, task)
        if task.classes is None:
            return TrainedLayer(
                explained(outputs, task.labels),
                float(((outputs - task.labels) ** 2).mean()),
                bits,
                bits / parameters,
                parameters,
                steps,
                model,
            )
        classes, nats, right = task.labels.argmax(axis=1), 0.0, 0
        for rows in chunks(len(outputs), 1, PIECE):
            part, own = outputs[rows], classes[rows]
            nats += float((logsumexp(part, axis=1) - part[np.arange(len(part)), own]).sum())
            right += int((margins(part, own) > 0).sum())
        count = len(outputs)
        return TrainedLayer(right / count, nats / count, bits, bits / parameters, parameters, steps, model)

    @property
    def work(self) -> loop.Work:
        """What an example costs: scores, weights and values of each head and token, kept for the backward pass."""
        shape = self.shape
        pairs = shape.heads * shape.context
        reads = 1 if self.shared else 3
        # Its products are wide, and twice as fast as those that a multiplication's time was taken from.
        wide = 3 * shape.embedding_dim * (reads * pairs + shape.heads + shape.output_dim)
        return loop.Work(
            numbers=pairs * (6 + 2 * shape.value_dim)
            + 2 * (shape.context + shape.heads) * shape.embedding_dim
            + 4 * shape.output_dim,
            multiplications=wide / 2,
            exponentials=0,
        )


def explained_share(
    loss: Float[Array, ""], labels: Float[Array, "T out"], weight: Float[Array, " T"]
) -> Float[Array, ""]:
    """Return the share of the variance of real labels that a squared error leaves explained."""
    spread = (weight @ (labels - weight @ labels) ** 2).mean()
    return 1 - loss / jnp.maximum(spread, 1e-30)
