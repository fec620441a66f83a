"""Perceptrons that memorize: random gated units and a readout, or the whole layer descended."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

import numpy as np

from attncap import measure
from attncap.constraints import Count, Seed, checked
from attncap.construct.associations.joint_mode import fewest, pointed_at
from attncap.construct.associations.joint_stages import Descended, Goal, reach
from attncap.construct.associations.linear_system import column_scale
from attncap.construct.associations.margin_mode import until_certified
from attncap.construct.associations.readout import Problem, answers_of
from attncap.construct.given import Embeddings
from attncap.construct.perceptrons.descent import whole
from attncap.construct.perceptrons.units import draw
from attncap.construct.readouts import free_readout, given_readout, require_readout
from attncap.errors import InputError
from attncap.fits.fit import Fit, NotMemorized, shortfall, summarize
from attncap.models import ActivationName, Perceptron
from attncap.models.precision import INT8, StoredName
from attncap.numerics.budget import Budget
from attncap.numerics.linear import minimum_norm
from attncap.numerics.memory import require
from attncap.tasks import Associations

Readout = Literal["theorem", "margin", "joint"]
READOUTS: tuple[Readout, ...] = get_args(Readout)
# Random units of a gate that is no polynomial are independent; bilinear ones descend faster and further.
ACTIVATION: dict[Readout, ActivationName] = {"theorem": "gelu", "margin": "gelu", "joint": "identity"}
# Bits that a fitted number holds where the number of units is free: where to begin.
BITS = {"margin": 1.2, "joint": 2.0}


def count(embedding_dim: int, context: int, units: int, activation: ActivationName) -> int:
    r"""Return how many associations random units interpolate: their rank.

    $w$ units of a gate that is no polynomial; of bilinear ones no more than $\frac12 S d (S d + 1)$ are independent.

    Example:
        >>> count(4, 1, 30, "gelu"), count(4, 1, 30, "identity")
        (30, 10)
    """
    inputs = context * embedding_dim
    return units if activation == "gelu" else min(units, inputs * (inputs + 1) // 2)


@checked
def perceptron(
    task: Associations,
    embedding_dim: Count = 64,
    units: Count | None = None,
    *,
    method: Readout = "margin",
    activation: ActivationName | None = None,
    embeddings: Embeddings | None = None,
    dtype: StoredName = "float32",
    seed: Seed = 0,
    evaluations: Count = 4000,
    budget: Budget | None = None,
) -> Fit:
    r"""Memorize a task with one layer of gated units, the peer of attention.

    $$\ell(t) = W_U V \phi(t), \qquad \phi_j(t) = \sigma(g_j \cdot x_t)\, u_j \cdot x_t$$

    with $x_t$ the embeddings of the sequence side by side, $V$ the output vectors. By method:

    * theorem: $g, u$ drawn, $V$ by least squares on directions of the answers. As many units as associations
      interpolate every task (docs/perceptron.md has the proof); fewer may recall it: only the largest logit counts.
    * margin: $g, u$ drawn, $V$ and $W_U$ descend the logistic loss (L-BFGS); with given embeddings $V$ alone, a convex
      problem.
    * joint: everything descends; with given embeddings the layer.

    Args:
        task: what to memorize.
        embedding_dim: $d$, at least 2.
        units: $w$; by default the smallest number that a bracketing search finds (within an eighth).
        method: theorem, margin or joint.
        activation: $\sigma$: "gelu", or "identity" (bilinear units); the latter by default for joint alone.
        embeddings: given ones; drawn, or with joint learned, by default.
        dtype: the type whose recall must be exact; int8 is method joint's.
        seed: of every random draw.
        evaluations: of the loss of joint and its gradient, at most.
        budget: of time; a descent of joint that exhausts it stops.

    Returns:
        The verified fit. No perceptron is certified: its recall is measured.

    Raises:
        InputError: a shape that no model has.
        NotMemorized: an answer was not reached.
        UnmetError: not enough memory.

    Example:
        >>> from attncap.tasks import random_associations
        >>> task = random_associations(20, 2, 60)
        >>> fit = perceptron(task, embedding_dim=4, units=6, method="joint")
        >>> fit.shape.parameters, fit.recall["float32"].accuracy
        (272, 1.0)
        >>> perceptron(task, embedding_dim=4, units=60, method="theorem").recall["float32"].accuracy
        1.0

    Source: the units and the least-squares readout from "MLPs are Hebbians" (arXiv 2607.10034); the rest is this
    project's.
    """
    fit = attempted(
        task,
        embedding_dim,
        units,
        method=method,
        activation=activation,
        embeddings=embeddings,
        dtype=dtype,
        seed=seed,
        evaluations=evaluations,
        budget=budget,
    )
    if fit.recall[dtype].correct < task.associations:
        raise NotMemorized(shortfall(fit.recall[dtype], task, dtype, fit.shape.width, fit.shape.part))
    return fit


def attempted(
    task: Associations,
    embedding_dim: int,
    units: int | None,
    *,
    method: Readout,
    dtype: str,
    seed: int,
    activation: ActivationName | None = None,
    embeddings: Embeddings | None = None,
    evaluations: int = 4000,
    budget: Budget | None = None,
) -> Fit:
    """Return what `perceptron` comes to, whether it recalls the task or not."""
    started = time.perf_counter()
    if embedding_dim < 2:
        raise InputError("embedding_dim", "at least 2", embedding_dim)
    if dtype == INT8 and method != "joint":
        raise InputError("dtype", f"a floating-point type with method {method}, which rounds no weights", dtype)
    if embeddings is not None:
        embeddings.check(task, embedding_dim)
    chosen = activation or ACTIVATION[method]
    plan = Plan(task, embedding_dim, method, chosen, embeddings, dtype, seed, evaluations, budget)
    found, bracket = (plan.attempt(units), None) if units else fewest(plan.expected, plan.enough, plan.attempt)
    details = {"activation": chosen, "evaluations": found.evaluations, "embeddings": "given" if embeddings else "found"}
    held = count(embedding_dim, task.context, found.model.units, chosen)
    return summarize(
        found.model,
        task,
        dtype,
        method=method,
        capacity={"theorem": held, "rank": held},
        seed=seed,
        details=details if bracket is None else {**details, "units_bracket": list(bracket)},
        seconds=time.perf_counter() - started,
        given=embeddings is not None,
    )


@dataclass(frozen=True)
class Plan:
    """What is asked of a perceptron but its number of units."""

    task: Associations
    embedding_dim: int
    method: Readout
    activation: ActivationName
    embeddings: Embeddings | None
    dtype: str
    seed: int
    evaluations: int
    budget: Budget | None

    @property
    def expected(self) -> int:
        """Units that are about enough."""
        task, dim = self.task, self.embedding_dim
        if self.method == "theorem":
            return max(1, task.associations // 2)
        fitted = dim if self.method == "margin" else dim * (2 * task.context + 1)
        outside = 0
        if self.embeddings is None:
            rows = len(measure.answers_in_use(task))
            outside = dim * (rows if self.method == "margin" else rows + len(np.unique(task.sequences)))
        return max(1, math.ceil((task.bits / BITS[self.method] - outside) / fitted))

    @property
    def enough(self) -> int:
        """Units beyond which more add nothing: as many as associations interpolate."""
        return self.task.associations + 1

    def attempt(self, units: int) -> Descended[Perceptron]:
        """Return what so many units come to."""
        model = draw(self.task, self.embedding_dim, units, self.activation, self.seed, self.embeddings)
        how: dict[Readout, Callable[[Perceptron], Descended[Perceptron]]]
        how = {"theorem": self._least_squares, "margin": self._logistic, "joint": self._whole}
        return how[self.method](model)

    @property
    def goal(self) -> Goal:
        """Every answer right; no perceptron is certified."""
        return Goal(self.task, self.dtype, False, self.evaluations, self.budget)

    def _least_squares(self, model: Perceptron) -> Descended[Perceptron]:
        rows, units = self.task.associations, model.units
        require(8.0 * rows * (4 * units + rows) + 5e8, f"solving {rows:,} x {units:,}")
        matrix = model.features(self.task.sequences)
        scale = column_scale(matrix)
        solved = minimum_norm(matrix * scale, model.unembedding[self.task.answers])
        return Descended(model.with_readout(scale[:, None] * solved), self.goal, 0)

    def _logistic(self, model: Perceptron) -> Descended[Perceptron]:
        found = until_certified(self._readout(model), self.task, self.dtype)
        return Descended(found.model, self.goal, found.evaluations)

    def _readout(self, model: Perceptron) -> Problem[Perceptron]:
        if self.embeddings is not None:
            return given_readout(model, self.task)
        require_readout(model, self.task)
        phi = model.astype("float32").features(self.task.sequences)
        return free_readout(model, self.task, phi, lambda model, readout, _: model.with_readout(readout))

    def _whole(self, model: Perceptron) -> Descended[Perceptron]:
        task, given = self.task, self.embeddings is not None
        rng = np.random.default_rng([self.seed, 1])
        start = replace(model, down=rng.standard_normal(model.down.shape) / np.sqrt(model.units))
        if given:
            used, answers = np.arange(task.vocabulary_size), task.answers
        else:
            start = replace(start, unembedding=pointed_at(start, task))
            used, answers = answers_of(task)
        return reach(start, partial(whole, start, task, used, answers, given=given), self.goal)
