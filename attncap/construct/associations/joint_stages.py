"""The stages of a joint descent: L-BFGS in float32 and float64, Adam's steps before it or with rounding in the loop."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Generic

import numpy as np

from attncap import measure
from attncap.construct.associations.readout import M, Problem
from attncap.construct.associations.rivals import compared
from attncap.models.precision import INT8
from attncap.numerics.adam import Step, adam
from attncap.numerics.budget import Budget
from attncap.numerics.lbfgs import Objective, descend, expect_descent
from attncap.numerics.metric import Metric, learned
from attncap.progress import bar
from attncap.tasks import Associations

# Evaluations between two looks at all rivals, and what they grow by.
ROUND, GROWTH = 60, 1.3
# A round that is so short could go no further.
FEW = 5
PATIENCE, PROGRESS = 300, 0.9
# A rival that is looked up costs as much as so many exponentials.
LOOKED_UP = 4
# Sequences times answers from which L-BFGS, whose one step is for all weights, loses between two looks at all rivals
# what it gains.
MANY = 1 << 26
# float64 goes on where so few of the answers are wrong.
NEAR = 0.02
# Adam's steps, of this rate at first: at most so many, and between two looks at all rivals.
RATE, STEPS, LOOK = 0.03, 1500, 30
# Evaluations that each of the penalties is descended for, and those of them that no metric is learned from.
EACH, SETTLING = 80, 40

# A point, evaluations so far, the smallest margin there, and the metric to go on in.
Reached = tuple[np.ndarray, int, float, Metric | None]


def many(task: Associations) -> bool:
    """Whether sequences times answers are so many that a descent takes Adam's steps first."""
    return task.associations * len(measure.answers_in_use(task)) > MANY


@dataclass(frozen=True)
class Goal:
    """What a descent is to reach, and at what cost.

    Attributes:
        task: what is to be memorized.
        dtype: the type whose recall must be exact.
        certify: whether every answer must be certified.
        evaluations: of the loss and its gradient, at most.
        budget: of time.
    """

    task: Associations
    dtype: str
    certify: bool
    evaluations: int
    budget: Budget | None

    @property
    def late(self) -> bool:
        """Whether no time is left."""
        return bool(self.budget and self.budget.spent)


@dataclass(frozen=True)
class Descended(Generic[M]):
    """What a descent came to, and whether that is what was asked for.

    Attributes:
        model: in float64.
        goal: what was asked for.
        evaluations: of the loss and its gradient.
    """

    model: M
    goal: Goal
    evaluations: int

    @cached_property
    def recall(self) -> measure.Recall:
        """What the model answers with its weights in the type."""
        task, dtype = self.goal.task, self.goal.dtype
        return (
            measure.verify(self.model, task, (dtype,))[dtype]
            if self.goal.certify
            else measure.recall(self.model, task, dtype)
        )

    @property
    def holds(self) -> bool:
        """Whether every answer is right, and certified where that is asked."""
        if self.goal.certify:
            return bool(self.recall.certified)
        return self.recall.correct == self.goal.task.associations


@dataclass
class Watch:
    """Gives a descent up that neither gains an answer nor loses a tenth of its loss in so many evaluations."""

    since: int
    wrong: float = np.inf
    loss: float = np.inf

    def see(self, spent: int, wrong: int, loss: float) -> None:
        """Note where the descent is."""
        if wrong < self.wrong or loss < PROGRESS * self.loss:
            self.since, self.wrong, self.loss = spent, min(wrong, self.wrong), min(loss, self.loss)

    def stalled(self, spent: int) -> bool:
        """Whether nothing was gained for too long."""
        return spent - self.since > PATIENCE


def reach(
    start: M,
    pose: Callable[..., Problem[M]],
    goal: Goal,
    *,
    steps: bool = False,
    penalties: Sequence[float] = (),
) -> Descended[M]:
    """Descend from a first guess until every answer is right in the type, as far as it goes.

    Float32 comes first, and float64 where that ends near the goal. For int8 Adam's steps follow the rounded weights.

    Args:
        start: the first guess.
        pose: makes its problem in a type (``dtype``), with int8 in the loop (``rounding``) or without.
        goal: what to reach.
        steps: whether to begin with Adam's steps, as `many` answers do: from a guess that has answers already, L-BFGS
            moves wide heads too little.
        penalties: of large weights, to begin with: nats for weights of their first size. Logits then grow as answers
            find their places and not before, where attention that saturated moves no more.
    """
    task = goal.task
    answers = compared(task.associations, len(measure.answers_in_use(task)))
    multiplications = start.embedding_dim * (len(start.readout) + answers)
    what = f"training all of {task.name}"
    exponentials = answers if answers == len(measure.answers_in_use(task)) else LOOKED_UP * answers
    expect_descent(task.associations, multiplications, exponentials, what, goal.evaluations, goal.budget)
    return _rounded(pose, goal) if goal.dtype == INT8 else _floating(pose, goal, steps or many(task), penalties)


