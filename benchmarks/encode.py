"""Encoders: divergence and time on the reference tasks; weights: excess over the encoder."""

import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.special import softmax

from attncap import construct, tasks
from attncap.construct import Encoder
from attncap.construct.distributions import lowrank
from benchmarks.machine import describe


def main() -> None:
    table = Table("task", "d", "KL found", "KL of the SVD", "lower bound", "wall s", "CPU s", title=describe())
    small = tasks.distributions(dirichlet())
    best = measured(table, "N=50, T=2,500, Dirichlet(1)", small, lambda: construct.encode(small, 10))
    five = measured(table, "the same, 5 starts", small, lambda: construct.encode(small, 10, starts=5, seed=1))
    measured(table, "the same, d = N - 1", small, lambda: construct.encode(small, 49))
    large = tasks.distributions(teacher())
    measured(table, "N=1,000, T=10,000, rank-128 teacher", large, lambda: construct.encode(large, 64))
    console = Console()
    console.print(table)
    console.print(f"default less the best of five starts: {best.kl - five.kl:.1e} nats")
    console.print(f"alternating Newton steps for as long as one start: {alternating(small):.6f} nats\n")
    weights(console)


def dirichlet(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(50), 2500)


def teacher(seed: int = 0) -> np.ndarray:
    """Softmax of Gaussian logits of rank 128 and standard deviation 2.05: truncating their SVD leaves .68 nats."""
    rng = np.random.default_rng(seed)
    return softmax(2.05 / np.sqrt(128) * rng.standard_normal((10_000, 128)) @ rng.standard_normal((128, 1000)), axis=1)


def measured(table: Table, name: str, task: tasks.Distributions, run: Callable[[], Encoder]) -> Encoder:
    wall, cpu = time.perf_counter(), time.process_time()
    found = run()
    spent = (time.perf_counter() - wall, time.process_time() - cpu)
    numbers = (f"{found.kl:.6g}", f"{found.kl_svd:.6g}", f"{found.lower_bound:.6g}", *(f"{s:.1f}" for s in spent))
    table.add_row(name, str(found.embedding_dim), *numbers)
    return found


def alternating(task: tasks.Distributions) -> float:
    """Newton in E and in W by turns: the textbook alternative, for the time that one start of `encode` takes."""
    started = time.perf_counter()
    construct.encode(task, 10, starts=1)
    budget = time.perf_counter() - started
    w, e = lowrank.svd_start(task.pi, task.weight, 10)
    started, lipschitz = time.perf_counter(), 0.5
    while time.perf_counter() - started < budget:
        e, predicted = lowrank.newton(w, e, task.pi, steps=1)
        # Half the identity majorizes the softmax's Hessian.
        gradient = ((predicted - task.pi) * task.weight[:, None]).T @ e
        w = w - np.linalg.solve(lipschitz * (e.T * task.weight) @ e, gradient.T).T
    from attncap import measure

    return float(task.weight @ measure.divergences(task.pi, e @ w.T))


def weights(console: Console) -> None:
    table = Table(
        "heads", "stored", "excess float64", "excess float32", "quadratic bound", "Theorem 1's bound", "CPU s"
    )
    sequences = np.stack(np.unravel_index(np.random.default_rng(1).permutation(2500), (50, 50)), axis=1)
    task = tasks.distributions(dirichlet(), 1 / np.arange(1, 2501), sequences)
    for heads, stored in ((249, None), (300, None), (240, None), (240, 1205), (200, None), (200, 0)):
        cpu = time.process_time()
        fit = construct.distribution(task, 10, heads=heads, stored=stored, starts=1)
        excess = (f"{fit.excess[dtype]:.2g}" for dtype in ("float64", "float32"))
        limits = (f"{fit.bounds[name]:.2g}" for name in ("quadratic", "paper"))
        table.add_row(str(heads), f"{fit.stored:,}", *excess, *limits, f"{time.process_time() - cpu:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
