"""What a compiled loop takes, before it takes it: memory and time."""

from typing import Any

from attncap.numerics.budget import EXPONENTIAL, MULTIPLICATION
from attncap.train.loop.problem import Problem

# Seconds of one core that a model takes beside its steps; all fitted to the papers' figures.
MODEL = 0.7


def rows(problem: Problem[Any, Any]) -> int:
    """Return the rows of a step's batch."""
    return problem.recipe.batch or problem.rows


def lane_bytes(problem: Problem[Any, Any]) -> int:
    """Estimate the memory of one lane: what is kept of each row for the backward pass, in float32."""
    return int(4 * rows(problem) * problem.work.numbers)


def lane_seconds(problem: Problem[Any, Any], steps: int) -> float:
    """Estimate the seconds that so many steps of one lane take one core."""
    work = problem.work
    row = MULTIPLICATION * work.multiplications + EXPONENTIAL * work.exponentials
    return MODEL + steps * rows(problem) * row
