"""Random gated units, and the gradient of a loss of their readout."""

import numpy as np
from jaxtyping import Float, Int

from attncap.construct.associations.random_attention import unit_rows
from attncap.construct.associations.tabled import onto
from attncap.construct.flattened import Pull, Tensors
from attncap.construct.given import Embeddings
from attncap.models import ActivationName, Perceptron
from attncap.models.transformer import gelu
from attncap.tasks import Associations


def draw(
    task: Associations,
    embedding_dim: int,
    units: int,
    activation: ActivationName,
    seed: int,
    given: Embeddings | None = None,
) -> Perceptron:
    r"""Draw a perceptron at random, ready for its output vectors to be fitted.

    $e \sim \mathcal N(0, I/d)$; gates and units Gaussian, so that their sums over a position's token have standard
    deviation one where embeddings have length one; unit rows for the answers.

    Args:
        task: gives the vocabulary, the context and the answers.
        embedding_dim: $d$.
        units: $w$.
        activation: of the gates.
        seed: of the draw.
        given: embeddings that are not drawn.

    Returns:
        A float64 model whose output vectors are zero.
    """
    rng = np.random.default_rng(seed)
    embedding = rng.standard_normal((task.vocabulary_size, embedding_dim)) / np.sqrt(embedding_dim)
    unembedding = unit_rows(rng, task, embedding_dim)
    if given is not None:
        embedding, unembedding = given.embedding, given.unembedding
    gate, up = (rng.standard_normal((units, task.context, embedding_dim)) / np.sqrt(task.context) for _ in range(2))
    return Perceptron(embedding, gate, up, np.zeros((embedding_dim, units)), unembedding, activation)


def encode(
    weights: Tensors, sequences: Int[np.ndarray, "T S"], activation: str
) -> tuple[Float[np.ndarray, "T d"], Pull]:
    """Return what a perceptron's readout makes of its units, and what takes gradients back to the weights.

    Sums over a position's tokens are computed once a token and looked up: what `Perceptron.encode` computes.

    Args:
        weights: embedding, gate, up and down, as in `attncap.models.Perceptron`.
        sequences: rows of the embedding.
        activation: of the gate.

    Returns:
        The representations in the weights' type; a function from the gradient by them to those by the weights.
    """
    embedding, down = weights["embedding"], weights["down"]

    def projected(name: str) -> Float[np.ndarray, "T w"]:
        places = enumerate(sequences.T)
        return np.asarray(sum((embedding @ weights[name][:, s].T)[tokens] for s, tokens in places))

    gate, up = projected("gate"), projected("up")
    opened, slope = (gelu(gate), gelu_slope(gate)) if activation == "gelu" else (gate, np.ones_like(gate))
    units = opened * up

    def pull(by: Float[np.ndarray, "T d"]) -> Tensors:
        to_units = by @ down
        to_inner = {"gate": to_units * up * slope, "up": to_units * opened}
        gradient = {"down": by.T @ units, "embedding": np.zeros_like(embedding)}
        for name, inner in to_inner.items():
            gradient[name] = np.empty_like(weights[name])
            for s, tokens in enumerate(sequences.T):
                table = onto(tokens, len(embedding), by.dtype) @ inner
                gradient[name][:, s] = table.T @ embedding
                gradient["embedding"] += table @ weights[name][:, s]
        return gradient

    return units @ down.T, pull


def gelu_slope(x: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Return the derivative of `attncap.models.transformer.gelu`."""
    turn, cubic = 0.7978845608028654, 0.044715
    level = np.tanh(turn * (x + cubic * x**3))
    return 0.5 * (1 + level) + 0.5 * x * (1 - level**2) * turn * (1 + 3 * cubic * x**2)
