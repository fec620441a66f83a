"""What a training loop asks of that which it trains."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import jax
from jaxtyping import Bool, Float

from attncap.train.loop.batches import batches
from attncap.train.loop.recipes import Recipe

Array = Any  # NumPy's or JAX's
Tensors = dict[str, Float[Array, "..."]]
# Any pytree of arrays: what a model is trained on, and what a step of its training takes of it.
Data = Any


class Report(NamedTuple):
    """Of a model before a step's update, on what the step trains on: loss, accuracy, and whether all is right."""

    loss: Float[Array, "..."]
    accuracy: Float[Array, "..."]
    whole: Bool[Array, "..."]


class Work(NamedTuple):
    """What a row of a batch costs, forward and back: numbers kept in between, multiplications, exponentials."""

    numbers: float
    multiplications: float
    exponentials: float


TrainedT = TypeVar("TrainedT")
LaneT = TypeVar("LaneT", bound="Lane[Any]")


class Lane(ABC, Generic[TrainedT]):
    """One model to train, which ends as if it were alone whatever is trained beside it.

    Attributes:
        seed: of every random draw: the weights that it starts from, and its batches.
    """

    seed: int

    @property
    @abstractmethod
    def examples(self) -> int:
        """How many the model trains on."""

    @abstractmethod
    def problem(self, recipe: Recipe) -> "Problem[Any, TrainedT]":
        """Return the problem that this is a model of."""


class Problem(ABC, Generic[LaneT, TrainedT]):
    """What a compiled loop depends on, as a frozen dataclass: lanes of equal problems share a program.

    Attributes:
        recipe: how its models are trained.
        rows: examples that a lane's data are laid out for; those that fill it up must weigh nothing.
        lanes: models of one program on a processor, whose cache and memory hold the data of each.
    """

    recipe: Recipe
    rows: int
    lanes: ClassVar[int] = 5

    @abstractmethod
    def start(self, lane: LaneT) -> Tensors:
        """Draw the weights that a lane starts from; those of all lanes have the same shapes."""

    @abstractmethod
    def data(self, lane: LaneT) -> Data:
        """Lay out what stays beside a lane's weights throughout; of all lanes in the same shapes."""

    def feed(self, lane: LaneT) -> Iterator[Data]:
        """Yield what the steps of each segment take in turn, along the first axis; by default row numbers."""
        return batches(self.recipe, lane.examples, lane.seed)

    def batch(self, data: Data, fed: Data) -> Data:
        """Return what one step trains on, of a lane's data and what the step was fed; by default the rows named."""
        return jax.tree.map(lambda part: part[fed], data) if self.recipe.batch else data

    @abstractmethod
    def loss(self, tensors: Tensors, batch: Data, forget: Array) -> tuple[Float[Array, ""], Report]:
        r"""Return the loss of one model, to be differentiated, and its report.

        Args:
            tensors: the model's weights.
            batch: what `batch` returned.
            forget: $\phi$, how much the model may forget at this step.
        """

    def evaluate(self, tensors: Tensors, data: Data) -> Report:
        """Look at a lane's whole task, where the recipe asks for it (`Recipe.evaluate`)."""
        raise NotImplementedError

    @abstractmethod
    def measure(self, lane: LaneT, tensors: Tensors, accuracy: Float[Array, " steps"], steps: int) -> TrainedT:
        """Say what a lane's model learned.

        Args:
            lane: whose model.
            tensors: its last weights.
            accuracy: reported before every step.
            steps: taken before it stopped.
        """

    @property
    @abstractmethod
    def work(self) -> Work:
        """What a row of a batch costs."""
