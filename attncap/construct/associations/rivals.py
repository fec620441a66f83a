"""The logistic loss of a representation and an unembedding: over all answers, or each sequence's closest rivals."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array

from attncap.construct.associations.readout import piece
from attncap.numerics.exponentials import raised
from attncap.numerics.memory import chunks

# Logits of all sequences and answers that take no longer than the attention.
FEW = 1 << 21
# A sequence's closest rivals: those within so many nats of its largest logit, at most so many at a time.
NATS, CLOSEST = 12.0, 64
# Pieces that stay in a core's cache.
PIECE = 1 << 20

Gradients = tuple[float, float, Float[np.ndarray, "T d"], Float[np.ndarray, "n d"]]


def compared(sequences: int, answers: int) -> int:
    """Return with how many answers about a sequence's own is compared."""
    return answers if sequences * answers <= FEW else min(CLOSEST, answers)


@dataclass
class Rivals:
    """What each sequence's answer is compared with.

    Where sequences times answers are many, only rivals that came close are: `refresh` looks at all of them and adds
    those that do, so that none is forgotten. The answers that count are verified on the whole vocabulary.

    Attributes:
        answers: each sequence's answer, a row of the unembedding.
        count: n, the answers in use.
    """

    answers: Int[np.ndarray, " T"]
    count: int
    _keys: Int[np.ndarray, " M"] = field(init=False, repr=False)
    # What the softmax gives each rival, and what each answer lacks: matrices whose places stay between two looks.
    _shares: csr_array = field(init=False, repr=False)
    _lacks: csr_array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # A sequence's own answer comes first among its rivals.
        self._keys = np.empty(0, dtype=np.int64)

    @property
    def all(self) -> bool:
        """Whether every answer is every sequence's rival."""
        return len(self.answers) * self.count <= FEW

    def refresh(self, encoded: Float[np.ndarray, "T d"], unembedding: Float[np.ndarray, "n d"]) -> int:
        """Add the rivals that are close now, and return how many answers do not lead."""
        wrong, found = 0, [self._keys]
        for rows in chunks(len(encoded), 4 * encoded.itemsize * self.count):
            logits = encoded[rows] @ unembedding.T
            index, answers = np.arange(len(logits)), self.answers[rows]
            own = logits[index, answers]
            logits[index, answers] = -np.inf
            top = logits.max(axis=1)
            wrong += int((own <= top).sum())
            if not self.all:
                # The closest of all always counts.
                floor = np.minimum(top, np.maximum(own, top) - NATS)
                most = min(CLOSEST, self.count - 1)
                places = np.argpartition(logits, self.count - most, axis=1)[:, self.count - most :]
                close = np.take_along_axis(logits, places, axis=1) >= floor[:, None]
                found.append(((index + rows.start)[:, None] * self.count + places)[close])
        if not self.all:
            self._keys = np.unique(np.concatenate(found))
            every, shape = np.arange(len(encoded) + 1), (len(encoded), self.count)
            starts, columns = np.searchsorted(self._keys, every * self.count), self._keys % self.count
            self._shares = csr_array((np.empty(len(columns), encoded.dtype), columns, starts), shape=shape)
            self._lacks = csr_array((np.empty(len(encoded), encoded.dtype), self.answers, every), shape=shape)
        return wrong

    def loss(self, encoded: Float[np.ndarray, "T d"], unembedding: Float[np.ndarray, "n d"]) -> Gradients:
        """Return the summed loss in nats, the smallest margin and the gradients by both factors."""
        return (self._over_all if self.all else self._over_close)(encoded, unembedding)

    def _over_all(self, encoded: Float[np.ndarray, "T d"], unembedding: Float[np.ndarray, "n d"]) -> Gradients:
        loss, margin = 0.0, np.inf
        to_encoded, to_unembedding = np.empty_like(encoded), np.zeros_like(unembedding)
        for rows in chunks(len(encoded), 2 * encoded.itemsize * self.count, PIECE):
            nats, smallest, to_encoded[rows], part = piece(encoded[rows], unembedding, self.answers[rows])
            loss, margin = loss + nats, min(margin, smallest)
            to_unembedding += part
        return loss, margin, to_encoded, to_unembedding

    def _over_close(self, encoded: Float[np.ndarray, "T d"], unembedding: Float[np.ndarray, "n d"]) -> Gradients:
        shares, lacks = self._shares, self._lacks
        starts, columns = shares.indptr, shares.indices
        counts = np.diff(starts)
        logits, weights = np.empty_like(shares.data), shares.data
        for rows in chunks(len(encoded), encoded.itemsize * encoded.shape[1] * int(counts.max()), PIECE):
            part = slice(starts[rows.start], starts[rows.stop])
            np.einsum(
                "md,md->m",
                np.repeat(encoded[rows], counts[rows], axis=0),
                unembedding.take(columns[part], axis=0),
                out=logits[part],
            )
        own = np.einsum("td,td->t", encoded, unembedding[self.answers])
        rival = np.maximum.reduceat(logits, starts[:-1])
        top = np.maximum(own, rival)
        np.subtract(logits, np.repeat(top, counts), out=weights)
        raised(weights)
        mine = raised(own - top)
        total = mine + np.add.reduceat(weights, starts[:-1])
        weights /= np.repeat(total, counts)
        lacks.data = mine / total - 1
        loss = float((np.log(total) + top - own).sum(dtype=np.float64))
        to_encoded = shares @ unembedding + lacks.data[:, None] * unembedding[self.answers]
        to_unembedding = shares.T @ encoded + lacks.T @ encoded
        return loss, float((own - rival).min()), to_encoded, to_unembedding
