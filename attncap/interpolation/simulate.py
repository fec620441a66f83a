r"""The same error measured at finite size, in float64.

$X = \mu y^T + Z$ is drawn, K is built in blocks of columns (never whole), and the probe's residual comes from a
Cholesky factor: $z = \gamma Q y$ of the n x n Gram matrix, or $z = y - M^T (M M^T + \gamma)^{-1} M y$ of
the smaller one; $E = |z|^2/n$.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float
from scipy import linalg
from threadpoolctl import threadpool_limits

from attncap.errors import InputError
from attncap.interpolation.heads import Attention, Head
from attncap.numerics.budget import EXPONENTIAL, MULTIPLICATION, expect
from attncap.numerics.memory import available, cores, require
from attncap.progress import track
from attncap.result import several

BLOCK = 512
THREADED_TOKENS = 12_000  # OpenBLAS's threaded syrk crashes on larger matrices (numpy issue 19685)


def labels(tokens: int, positive: float = 0.5) -> Float[np.ndarray, " tokens"]:
    """Return y: the first share of tokens +1, the others -1."""
    return np.where(np.arange(tokens) < round(positive * tokens), 1.0, -1.0)


def draw(
    rng: np.random.Generator, y: Float[np.ndarray, " tokens"], features: int, mean: Float[np.ndarray, " signals"]
) -> Float[np.ndarray, "features tokens"]:
    """Draw X = mu y^T + Z, the signals' basis being the first coordinates."""
    if features < len(mean):
        raise InputError(f"ratio x tokens gives {features} features; the signal needs at least {len(mean)}")
    data = rng.standard_normal((features, len(y)))
    data[: len(mean)] += np.outer(mean, y)
    return data


def attend(
    attention: Attention, data: Float[np.ndarray, "features tokens"], rng: np.random.Generator
) -> Float[np.ndarray, "rows tokens"]:
    r"""Return M, the stacked $X K_g/\sqrt n$ of the groups of heads."""
    features, tokens = data.shape
    output = np.zeros((len(attention.groups), features, tokens))
    for stacked, group in zip(output, attention.groups, strict=True):
        for head in group:
            if head.activation.nu == 0:  # ridge regression: K is a multiple of the identity
                stacked += head.diagonal_limit * data
                continue
            queries = mixed(head, data, rng if attention.random else None)
            for first in range(0, tokens, BLOCK):
                block = slice(first, first + BLOCK)
                scores = data.T @ queries[:, block] / np.sqrt(features)
                stacked[:, block] += data @ kernel(head, scores, first, features)
    return output.reshape(-1, tokens) / np.sqrt(tokens)


