r"""Block-linear pencils in Gaussian matrices: the matrix Dyson equation that they obey in the high-dimensional limit.

A pencil is a large matrix of N x N blocks. A block row or column is of *token* type (size n) or *feature* type (size
p). Every block is a number times the identity plus numbers times Gaussian matrices W with iid N(0, 1/p) entries. As n
and p grow with p/n = c, the normalised block traces G of the inverse solve

.. math::  G = (A(z) - \Sigma)^{-1}, \qquad \Sigma = \sum_k L_k (s \circ G) R_k + R_k (s \circ G) L_k,

where A holds the constants (the spectral parameter z on one token block), L_k and R_k the coefficients of W_k and its
transpose, and s is 1/c on token blocks and 1 on feature blocks. G and Sigma never mix the two types.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from jaxtyping import Float

Block = tuple[str, str]
Coefficients = Mapping[Block, float]


@dataclass(frozen=True)
class Gaussian:
    r"""One Gaussian matrix W: it enters block (i, j) as left[i, j] W and, transposed, as right[i, j] W^T.

    The types of i and j fix its shape. A symmetric matrix of the same variance is (W + W^T)/sqrt 2: equal ``left`` and
    ``right``, both divided by sqrt 2.
    """

    left: Coefficients
    right: Coefficients


@dataclass(frozen=True)
class Pencil:
    """A block-linear pencil as data.

    Args:
        tokens: names of the blocks of size n; z multiplies the identity in the first one's diagonal block.
        features: names of the blocks of size p.
        constants: coefficients of the identity.
        gaussians: the independent Gaussian matrices.

    Example:
        >>> # (X^T X/p + z)^-1 by its pencil [[z, X^T/sqrt p], [X/sqrt p, -1]]
        >>> data = Gaussian(left={("u", "t"): 1.0}, right={("t", "u"): 1.0})
        >>> pencil = Pencil(("u",), ("t",), {("t", "t"): -1.0}, (data,))
        >>> pencil.size, pencil.unknowns
        (2, 2)
    """

    tokens: tuple[str, ...]
    features: tuple[str, ...]
    constants: Coefficients
    gaussians: tuple[Gaussian, ...]

    @property
    def blocks(self) -> tuple[str, ...]:
        """Names of all blocks, in order."""
        return self.tokens + self.features

    @cached_property
    def size(self) -> int:
        """N."""
        return len(self.blocks)

    @cached_property
    def unknowns(self) -> int:
        """Entries of Sigma that can differ from zero."""
        return len(self.support[0])

    def matrix(self, coefficients: Coefficients) -> Float[np.ndarray, "N N"]:
        """Spread named coefficients over an N x N matrix."""
        index = {name: position for position, name in enumerate(self.blocks)}
        dense = np.zeros((self.size, self.size))
        for (row, column), value in coefficients.items():
            dense[index[row], index[column]] = value
        return dense

    @cached_property
    def constant(self) -> Float[np.ndarray, "N N"]:
        """A(0)."""
        return self.matrix(self.constants)

    @cached_property
    def _maps(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """S as a small matrix: Sigma's entries (rows), G's that enter (columns), coefficients, which are tokens'."""
        index = {name: position for position, name in enumerate(self.blocks)}
        terms: dict[tuple[int, int], float] = {}
        for gaussian in self.gaussians:
            for first, second in ((gaussian.left, gaussian.right), (gaussian.right, gaussian.left)):
                for ((i, j), before), ((k, m), after) in product(first.items(), second.items()):
                    term = index[i] * self.size + index[m], index[j] * self.size + index[k]
                    terms[term] = terms.get(term, 0.0) + before * after
        rows, row = np.unique([row for row, _ in terms], return_inverse=True)
        columns, column = np.unique([column for _, column in terms], return_inverse=True)
        coefficients = np.zeros((len(rows), len(columns)))
        coefficients[row, column] = list(terms.values())
        return rows, columns, coefficients, columns // self.size < len(self.tokens)

    @cached_property
    def support(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column indices of the entries of Sigma that can differ from zero."""
        return np.divmod(self._maps[0], self.size)

    @cached_property
    def _gather(self) -> tuple[np.ndarray, ...]:
        (row, column), (i, j) = self.support, np.divmod(self._maps[1], self.size)
        return i[:, None] * self.size + row, column * self.size + j[:, None]

    def average(self, ratio: Float[np.ndarray, " batch"]) -> Float[np.ndarray, "batch unknowns relevant"]:
        """Return the matrix of G -> Sigma at each ratio c = p/n."""
        _, _, coefficients, of_tokens = self._maps
        return coefficients * np.where(of_tokens, 1 / ratio[:, None], 1.0)[:, None, :]

    def relevant(self, green: Float[np.ndarray, "*batch N N"]) -> Float[np.ndarray, "*batch relevant"]:
        """Pick the entries of G that enter Sigma."""
        return green.reshape(*green.shape[:-2], -1)[..., self._maps[1]]

    def sigma(self, entries: Float[np.ndarray, "*batch unknowns"]) -> Float[np.ndarray, "*batch N N"]:
        """Spread the unknowns over the matrix Sigma."""
        dense = np.zeros((*entries.shape[:-1], self.size**2))
        dense[..., self._maps[0]] = entries
        return dense.reshape(*entries.shape[:-1], self.size, self.size)

    def operator(
        self, z: Float[np.ndarray, "*batch"], entries: Float[np.ndarray, "*batch unknowns"]
    ) -> Float[np.ndarray, "*batch N N"]:
        """Return A(z) - Sigma, the inverse of G."""
        dense = self.constant - self.sigma(entries)
        dense[..., 0, 0] += z
        return dense

    def jacobian(
        self, average: Float[np.ndarray, "batch unknowns relevant"], green: Float[np.ndarray, "batch N N"]
    ) -> Float[np.ndarray, "batch unknowns unknowns"]:
        """Differentiate Sigma - S((A - Sigma)^-1): the identity minus S of dG = G dSigma G."""
        flat = green.reshape(len(green), -1)
        before, after = self._gather
        jacobian = -(average @ (flat[:, before] * flat[:, after]))
        diagonal = np.arange(self.unknowns)
        jacobian[:, diagonal, diagonal] += 1
        return jacobian
