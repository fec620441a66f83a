r"""Block-linear pencils in Gaussian matrices: the matrix Dyson equation that they obey in the high-dimensional limit.

A pencil is a large matrix of N x N blocks. A block row or column is of *token* type (size n) or *feature* type (size
p). Every block is a number times the identity plus numbers times Gaussian matrices W with iid N(0, 1/p) entries. As n
and p grow with p/n = c, the normalised block traces G of the inverse solve

$$G = (A(z) - \Sigma)^{-1}, \qquad \Sigma = \sum_k L_k (s \circ G) R_k + R_k (s \circ G) L_k,$$

where A holds the constants (the spectral parameter z on one token block), L_k and R_k the coefficients of W_k and its
transpose, and s is 1/c on token blocks and 1 on feature blocks. G and Sigma never mix the two types.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from jaxtyping import Float, Inexact, Int

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

    @cached_property
    def blocks(self) -> tuple[str, ...]:
        """Names of all blocks, in order."""
        return self.tokens + self.features

    @property
    def size(self) -> int:
        """N."""
        return len(self.blocks)

    @property
    def unknowns(self) -> int:
        """Entries of Sigma that can differ from zero."""
        return len(self._terms.entries)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.blocks)}

    @cached_property
    def constant(self) -> Float[np.ndarray, "N N"]:
        """A(0)."""
        dense = np.zeros((self.size, self.size))
        for (row, column), value in self.constants.items():
            dense[self._index[row], self._index[column]] = value
        return dense

    @cached_property
    def _terms(self) -> "Terms":
        index, size = self._index, self.size
        found: dict[tuple[int, int], float] = {}
        for gaussian in self.gaussians:
            for first, second in ((gaussian.left, gaussian.right), (gaussian.right, gaussian.left)):
                for ((i, j), before), ((k, m), after) in product(first.items(), second.items()):
                    term = index[i] * size + index[m], index[j] * size + index[k]
                    found[term] = found.get(term, 0.0) + before * after
        into, source = np.array(sorted(found)).T
        entries, starts = np.unique(into, return_index=True)
        values = np.array([found[term] for term in sorted(found)])
        (row, column), (i, j) = np.divmod(entries, size), np.divmod(source[:, None], size)
        return Terms(entries, starts, source, values, i * size + row, column * size + j)

    def weigh(self, ratio: Float[np.ndarray, " batch"]) -> Float[np.ndarray, "batch terms"]:
        """Return the coefficients of G -> Sigma at each ratio c = p/n."""
        of_tokens = self._terms.source // self.size < len(self.tokens)
        return self._terms.values * np.where(of_tokens, 1 / ratio[:, None], 1.0)

    def average(
        self, weights: Float[np.ndarray, "batch terms"], green: Inexact[np.ndarray, "batch N N"]
    ) -> Inexact[np.ndarray, "batch unknowns"]:
        """Return S(G), the entries of Sigma."""
        flat = green.reshape(len(green), -1)
        return np.add.reduceat(weights * flat[:, self._terms.source], self._terms.starts, axis=1)

    def sigma(self, entries: Inexact[np.ndarray, "*batch unknowns"]) -> Inexact[np.ndarray, "*batch N N"]:
        """Spread the unknowns over the matrix Sigma."""
        dense = np.zeros((*entries.shape[:-1], self.size**2), dtype=entries.dtype)
        dense[..., self._terms.entries] = entries
        return dense.reshape(*entries.shape[:-1], self.size, self.size)

    def operator(
        self, z: Inexact[np.ndarray, "*batch"], entries: Inexact[np.ndarray, "*batch unknowns"]
    ) -> Inexact[np.ndarray, "*batch N N"]:
        """Return A(z) - Sigma, the inverse of G."""
        dense = self.constant - self.sigma(entries)
        dense[..., 0, 0] += z
        return dense

    def jacobian(
        self, weights: Float[np.ndarray, "batch terms"], green: Inexact[np.ndarray, "batch N N"]
    ) -> Inexact[np.ndarray, "batch unknowns unknowns"]:
        """Differentiate Sigma - S((A - Sigma)^-1): the identity minus S of dG = G dSigma G."""
        flat, terms = green.reshape(len(green), -1), self._terms
        change = flat[:, terms.before] * flat[:, terms.after]
        change *= -weights[:, :, None]
        jacobian = np.add.reduceat(change, terms.starts, axis=1)
        diagonal = np.arange(self.unknowns)
        jacobian[:, diagonal, diagonal] += 1
        return jacobian


@dataclass(frozen=True)
class Terms:
    """S as a list of terms: entry of Sigma += value times entry of G, entries numbered row by row.

    Attributes:
        entries: the entries of Sigma that occur.
        starts: where the terms of each begin.
        source: the entry (j, k) of G in each term.
        values: its coefficient.
        before, after: for each term and unknown (r, s) of Sigma, the entries (j, r) and (s, k) of G.
    """

    entries: Int[np.ndarray, " unknowns"]
    starts: Int[np.ndarray, " unknowns"]
    source: Int[np.ndarray, " terms"]
    values: Float[np.ndarray, " terms"]
    before: Int[np.ndarray, "terms unknowns"]
    after: Int[np.ndarray, "terms unknowns"]
