r"""The linear system behind a memory's encodings: which changes reach a fact, and how little they touch the others.

Every encoding is linear in the last map and the skip's gauge, $e_t = x_t C + z_t W$ with $C = I$ as it stands. On the
task's rows $M = [X\ Z] S$ (columns scaled as in the construction) a change $V D$ with $M_E V = I$ moves the facts $E$
by the rows of $D$ and nothing else in $E$; $V = K^{-1} M_E^\top (M_E K^{-1} M_E^\top)^{-1}$ with $K = M^\top M$ does so
with the least total effect on the others. Where there are no more facts than features it has none.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int

from attncap.construct.associations.gauge import fold
from attncap.construct.associations.linear_system import LinearSystem
from attncap.models import TokenModel
from attncap.numerics.linear import gram_factor
from attncap.numerics.memory import require
from attncap.tasks import Associations

T = TypeVar("T", bound=TokenModel)
# Added to the diagonal, relative to its mean, where the features of some facts depend on each other.
RIDGE = 1e-10
REFINEMENTS = 3
# What is left of a fact's features when those of all others are taken out of them, relative: less is no room.
ROOM = 1e-8


@dataclass(frozen=True)
class System:
    r"""A factored system, good for any number of changes of a task's answers.

    Attributes:
        matrix: $M$, (T, P) with $P = d + F$ columns.
        scale: $S$, of the columns.
        factor: Cholesky factor of $M M^\top$ where $T \le P$, else of $M^\top M$.
    """

    matrix: Float[np.ndarray, "T P"]
    scale: Float[np.ndarray, " P"]
    factor: tuple[Float[np.ndarray, "n n"], bool]

    @staticmethod
    def of(model: TokenModel, task: Associations) -> "System":
        """Factor the system of a model's features on a task.

        Raises:
            UnmetError: not enough memory.
        """
        rows, columns = task.associations, model.embedding_dim + len(model.readout)
        require(8.0 * (rows * columns + min(rows, columns) ** 2) * 1.3, f"factoring {rows:,} x {columns:,} features")
        system = LinearSystem.of(model.astype("float64"), task)
        matrix = system.matrix
        return System(matrix, system.scale, gram_factor(matrix if rows <= columns else matrix.T, RIDGE))

    @property
    def wide(self) -> bool:
        """Whether there are no more facts than features."""
        return self.matrix.shape[0] <= self.matrix.shape[1]

    def rows_of(self, model: TokenModel, sequences: Int[np.ndarray, "k S"]) -> Float[np.ndarray, "k P"]:
        """Return the scaled features of sequences that are not in the task."""
        return np.concatenate(model.astype("float64").split(sequences), axis=1) * self.scale

    def without(self, targets: Float[np.ndarray, "T k"]) -> Float[np.ndarray, "T k"]:
        r"""Return $G^{-1}$ times columns, $G = M M^\top$ (of a wide system), refined."""
        found = scipy.linalg.cho_solve(self.factor, targets, check_finite=False)
        left = np.inf
        for _ in range(REFINEMENTS):
            residual = targets - self.matrix @ (self.matrix.T @ found)
            size = float(np.linalg.norm(residual))
            # Of dependent rows the ridge keeps a residual that no refinement takes away.
            if not size < left / 2 or size < 1e-13 * np.linalg.norm(targets):
                break
            found = found + scipy.linalg.cho_solve(self.factor, residual, check_finite=False)
            left = size
        return found

    def directions(
        self, rows: Int[np.ndarray, " k"], extra: Float[np.ndarray, "a P"] | None = None
    ) -> Float[np.ndarray, "P e"] | None:
        r"""Return $V$: one direction a fact, which moves its encoding alone.

        Args:
            rows: facts of the task.
            extra: features of others, which the task does not hold yet.

        Returns:
            $V$, columns in this order; None where the features leave no room for one of them.
        """
        extra = np.empty((0, self.matrix.shape[1])) if extra is None else extra
        if not self.wide:
            chosen = np.concatenate([self.matrix[rows], extra])
            reach = scipy.linalg.cho_solve(self.factor, chosen.T, check_finite=False)
            return _normalised(reach, chosen)
        own = self.matrix.T @ self.without(_columns(rows, len(self.matrix)))
        if (solved := _normalised(own, self.matrix[rows])) is None:
            return None
        own = solved
        if not len(extra):
            return own
        free = extra.T - self.matrix.T @ self.without(self.matrix @ extra.T)
        if (np.einsum("ap,pa->a", extra, free) < ROOM * np.einsum("ap,ap->a", extra, extra)).any():
            return None
        added = _normalised(free, extra)
        return None if added is None else np.concatenate([own - added @ (extra @ own), added], axis=1)

    def leak(self, directions: Float[np.ndarray, "P e"], rows: Int[np.ndarray, " k"]) -> float:
        r"""Return the largest total effect on other facts of moving one by 1: $1 / h_t - 1$ of its leverage $h_t$."""
        effect = self.matrix @ directions
        effect[rows] = 0.0
        return float((effect**2).sum(axis=0).max(initial=0.0))

    def hat(self, targets: Float[np.ndarray, "T k"]) -> Float[np.ndarray, "T k"]:
        r"""Return $H Y = M K^{-1} M^\top Y$, the least squares fit of columns (of a system that is not wide)."""
        return self.matrix @ scipy.linalg.cho_solve(self.factor, self.matrix.T @ targets, check_finite=False)

    def hat_among(self, rows: Int[np.ndarray, " k"]) -> Float[np.ndarray, "k k"]:
        r"""Return $H_{EE}$; its diagonal are the leverages."""
        chosen = self.matrix[rows]
        return chosen @ scipy.linalg.cho_solve(self.factor, chosen.T, check_finite=False)

    def moved(self, model: T, directions: Float[np.ndarray, "P e"], steps: Float[np.ndarray, "e d"]) -> T:
        """Return the model in which the encodings of the chosen facts are moved by ``steps``."""
        return self.placed(model, self.point(model) + directions @ steps)

    def point(self, model: TokenModel) -> Float[np.ndarray, "P d"]:
        r"""Return where a model stands, $S^{-1} [I; W]$: its encodings are $M$ times this."""
        return np.concatenate([np.eye(model.embedding_dim), model.astype("float64").readout]) / self.scale[:, None]

    def placed(self, model: T, point: Float[np.ndarray, "P d"]) -> T:
        """Return the model that stands at a point; the skip's coefficient is folded into the unembedding."""
        dim, solution = model.embedding_dim, self.scale[:, None] * point
        return fold(model.astype("float64"), solution[:dim], solution[dim:])


def _columns(rows: Int[np.ndarray, " k"], count: int) -> Float[np.ndarray, "T k"]:
    chosen = np.zeros((count, len(rows)))
    chosen[rows, np.arange(len(rows))] = 1.0
    return chosen


def _normalised(reach: Float[np.ndarray, "P k"], chosen: Float[np.ndarray, "k P"]) -> Float[np.ndarray, "P k"] | None:
    """Scale and mix directions so that each moves its own fact by 1 and no other that is chosen."""
    if not len(chosen):
        return reach
    try:
        return np.linalg.solve((chosen @ reach).T, reach.T).T
    except np.linalg.LinAlgError:
        return None
