"""Descend a loss by L-BFGS until every answer leads by a margin, or until there is no hope."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize
from jaxtyping import Float

from attncap.numerics.budget import EXPONENTIAL, MULTIPLICATION, Budget, expect
from attncap.numerics.metric import Metric
from attncap.progress import bar

MEMORY = 20
EVALUATIONS = 2000
# A run that loses less than a tenth of its loss in so many evaluations is not about to separate the answers.
PATIENCE = 100
PROGRESS = 0.9

Objective = Callable[[np.ndarray], tuple[float, np.ndarray, float]]


@dataclass(frozen=True)
class Descent:
    """Where a descent ended.

    Attributes:
        point: the parameters.
        loss: at the point, in nats an association.
        margin: the smallest margin at the point, in logits.
        evaluations: of the loss and its gradient.
    """

    point: Float[np.ndarray, " P"]
    loss: float
    margin: float
    evaluations: int


def expect_descent(
    rows: int,
    multiplications: int,
    exponentials: int,
    what: str,
    evaluations: int = EVALUATIONS,
    budget: Budget | None = None,
) -> None:
    """Say how long a descent may take, if that is long; refuse one of years.

    Args:
        rows: of the task.
        multiplications: for one row's loss; its gradient takes twice as many.
        exponentials: for one row.
        what: names it in the message.
        evaluations: at most so many.
        budget: of time.
    """
    seconds = evaluations * rows * (3 * MULTIPLICATION * multiplications + EXPONENTIAL * exponentials)
    expect(min(seconds, budget.left) if budget else seconds, f"{what}, at most {evaluations:,} evaluations")


def descend(
    objective: Objective,
    start: Float[np.ndarray, " P"],
    margin: float = 0.0,
    evaluations: int = EVALUATIONS,
    patience: int = PATIENCE,
    budget: Budget | None = None,
    metric: Metric | None = None,
) -> Descent:
    """Minimize with L-BFGS, stopping as soon as the smallest margin exceeds a target.

    Args:
        objective: returns the loss, its gradient and the smallest margin at a point.
        start: the first point.
        margin: the target, in logits.
        evaluations: at most so many of the objective.
        patience: evaluations without progress before it is given up.
        budget: of time.
        metric: the coordinates to descend in; the point's own by default.

    Returns:
        The last point reached.

    Example:
        >>> found = descend(lambda x: (float(x @ x), 2 * x, float(1 - abs(x).max())), np.array([3.0, 1.0]))
        >>> found.margin > 0
        True
    """
    trace: list[Descent] = []
    best: list[float] = []
    with bar("L-BFGS evaluations", evaluations) as advance:

        def evaluate(inner: np.ndarray) -> tuple[float, np.ndarray]:
            point = metric.outward(inner) if metric else inner
            loss, gradient, smallest = objective(point)
            trace[:] = [Descent(point.copy(), loss, smallest, len(best) + 1)]
            best.append(min(loss, best[-1]) if best else loss)
            advance(1)
            return loss, metric.pulled(gradient) if metric else gradient

        def stop(intermediate_result: scipy.optimize.OptimizeResult) -> None:
            stuck = len(best) > patience and best[-1] > PROGRESS * best[-1 - patience]
            if trace[-1].margin > margin or stuck or (budget and budget.spent):
                raise StopIteration

        first = metric.inward(start) if metric else start
        options: Any = {"maxcor": MEMORY, "maxfun": evaluations, "maxiter": evaluations, "ftol": 0.0, "gtol": 0.0}
        scipy.optimize.minimize(evaluate, first, jac=True, method="L-BFGS-B", callback=stop, options=options)
    return trace[-1]
