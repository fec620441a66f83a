"""The best rank-d sequence encoder of given distributions: what no transformer of that dimension can beat."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from attncap import measure
from attncap.constraints import Count, Seed, checked
from attncap.construct.distributions import lowrank
from attncap.construct.distributions.dana2025_propositions import circle, exact
from attncap.construct.distributions.frank_wolfe import lower_bound
from attncap.errors import InputError
from attncap.numerics.memory import require
from attncap.progress import track
from attncap.result import Result, hidden, several
from attncap.tasks import Distributions

if TYPE_CHECKING:
    from rich.console import RenderableType

# A variable projection re-solves T systems of d unknowns an evaluation: about T N d^2 operations.
PROJECTABLE = 2e7
STARTS = 3
ITERATIONS = (80, 1000)
# About half a minute of L-BFGS steps on one core, each of T N (d + 20) multiplications and as many exponentials.
WORK = 7e10
# Above this many probabilities the descent runs in float32.
DOUBLE = 2e6


@dataclass(frozen=True)
class Encoder(Result):
    r"""Logits $W E_t$ of rank at most $d$, and how near they come to the distributions.

    Attributes:
        name: of the task.
        embedding_dim: $d$.
        kl: $\sum_t w_t \mathrm{KL}(\pi_t \| \operatorname{softmax}(W E_t))$ in nats, the best found.
        kl_svd: the same for the truncated singular value decomposition of $\log \pi$.
        lower_bound: no rank-$d$ encoder whose logits have norm at most ``rho`` comes nearer, in nats.
        rho: the norm that the lower bound assumes, that of these logits (see `attncap.construct.lower_bound`).
        entropy: mean entropy of the distributions in nats, which the cross-entropy adds to ``kl``.
        starts: what each start reached in nats, the best one finished; the first is the singular value
            decomposition's.
        seconds: wall time.
        unembedding: $W$, (N, d).
        encoding: $E$, (T, d).
        notes: of the task, for people.
    """

    name: str
    embedding_dim: int
    kl: float
    kl_svd: float
    lower_bound: float
    rho: float
    entropy: float
    starts: list[float]
    seconds: float
    unembedding: Float[np.ndarray, "N d"] = hidden()
    encoding: Float[np.ndarray, "T d"] = hidden()
    notes: tuple[str, ...] = hidden(default=())

    @property
    def logits(self) -> Float[np.ndarray, "T N"]:
        """The logits $W E_t$."""
        return self.encoding @ self.unembedding.T

    @property
    def cites(self) -> tuple[str, ...]:
        """The propositions, and this project's algorithm."""
        return ("dana2025", "attncap")

    def __rich__(self) -> "RenderableType":
        from attncap.terminal import Rows

        table = Rows()
        table.add_row("task", self.name)
        table.add_row("embedding dimension", str(self.embedding_dim))
        table.add_row("KL of the best encoder found", f"{self.kl:.6g} nats")
        table.add_row("KL of the truncated SVD", f"{self.kl_svd:.6g} nats")
        table.add_row("lower bound", f"{self.lower_bound:.6g} nats for logits of norm up to {self.rho:.4g}")
        table.add_row("entropy", f"{self.entropy:.6g} nats")
        table.add_row("starts", ", ".join(f"{kl:.6g}" for kl in self.starts))
        table.add_row("time", f"{self.seconds:.1f} s")
        return table


