r"""The linear system $X W_0 + Z W_O = E$ for the output matrices, balanced for its solve."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attncap.construct.associations.random_attention import features
from attncap.models import TokenModel
from attncap.tasks import Associations

# A light skip column leaves the system to the heads, so that W_0 stays near the identity that the model has.
SKIP_WEIGHT = 0.1


def column_scale(matrix: Float[np.ndarray, "T F"]) -> Float[np.ndarray, " F"]:
    """Return what gives every column unit norm."""
    norm = np.sqrt(np.einsum("tf,tf->f", matrix, matrix, dtype=np.float64))
    # A unit that is dead on the whole task has a column of zeros.
    return 1 / np.where(norm > 0, norm, 1)


@dataclass(frozen=True)
class LinearSystem:
    r"""$[X\ Z]$ with columns of unit norm, those of $X$ of less, solved for the departure from $W_0 = I, W_O = 0$.

    The identity is the skip coefficient that the architecture has: a departure of zero needs no gauge.

    Attributes:
        matrix: $[X\ Z]$ times the scale.
        skip: $X$.
        scale: of the columns.
    """

    matrix: Float[np.ndarray, "T F"]
    skip: Float[np.ndarray, "T d"]
    scale: Float[np.ndarray, " F"]

    @staticmethod
    def of(model: TokenModel, task: Associations) -> "LinearSystem":
        """Return the system of a model's attention on a task."""
        matrix, dim = features(model, task), model.embedding_dim
        skip = matrix[:, :dim].copy()
        scale = column_scale(matrix)
        scale[:dim] *= SKIP_WEIGHT
        matrix *= scale
        return LinearSystem(matrix, skip, scale)

    def solution(self, departure: Float[np.ndarray, "F d"]) -> Float[np.ndarray, "F d"]:
        r"""Return $[W_0; W_O]$ of a solution of ``matrix`` x departure = $E - X$."""
        return np.eye(*departure.shape) + self.scale[:, None] * departure