def _floating(pose: Callable[..., Problem[M]], goal: Goal, steps: bool, penalties: Sequence[float]) -> Descended[M]:
    spent, target = 0, 0.0
    point: np.ndarray | None = None
    metric: Metric | None = None
    for kind in ("float32", "float64"):
        problem = pose(dtype=kind)
        if point is None:
            point = problem.start
            for reached in chain(_stepped(problem, goal) if steps else (), _penalized(problem, goal, penalties)):
                point, spent, margin, metric = reached
                if margin > 0:
                    break
        wrong, size, watch = problem.refresh(point), ROUND, Watch(spent)
        while spent < goal.evaluations and not (watch.stalled(spent) or goal.late):
            # With every answer for a rival no round changes the loss.
            most = goal.evaluations - spent if problem.fixed else min(size, goal.evaluations - spent)
            descent = descend(problem.objective, point, target, most, PATIENCE, goal.budget, metric)
            point, spent, size = descent.point, spent + descent.evaluations, int(GROWTH * size)
            wrong = problem.refresh(point)
            if not wrong:
                found = Descended(problem.finish(point), goal, spent)
                if found.holds:
                    return found
                target = 2 * max(descent.margin, found.recall.needed or 0.0)
            if descent.evaluations <= FEW:
                break
            watch.see(spent, wrong, descent.loss)
        if wrong > NEAR * goal.task.associations:
            break
    assert point is not None
    return Descended(problem.finish(point), goal, spent)


def _stepped(problem: Problem[M], goal: Goal) -> Iterator[Reached]:
    """Yield the points of Adam's steps."""
    return ((step.point, spent, step.margin, None) for spent, step in _steps(problem, goal))


def _penalized(problem: Problem[M], goal: Goal, penalties: Sequence[float]) -> Iterator[Reached]:
    """Yield where descents with ever weaker penalties end, each in the metric that the one before has learned."""
    point, spent = problem.start, 0
    metric: Metric | None = None
    for weight in penalties:
        most = min(EACH, goal.evaluations - spent)
        if most <= 0 or goal.late:
            return
        problem.refresh(point)
        gradients: list[np.ndarray] = []
        objective = recorded(penalized(problem.objective, weight), gradients)
        descent = descend(objective, point, 0.0, most, budget=goal.budget, metric=metric)
        point, spent = descent.point, spent + descent.evaluations
        if len(gradients) > SETTLING:
            metric = learned(np.stack(gradients[SETTLING:]), problem.shapes)
        yield point, spent, descent.margin, metric


def recorded(objective: Objective, gradients: list[np.ndarray]) -> Objective:
    """Return an objective that keeps its gradients, in float32."""

    def with_record(point: np.ndarray) -> tuple[float, np.ndarray, float]:
        found = objective(point)
        gradients.append(found[1].astype(np.float32))
        return found

    return with_record


def penalized(objective: Objective, weight: float) -> Objective:
    r"""Return an objective with $\frac{\lambda}{2P} |x|^2$ beside its loss."""

    def with_penalty(point: np.ndarray) -> tuple[float, np.ndarray, float]:
        loss, gradient, margin = objective(point)
        each = weight / len(point)
        return loss + each / 2 * float(point @ point), gradient + each * point, margin

    return with_penalty


def _rounded(pose: Callable[..., Problem[M]], goal: Goal) -> Descended[M]:
    problem = pose(dtype="float32", rounding=True)
    spent, target, point, watch = 0, 0.0, problem.start, Watch(0)
    for spent, step in _steps(problem, goal):
        point = step.point
        if spent % LOOK and step.margin <= target:
            continue
        wrong = problem.refresh(point)
        if not wrong and step.margin > target:
            found = Descended(problem.finish(point), goal, spent)
            if found.holds:
                return found
            target = 2 * max(step.margin, found.recall.needed or 0.0)
        watch.see(spent, wrong, step.loss)
        if watch.stalled(spent):
            break
    return Descended(problem.finish(point), goal, spent)


def _steps(problem: Problem[M], goal: Goal) -> Iterator[tuple[int, Step]]:
    """Yield Adam's steps and their number, all rivals looked at in between, while there is time."""
    problem.refresh(problem.start)
    most = min(STEPS, goal.evaluations)
    rates = [RATE * (1 - step / most) for step in range(1, most + 1)]
    with bar("steps", most) as advance:
        for spent, step in enumerate(adam(problem.objective, problem.start, rates), 1):
            advance(1)
            yield spent, step
            if goal.late:
                return
            if spent % LOOK == 0:
                problem.refresh(step.point)