@checked
def encode(task: Distributions, embedding_dim: Count, *, starts: Count | None = None, seed: Seed = 0) -> Encoder:
    r"""Find the encoder of rank $d$ nearest to given distributions.

    $$\min_{W, E} \sum_t w_t\, \mathrm{KL}\big(\pi_t \,\|\, \operatorname{softmax}(W E_t)\big)$$

    bounds from below what any transformer with a $d$-dimensional unembedding reaches. The minimum is zero if
    $d \ge N - 1$, or if $d \ge 2$ and every $\pi_t$ is deterministic. Else: a truncated singular value decomposition
    and random starts, L-BFGS over both factors, and from the best, where it is affordable, variable projection; ``kl``
    is thus an upper bound on the minimum (there are local minima), ``lower_bound`` a conditional lower one.

    Args:
        task: the distributions.
        embedding_dim: $d$.
        starts: how many, the first from the singular value decomposition; by default 3, for large tasks 1.
        seed: of the random starts.

    Returns:
        The encoder.

    Raises:
        InputError: a dimension or a number of starts below 1.
        UnmetError: not enough memory, with the numbers.

    Example:
        >>> from attncap.tasks import distributions
        >>> pi = np.random.default_rng(0).dirichlet(np.ones(8), size=64)
        >>> encoder = encode(distributions(pi), embedding_dim=3)
        >>> 0 < encoder.lower_bound < encoder.kl < encoder.kl_svd
        True
        >>> encode(distributions(pi), embedding_dim=7).kl < 1e-10
        True

    Source: Dana, Pydi, Chevaleyre 2025, Propositions 1-3 (arXiv 2411.10115); the algorithm is this project's.
    """
    started = time.perf_counter()
    if embedding_dim < 1:
        raise InputError("embedding_dim", "at least 1", embedding_dim)
    if starts is not None and starts < 1:
        raise InputError("starts", "at least 1", starts)
    tables = 8.0 * sum(task.pi.shape) * embedding_dim
    require((starts or 1) * (1000 + tables), several(starts or 1, "start"), "choose fewer starts")
    # Copies of the probabilities; the Gram matrix of the smaller side; the products of W's columns in Newton's steps.
    needed = 8.0 * (5 * task.pi.size + 3 * min(task.pi.shape) ** 2 + task.vocabulary_size * embedding_dim**2 / 2)
    require(needed, f"encoding {task.count:,} x {task.vocabulary_size:,} probabilities")
    svd = lowrank.svd_start(task.pi, task.weight, embedding_dim)
    if task.deterministic and embedding_dim >= min(2, task.vocabulary_size - 1):
        found = [circle(task, embedding_dim)]
    elif embedding_dim >= min(task.count, task.vocabulary_size - 1) and not task.deterministic:
        found = [exact(task, embedding_dim)]
    else:
        # Threads that share small products wait for each other longer than they compute.
        with threadpool_limits(1 if task.pi.size <= DOUBLE else None):
            found = _descend(task, svd, starts, seed)
    reached = [_divergence(task, pair) for pair in found]
    kl = min(reached)
    w, e = found[reached.index(kl)]
    logits = e @ w.T
    bound, rho = lower_bound(task.pi, task.weight, logits, embedding_dim, iterations=0 if kl < 1e-10 else None)
    return Encoder(
        name=task.name,
        embedding_dim=embedding_dim,
        kl=kl,
        kl_svd=_divergence(task, svd),
        lower_bound=bound,
        rho=rho,
        entropy=task.entropy,
        starts=reached,
        seconds=time.perf_counter() - started,
        unembedding=w,
        encoding=e,
        notes=task.notes,
    )


def _divergence(task: Distributions, pair: lowrank.Pair) -> float:
    w, e = pair
    return float(task.weight @ measure.divergences(task.pi, e @ w.T))


def _descend(task: Distributions, svd: lowrank.Pair, starts: int | None, seed: int) -> list[lowrank.Pair]:
    dim = svd[0].shape[1]
    projectable = task.pi.size * dim**2 <= PROJECTABLE
    rng = np.random.default_rng(seed)
    double = task.pi.size <= DOUBLE
    pi = task.pi if double else task.pi.astype(np.float32)
    iterations = ITERATIONS[0] if projectable else int(np.clip(WORK / (task.pi.size * (dim + 20)), *ITERATIONS))
    found = []
    for start in track(range(starts or (STARTS if projectable else 1)), "descend from each start"):
        w, e = svd
        if start:
            w = rng.standard_normal(w.shape)
            e = lowrank.newton(w, np.zeros_like(e), task.pi, steps=5)[0]
        found.append(lowrank.joint((w, e), pi, task.weight, iterations))
    best = int(np.argmin([_divergence(task, pair) for pair in found]))
    w, e = found[best]
    if projectable:
        projections = int(np.clip(WORK / (16 * task.pi.size * (dim**2 + 20)), *ITERATIONS))
        found[best] = lowrank.vary((w, e), task.pi, task.weight, projections)
    else:
        found[best] = w, lowrank.newton(w, e, task.pi, steps=2)[0]
    return found
