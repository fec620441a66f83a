"""Optimizers for the exact loss: what each memorizes in the steps of recipe "best", and full-batch L-BFGS."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

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
HEADS = (11, 16, 21)
# How each row differs from recipe "best".
ROWS: tuple[dict[str, Any], ...] = (
    {"optimizer": "adam", "rate": 0.02, "forget_from": 1.0},
    {"optimizer": "adam", "rate": 0.02},
    {"optimizer": "nadam", "rate": 0.02},
    {"optimizer": "adan", "rate": 0.02},
    {"optimizer": "lion", "rate": 0.001},
    {"optimizer": "muon", "rate": 0.01},
    {"forget_from": 1.0},
    {},
    {"initialization": "normal"},
    {"forget_from": 0.0},
    {"forget_from": 0.3},
    {"forget_to": 2.0},
    {"forget_to": 3.0},
    {"rate": 0.005},
    {"rate": 0.02},
    {"rate": 0.03},
    {"rate": 0.02, "forget_to": 2.0},
    {"rate": 0.02, "optimizer": "soap-4"},
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


def cells(found: Sequence[tuple[float, float]], seconds: float) -> list[str]:
    """Return the cells of one row and shape: medians of accuracy and bits per parameter over the seeds."""
    accuracy, rated = np.median(found, axis=0)
    return [f"{accuracy:.3f}", f"{rated:.3f}", f"{seconds:.0f}"]


def main() -> None:
    """Print the table."""
    title = f"N = {N}, d = {D}, all {N * N} sequences, median of {SEEDS} seeds, {EVALUATIONS} steps, on {describe()}"
    columns = [name for heads in HEADS for name in (f"H = {heads}: accuracy", "bits per parameter", "s")]
    table = Table("optimizer", "rate", "weights", "forgets from", "to", *columns, title=title)
    task = tasks.random_associations(N, 2, N * N, seed=0)

    def lanes(heads: int) -> list[Lane]:
        return [Lane(task, Architecture(N, 2, D, D, heads), seed) for seed in range(SEEDS)]

    for changes in ROWS:
        recipe = replace(BEST, steps=EVALUATIONS, **changes)
        never = recipe.forget_from == 1
        row = [recipe.optimizer, f"{recipe.rate:g}", recipe.initialization]
        row += ["never", ""] if never else [f"{recipe.forget_from:g}", f"{recipe.forget_to:g}"]
        for heads in HEADS:
            run = train(lanes(heads), recipe)
            row += cells([(one.recall, one.bits_per_parameter) for one in run.models], run.seconds_train)
        table.add_row(*row)
    row = ["L-BFGS", "", BEST.initialization, "never", ""]
    for heads in HEADS:
        started = time.perf_counter()
        found = [by_lbfgs(lane, BEST) for lane in lanes(heads)]
        row += cells(found, time.perf_counter() - started)
    table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
