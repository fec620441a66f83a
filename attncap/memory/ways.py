r"""Ways of forgetting, each a function from a memory to weights: in closed form, by descent, by memorizing again."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from attncap import measure
from attncap.archive import Archive
from attncap.memory.descent import descended
from attncap.memory.gold import drawn, quiet, solved, start
from attncap.memory.system import System, unit_columns
from attncap.memory.traces import Questions
from attncap.models import TokenModel

# Gold standards of memories whose weights depend on a seed.
GOLDS = 3


@dataclass(frozen=True)
class Forgetting:
    """A memory and the facts that are to leave it.

    Attributes:
        memory: who holds them.
        asked: the facts.
        golds: gold standards to compare with, where the memory's method has several.
    """

    memory: Archive
    asked: Questions
    golds: int = GOLDS

    @cached_property
    def model(self) -> TokenModel:
        """The memory in float64."""
        return self.memory.model.astype("float64")

    @cached_property
    def system(self) -> System:
        """The factored system of the whole task."""
        return System.of(self.memory.model, self.asked.task)

    @property
    def is_solved(self) -> bool:
        """Whether the weights are the solution of a linear system, which has one gold standard."""
        return self.memory.header.get("method") == "theorem" and self.system.wide

    @cached_property
    def gold(self) -> tuple[TokenModel, ...]:
        """The gold standards."""
        if self.is_solved:
            return (solved(self.system, self.model, self.asked),)
        return tuple(drawn(self.memory, self.asked, self.golds))

    def closed(self) -> TokenModel:
        r"""Move the facts' encodings to where all others put them: the leave-one-out prediction.

        Of a system with no more facts than features, the point $\theta$ becomes
        $\theta - R (R^\top R)^{-1} R^\top \theta$ with $R = M^\top G^{-1}_{\cdot E}$ and $G = M M^\top$, which moves
        the facts alone: the solution without them. With more facts than features, where the encodings of the others
        would give those of the facts back, what is predicted is the least squares fit of the answers' directions, by
        the hat matrix $H$: its residual is $(I - H_{EE})^{-1} (Y - H Y)_E$.
        """
        system, rows, model = self.system, self.asked.rows, self.model
        if system.solve is not None:
            begin = start(system, model, self.asked)
            point = system.point(model) - begin
            reach = system.solve(unit_columns(rows, len(system.matrix)))
            left = point - reach @ np.linalg.solve(reach.T @ reach, reach.T @ point)
            return quiet(system.placed(model, begin + left), self.asked)
        directions = system.directions(rows)
        assert directions is not None
        return quiet(system.moved(model, directions, self._predicted() - self._encodings[rows]), self.asked)

    def descent(self) -> TokenModel:
        """Descend on the facts that stay, with the prior on those that go."""
        lowest = float(measure.margin(self.memory.model, self.asked.kept).min())
        dtype = self.memory.model.dtype
        return descended(self.model, self.asked.kept, dtype, max(0.0, lowest / 2), prior=self.asked.prior).model

    def retrain(self) -> TokenModel:
        """Memorize again without the facts."""
        return self.gold[0]

    @cached_property
    def _encodings(self) -> Float[np.ndarray, "T d"]:
        return self.model.encode(self.asked.task.sequences)

    def _predicted(self) -> Float[np.ndarray, "k d"]:
        """Return the facts' encodings as least squares on the others' answers would have them."""
        system, rows, task = self.system, self.asked.rows, self.asked.task
        codes = self.model.unembedding[task.answers]
        size = np.einsum("td,td->", codes, self._encodings) / np.einsum("td,td->", codes, codes)
        codes = size * codes
        fitted = system.hat(codes)
        among = system.hat_among(rows)
        residual = np.linalg.solve(np.eye(len(rows)) - among, (codes - fitted)[rows])
        return codes[rows] - residual
