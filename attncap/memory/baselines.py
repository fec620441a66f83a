r"""What others do to make a model forget, on its last linear map: baselines for a score.

Each takes a memory and facts of it, and returns weights with the rows of all tokens.
"""

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int
from scipy.special import softmax

from attncap import measure
from attncap.archive import Archive
from attncap.memory.step import smallest_step
from attncap.memory.traces import Questions
from attncap.models import TokenModel
from attncap.numerics.linear import gram_factor

STEPS, RATE = 400, 0.005


def rome(memory: Archive, asked: Questions, seed: int = 0) -> TokenModel:
    r"""Rewrite the facts one after the other with another answer, each by the update of rank one of ROME.

    $$W \leftarrow W + \frac{K^{-1} z_t}{z_t^\top K^{-1} z_t} (v^* - z_t W), \qquad K = Z^\top Z$$

    Args:
        memory: who is to forget.
        asked: the facts.
        seed: of the other answers, drawn from the prior over the candidates.

    Source: Meng et al. 2022, "Locating and Editing Factual Associations in GPT" (arXiv 2202.05262).
    """
    model, features, wanted = _posed(memory, asked, seed)
    factor = _Solve(features)
    readout = model.readout.copy()
    for key, value in zip(features[asked.rows], wanted, strict=True):
        reach = factor(key[:, None])[:, 0]
        readout += np.outer(reach / (key @ reach), value - key @ readout)
    return model.with_readout(readout)


def memit(memory: Archive, asked: Questions, seed: int = 0) -> TokenModel:
    r"""Rewrite the facts together, by the least squares update of MEMIT.

    $$W \leftarrow W + (K + Z_E^\top Z_E)^{-1} Z_E^\top (V^* - Z_E W), \qquad K = Z^\top Z / T$$

    Args:
        memory: who is to forget.
        asked: the facts.
        seed: of the other answers.

    Source: Meng et al. 2023, "Mass-Editing Memory in a Transformer" (arXiv 2210.07229).
    """
    model, features, wanted = _posed(memory, asked, seed)
    keys = features[asked.rows]
    reach = _Solve(features)(keys.T)
    # By Woodbury, in the span of the edited keys.
    inner = np.eye(len(keys)) / len(features) + keys @ reach
    residual = wanted - keys @ model.readout
    return model.with_readout(model.readout + reach @ np.linalg.solve(inner, residual))


def ascent(memory: Archive, asked: Questions, seed: int = 0) -> TokenModel:
    r"""Ascend the loss on the facts and descend it on the others, until no fact is answered any more.

    Steps of normalised gradients of $\overline{\mathrm{CE}}_{\text{stay}} - \overline{\mathrm{CE}}_{\text{go}}$ in the
    last linear map.

    Args:
        memory: who is to forget.
        asked: the facts.
        seed: not used; nothing is drawn.

    Source: Jang et al. 2023, "Knowledge Unlearning for Mitigating Privacy Risks in Language Models" (arXiv 2210.01504);
    with a retain term, Maini et al. 2024, "TOFU" (arXiv 2401.06121).
    """
    model = memory.model.astype("float64")
    carried, features = model.split(asked.task.sequences)
    answers, stays = asked.task.answers, np.ones(len(carried), dtype=bool)
    stays[asked.rows] = False
    weight = np.where(stays, 1 / max(1, stays.sum()), -1 / len(asked.rows))
    readout = model.readout.copy()
    step = RATE * np.linalg.norm(readout)
    for _ in range(STEPS):
        logits = (carried + features @ readout) @ model.unembedding.T
        if not (measure.margins(logits[asked.rows], answers[asked.rows]) > 0).any():
            break
        pull = softmax(logits, axis=1)
        pull[np.arange(len(pull)), answers] -= 1
        gradient = features.T @ ((weight[:, None] * pull) @ model.unembedding)
        readout -= step * gradient / max(float(np.linalg.norm(gradient)), 1e-300)
    return model.with_readout(readout)


def _posed(
    memory: Archive, asked: Questions, seed: int
) -> tuple[TokenModel, Float[np.ndarray, "T F"], Float[np.ndarray, "k d"]]:
    """Return the model, its features, and what the last map should add for other answers to lead."""
    model, rng = memory.model.astype("float64"), np.random.default_rng(seed)
    carried, features = model.split(asked.task.sequences)
    encodings = carried + features @ model.readout
    lead = max(float(measure.margin(memory.model, asked.task).min()), 0.1)
    rivals: Int[np.ndarray, " n"] = measure.answers_in_use(asked.task)
    wanted = []
    for row, answer, prior in zip(asked.rows, asked.answers, asked.prior.probability, strict=True):
        others = np.where(np.arange(len(prior)) == answer, 0.0, prior)
        token = int(rng.choice(len(prior), p=others / others.sum())) if others.any() else int(rng.choice(rivals))
        step = smallest_step(encodings[row], model.unembedding, token, lead, rivals)
        wanted.append(features[row] @ model.readout + (0.0 if step is None else step))
    return model, features, np.array(wanted)


class _Solve:
    r"""$K^{-1}$ of features, $K = Z^\top Z$ with a ridge where there are fewer facts than features."""

    def __init__(self, features: Float[np.ndarray, "T F"]) -> None:
        scale = np.maximum(np.linalg.norm(features, axis=0), np.finfo(float).tiny)
        self.scale, self.factor = scale, gram_factor((features / scale).T, 1e-10)

    def __call__(self, keys: Float[np.ndarray, "F k"]) -> Float[np.ndarray, "F k"]:
        solved = scipy.linalg.cho_solve(self.factor, keys / self.scale[:, None], check_finite=False)
        return solved / self.scale[:, None]


BASELINES = {"rome": rome, "memit": memit, "ascent": ascent}
