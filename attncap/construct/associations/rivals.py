"""The logistic loss of a representation and an unembedding: over all answers, or each sequence's closest rivals."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array

from attncap.construct.associations.readout import piece
from attncap.numerics.memory import chunks

# Logits of all sequences and answers that take no longer than the attention.
FEW = 1 << 21
# A sequence's closest rivals: those within so many nats of its largest logit, at most so many at a time.
NATS, CLOSEST = 12.0, 64

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
        self._keys = np.unique(np.concatenate(found))
        return wrong

    def loss(self, encoded: Float[np.ndarray, "T d"], unembedding: Float[np.ndarray, "n d"]) -> Gradients:
        """Return the summed loss in nats, the smallest margin and the gradients by both factors."""
        return (self._over_all if self.all else self._over_close)(encoded, unembedding)

    def _over_all(self, encoded: Float[np.ndarray, "T d"], unembedding: Float[np.ndarray, "n d"]) -> Gradients:
        loss, margin = 0.0, np.inf
        to_encoded, to_unembedding = np.empty_like(encoded), np.zeros_like(unembedding)
        for rows in chunks(len(encoded), 2 * encoded.itemsize * self.count, 1 << 20):
            nats, smallest, to_encoded[rows], part = piece(encoded[rows], unembedding, self.answers[rows])
            loss, margin = loss + nats, min(margin, smallest)
            to_unembedding += part
        return loss, margin, to_encoded, to_unembedding

    def _over_close(self, encoded: Float[np.ndarray, "T d"], unembedding: Float[np.ndarray, "n d"]) -> Gradients:
        rows, columns = np.divmod(self._keys, self.count)
        starts = np.searchsorted(rows, np.arange(len(encoded) + 1))
        logits = np.einsum("md,md->m", encoded[rows], unembedding[columns])
        own = np.einsum("td,td->t", encoded, unembedding[self.answers])
        rival = np.maximum.reduceat(logits, starts[:-1])
        top = np.maximum(own, rival)
        weights = np.exp(logits - top[rows])
        mine = np.exp(own - top)
        total = mine + np.add.reduceat(weights, starts[:-1])
        weights /= total[rows]
        shared = csr_array((weights, columns, starts), shape=(len(encoded), self.count))
        lacking = csr_array((mine / total - 1, self.answers, np.arange(len(encoded) + 1)), shape=shared.shape)
        loss = float((np.log(total) + top - own).sum(dtype=np.float64))
        to_encoded, to_unembedding = (
            shared @ unembedding + lacking @ unembedding,
            shared.T @ encoded + lacking.T @ encoded,
        )
        return loss, float((own - rival).min()), to_encoded, to_unembedding
