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

from attncap import measure
from attncap.construct.associations.gauge import fold
from attncap.construct.associations.linear_system import SKIP_WEIGHT, column_scale
from attncap.construct.associations.random_attention import features
from attncap.models import TokenModel
from attncap.numerics.least_norm import RIDGE, LeastNorm, times
from attncap.numerics.linear import gram_factor
from attncap.numerics.memory import chunks, require
from attncap.tasks import Associations

T = TypeVar("T", bound=TokenModel)
# What is left of a fact's features when those of all others are taken out of them, relative: less is no room.
ROOM = 1e-8


@dataclass(frozen=True)
class System:
    r"""A factored system, good for any number of changes of a task's answers.

    The features are those that the stored type computes; where there are no more facts than features they stay in it.

    Attributes:
        matrix: $M$, (T, P) with $P = d + F$ columns.
        scale: $S$, of the columns: powers of two, which round nothing.
        solve: least-norm solutions of $M V = B$ where $T \le P$.
        factor: Cholesky factor of $M^\top M$ where $T > P$.
        model: whose features these are, in the type that it computes in.
        task: of which facts.
    """

    matrix: Float[np.ndarray, "T P"]
    scale: Float[np.ndarray, " P"]
    solve: LeastNorm | None
    factor: tuple[Float[np.ndarray, "P P"], bool] | None
    model: TokenModel
    task: Associations

    @staticmethod
    def of(model: TokenModel, task: Associations) -> "System":
        """Pose the system of a model's features on a task.

        Raises:
            UnmetError: not enough memory.
        """
        rows, columns = task.associations, model.embedding_dim + len(model.readout)
        require(8.0 * (rows * columns + min(rows, columns) ** 2) * 1.3, f"factoring {rows:,} x {columns:,} features")
        ready = model.ready()
        matrix = features(ready, task)
        scale = column_scale(matrix)
        scale[: model.embedding_dim] *= SKIP_WEIGHT
        scale = np.exp2(np.rint(np.log2(scale)))
        matrix *= scale.astype(matrix.dtype)
        if rows <= columns:
            return System(matrix, scale, LeastNorm(matrix), None, ready, task)
        matrix = matrix.astype(np.float64, copy=False)
        return System(matrix, scale, None, gram_factor(matrix.T, RIDGE), ready, task)

    @property
    def wide(self) -> bool:
        """Whether there are no more facts than features."""
        return self.solve is not None

    def rows_of(self, model: TokenModel, sequences: Int[np.ndarray, "k S"]) -> Float[np.ndarray, "k P"]:
        """Return the scaled features of sequences that are not in the task."""
        ready = model.astype(self.model.dtype)
        return np.concatenate(ready.split(sequences), axis=1).astype(np.float64) * self.scale

    def margins(self, model: TokenModel, task: Associations) -> Float[np.ndarray, " T"]:
        """Return `attncap.measure.margin` of a model on these facts and more, from the features here if it has them."""
        own, ready = self.task.associations, model.ready()
        if not self._reads_the_same(ready):
            return measure.margin(model, task)
        dim, kind = ready.embedding_dim, self.matrix.dtype
        small = (1 / self.scale).astype(kind)
        encoded = self.matrix[:, :dim] * small[:dim] + self.matrix[:, dim:] @ (small[dim:, None] * ready.readout)
        encoded = np.concatenate([encoded, ready.encode(task.sequences[own:])])
        pieces = chunks(len(encoded), 24 * ready.vocabulary_size)
        return np.concatenate([measure.margins(ready.decode(encoded[rows]), task.answers[rows]) for rows in pieces])

    def _reads_the_same(self, ready: TokenModel) -> bool:
        """Whether a model differs in the readout, the unembedding and the rows of other tokens alone."""
        if type(ready) is not type(self.model) or ready.dtype != self.model.dtype or self.matrix.dtype != ready.dtype:
            return False
        read = np.unique(self.task.sequences)
        tensors = [each.with_readout(self.model.readout).tensors() for each in (ready, self.model)]
        mine, own = ({**each, "embedding": each["embedding"][read], "unembedding": ()} for each in tensors)
        return all(np.array_equal(mine[name], own[name]) for name in own)

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
        chosen = self.matrix[rows].astype(np.float64)
        if self.solve is None:
            chosen = np.concatenate([chosen, extra])
            return _normalised(self._inverse(chosen.T), chosen)
        own = _normalised(self.solve(unit_columns(rows, len(self.matrix))), chosen)
        if own is None or not len(extra):
            return own
        free = extra.T - self.solve(times(self.matrix, extra.T))
        if (np.einsum("ap,pa->a", extra, free) < ROOM * np.einsum("ap,ap->a", extra, extra)).any():
            return None
        added = _normalised(free, extra)
        return None if added is None else np.concatenate([own - added @ (extra @ own), added], axis=1)

    def leak(self, directions: Float[np.ndarray, "P e"], rows: Int[np.ndarray, " k"]) -> float:
        r"""Return the largest total effect on other facts of moving one by 1: $1 / h_t - 1$ of its leverage $h_t$."""
        effect = times(self.matrix, directions)
        effect[rows] = 0.0
        return float((effect**2).sum(axis=0).max(initial=0.0))

    def hat(self, targets: Float[np.ndarray, "T k"]) -> Float[np.ndarray, "T k"]:
        r"""Return $H Y = M K^{-1} M^\top Y$, the least squares fit of columns (of a system that is not wide)."""
        return self.matrix @ self._inverse(self.matrix.T @ targets)

    def hat_among(self, rows: Int[np.ndarray, " k"]) -> Float[np.ndarray, "k k"]:
        r"""Return $H_{EE}$; its diagonal are the leverages."""
        chosen = self.matrix[rows]
        return chosen @ self._inverse(chosen.T)

    def _inverse(self, columns: Float[np.ndarray, "P k"]) -> Float[np.ndarray, "P k"]:
        r"""Return $K^{-1}$ times columns."""
        assert self.factor is not None
        return scipy.linalg.cho_solve(self.factor, columns, check_finite=False)

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


def unit_columns(rows: Int[np.ndarray, " k"], count: int) -> Float[np.ndarray, "T k"]:
    """Return the columns of the identity that belong to some rows."""
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
