"""Optimizers for the exact loss: what each memorizes in the steps of recipe "best", and full-batch L-BFGS."""

import time
from dataclasses import replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from rich.console import Console
from rich.table import Table
from scipy.optimize import minimize

from attncap import measure, tasks
from attncap.train import BEST, Architecture, Recipe
from attncap.train.associations.architecture import initial, model
from attncap.train.associations.problem import Lane
from attncap.train.loop.lanes import train
from benchmarks.machine import describe

N, D, SEEDS, EVALUATIONS = 50, 10, 5, 2048
HEADS = (11, 21)
# (optimizer, rate, forgetting from, initialization)
ROWS: tuple[tuple[str, float, float, Literal["paper", "normal"]], ...] = (
    ("adam", 0.02, 1.0, "paper"),
    ("adam", 0.02, 0.5, "paper"),
    ("nadam", 0.02, 0.5, "paper"),
    ("adan", 0.02, 0.5, "paper"),
    ("lion", 0.001, 0.5, "paper"),
    ("muon", 0.01, 0.5, "paper"),
    ("soap", 0.01, 1.0, "paper"),
    ("soap", 0.01, 0.5, "paper"),
    ("soap", 0.01, 0.5, "normal"),
    ("soap", 0.01, 0.0, "paper"),
)


def by_lbfgs(lane: Lane, recipe: Recipe) -> tuple[float, float]:
    """Descend the cross-entropy of the whole task by L-BFGS; return accuracy and bits per parameter."""
    problem = replace(lane.problem(recipe), shape=lane.shape)
    data = problem.data(lane)
    flat, unravel = ravel_pytree(initial(recipe, lane.shape, np.random.default_rng(lane.seed)))
    loss = jax.jit(jax.value_and_grad(lambda x: problem.loss(unravel(x), data, jnp.zeros(()))[0]))

    def evaluate(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = loss(point.astype(np.float32))
        return float(value), np.asarray(gradient, dtype=np.float64)

    options: Any = {"maxfun": EVALUATIONS, "maxiter": EVALUATIONS, "maxcor": 20, "ftol": 0.0, "gtol": 0.0}
    found = minimize(evaluate, np.asarray(flat, dtype=np.float64), jac=True, method="L-BFGS-B", options=options)
    final = model(recipe, lane.shape, jax.tree.map(np.asarray, unravel(jnp.asarray(found.x, dtype=jnp.float32))))
    return measure.recall(final, lane.task).accuracy, measure.bits(final, lane.task) / flat.size


def main() -> None:
    """Print the table."""
    title = f"N = {N}, d = {D}, all {N * N} sequences, mean of {SEEDS} seeds, {EVALUATIONS} steps, on {describe()}"
    columns = [name for heads in HEADS for name in (f"H = {heads}: accuracy", "bits per parameter", "s")]
    table = Table("optimizer", "rate", "weights", "forgets from", *columns, title=title)
    task = tasks.random_associations(N, 2, N * N, seed=0)

    def lanes(heads: int) -> list[Lane]:
        return [Lane(task, Architecture(N, 2, D, D, heads), seed) for seed in range(SEEDS)]

    for optimizer, rate, forget, start in ROWS:
        recipe = replace(
            BEST, optimizer=optimizer, rate=rate, forget_from=forget, initialization=start, steps=EVALUATIONS
        )
        cells = []
        for heads in HEADS:
            run = train(lanes(heads), recipe)
            accuracy, rated = (
                np.mean([getattr(one, x) for one in run.models]) for x in ("recall", "bits_per_parameter")
            )
            cells += [f"{accuracy:.3f}", f"{rated:.3f}", f"{run.seconds_train:.0f}"]
        table.add_row(optimizer, f"{rate:g}", start, "never" if forget == 1 else f"{forget:g}", *cells)
    cells = []
    for heads in HEADS:
        started = time.perf_counter()
        accuracy, rated = np.mean([by_lbfgs(lane, BEST) for lane in lanes(heads)], axis=0)
        cells += [f"{accuracy:.3f}", f"{rated:.3f}", f"{time.perf_counter() - started:.0f}"]
    table.add_row("L-BFGS", "", BEST.initialization, "never", *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
