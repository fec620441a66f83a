"""Embeddings that are given, not found: a layer between them is then all that memorizes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from attncap.data.arrays import check_size
from attncap.data.embeddings import read_embeddings
from attncap.errors import InputError
from attncap.tasks import Associations


@dataclass(frozen=True)
class Embeddings:
    """A table that the layer reads and one that it answers with, both left as they are.

    Attributes:
        embedding: $e$, a row a token, (N, d).
        unembedding: $W_U$, (N, d); a row of zeros has logit zero.

    Raises:
        InputError: tables of two sizes, or numbers that are not finite, too large or too small.

    Example:
        >>> Embeddings(np.eye(3), np.full((3, 3), np.inf))
        Traceback (most recent call last):
        attncap.errors.InputError: unembedding: expected finite numbers, got inf
    """

    embedding: Float[np.ndarray, "N d"]
    unembedding: Float[np.ndarray, "N d"]

    def __post_init__(self) -> None:
        shape = self.embedding.shape
        if len(shape) != 2 or not self.embedding.size:
            raise InputError("embedding", "shape (N, d), a row a token", shape)
        if self.unembedding.shape != shape:
            raise InputError("unembedding", f"shape {shape}, as embedding has", self.unembedding.shape)
        for name in ("embedding", "unembedding"):
            table = getattr(self, name)
            if not (finite := np.isfinite(table)).all():
                raise InputError(name, "finite numbers", float(table[~finite][0]))
            check_size(name, table)

    @staticmethod
    def read(path: str | Path, task: Associations) -> "Embeddings":
        """Read those of a task's tokens from an .npz: see `attncap.data.embeddings.read_embeddings`.

        Raises:
            InputError: tables that do not fit, or a token without a row.
        """
        given = Embeddings(*read_embeddings(path, task.vocabulary))
        given.check(task, given.dim)
        return given

    @property
    def dim(self) -> int:
        """$d$."""
        return self.embedding.shape[1]

    def check(self, task: Associations, embedding_dim: int) -> None:
        """Refuse a task of another vocabulary, or another dimension.

        Raises:
            InputError: what was expected and what was got.
        """
        if len(self.embedding) != task.vocabulary_size:
            expected = f"a row for each of the {task.vocabulary_size:,} tokens of {task.name}"
            raise InputError("embeddings", expected, f"{len(self.embedding):,} rows")
        if self.dim != embedding_dim:
            raise InputError("embedding_dim", f"that of the embeddings, {self.dim}", embedding_dim)