def mixed(head: Head, data: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
    """Return T X, with a random query-key matrix if there is a generator to draw it from."""
    features, signals = len(data), len(head.spike)
    base = data if rng is None else rng.standard_normal((features, features)) @ data / np.sqrt(features)
    if not head.spike.any():
        return base
    return np.concatenate([base[:signals] + head.spike @ data[:signals], base[signals:]])


def kernel(
    head: Head, scores: Float[np.ndarray, "tokens block"], first: int, features: int
) -> Float[np.ndarray, "tokens block"]:
    """Return the columns of K that start at ``first``."""
    tokens, width = scores.shape
    own = np.arange(first, first + width), np.arange(width)
    if head.activation.function is None:
        raise InputError(f"activation {head.activation.name!r}: only a1 and nu are known; give a function to simulate")
    if head.activation.beta:
        powers = head.activation.beta * scores
        if head.diagonal != "full":
            powers[own] = -np.inf
        weights = np.exp(powers - powers.max(axis=0))
        block = weights * (tokens / np.sqrt(features) / weights.sum(axis=0))
    else:
        block = head.activation.function(scores) / np.sqrt(features)
    if head.diagonal != "full":
        block[own] = head.diagonal_limit
    return block


def interpolation_error(
    output: Float[np.ndarray, "rows tokens"], y: Float[np.ndarray, " tokens"], ridges: Float[np.ndarray, " ridges"]
) -> Float[np.ndarray, " ridges"]:
    """Return |y - M^T w|^2/n of the ridge probe at each ridge."""
    rows, tokens = output.shape
    wide = rows >= tokens
    gram = output.T @ output if wide else output @ output.T
    right = y if wide else output @ y
    errors = np.empty(len(ridges))
    for position, ridge in enumerate(ridges):
        shifted = gram.copy()
        shifted[np.diag_indices(len(gram))] += ridge
        factor = linalg.cho_factor(shifted, overwrite_a=True, check_finite=False)
        solution = linalg.cho_solve(factor, right, check_finite=False)
        residual = ridge * solution if wide else y - output.T @ solution
        errors[position] = residual @ residual / tokens
    return errors


def memory(tokens: int, features: int, groups: int = 1, random: bool = False) -> int:
    """Return the bytes that one draw takes at its peak."""
    rows = groups * features
    building = features * tokens * (3 + random) + random * features**2 + 4 * tokens * min(BLOCK, tokens)
    solving = features * tokens + 2 * min(rows, tokens) ** 2
    return 8 * (rows * tokens + max(building, solving))


def work(tokens: int, features: int, groups: int, ridges: int) -> float:
    """Estimate the seconds that one draw takes one core: scores and mixtures, their Gram matrix and its factors."""
    rows, side = groups * features, min(groups * features, tokens)
    multiplications = 2 * groups * features * tokens**2 + rows * tokens * side + ridges * side**3 / 3
    return MULTIPLICATION * multiplications + EXPONENTIAL * groups * tokens**2


def simulate(
    cases: list[tuple[Attention, np.ndarray, int, np.ndarray]],
    tokens: int,
    seeds: int,
    seed: int = 0,
    positive: float = 0.5,
) -> list[Float[np.ndarray, "seeds ridges"]]:
    """Measure the interpolation error of several cases, draws in parallel.

    Args:
        cases: (attention, mean in the signals' basis, features p, ridges).
        tokens: n.
        seeds: how many independent draws of each case.
        seed: seed of the first; the same draw of X and Z serves every case of the same shape.
        positive: share of labels +1.

    Raises:
        UnmetError: one draw would not fit into this machine's memory.
    """
    peak = max(memory(tokens, features, len(case.groups), case.random) for case, _, features, _ in cases)
    require(float(peak), f"one draw of {tokens:,} tokens")
    y = labels(tokens, positive)

    def measure(job: tuple[int, int]) -> Float[np.ndarray, " ridges"]:
        attention, mean, features, ridges = cases[job[0]]
        rng = np.random.default_rng([seed, job[1]])
        data = draw(rng, y, features, mean)
        with np.errstate(over="ignore", invalid="ignore"):
            return interpolation_error(attend(attention, data, rng), y, ridges)

    # A job, its future and its numbers.
    held = 1000.0 + 8 * max(len(ridges) for *_, ridges in cases)
    require(len(cases) * seeds * held, several(seeds, "draw"), "choose fewer seeds")
    seconds = sum(work(tokens, features, len(case.groups), len(ridges)) for case, _, features, ridges in cases)
    expect(seeds * seconds, several(seeds * len(cases), "draw"), "choose fewer seeds or tokens")
    jobs = [(case, index) for case in range(len(cases)) for index in range(seeds)]
    workers = max(1, min(cores(), len(jobs), int(available() / peak)))
    note = f"simulate ({workers} x {peak / 1e9:.2g} GB)"
    with threadpool_limits(1 if workers > 1 or tokens > THREADED_TOKENS else None), ThreadPoolExecutor(workers) as pool:
        results = list(track(pool.map(measure, jobs), note, total=len(jobs)))
    return [np.array(results[case * seeds : (case + 1) * seeds]) for case in range(len(cases))]
