"""The training loop by itself, on a problem that knows no tokens."""

import ast
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from attncap.errors import InputError, UnmetError
from attncap.train import BEST, PAPER
from attncap.train.loop import lanes as loop
from attncap.train.loop.batches import batches
from attncap.train.loop.cost import lane_bytes, lane_seconds
from attncap.train.loop.problem import Lane, Problem, Report, Work
from attncap.train.loop.recipes import forgetting, rates

BATCHES = replace(PAPER, batch=16, batches=4, steps=100, rate=0.1)
SEGMENT = BEST.segment
WHOLE = replace(BEST, optimizer="adam", rate=0.3, steps=256)


@dataclass(frozen=True, eq=False)
class Cloud(Lane[dict]):
    """Points on both sides of a plane, and which side each is on."""

    x: np.ndarray
    y: np.ndarray
    seed: int
    streamed: bool = False

    @property
    def examples(self):
        return len(self.x)

    def problem(self, recipe):
        return Logistic(recipe, len(self.x), self.x.shape[1], self.streamed)


@dataclass(frozen=True)
class Logistic(Problem[Cloud, dict]):
    recipe: object
    rows: int
    size: int
    streamed: bool

    def start(self, lane):
        return {"w": np.random.default_rng(lane.seed).standard_normal((1, self.size)).astype(np.float32)}

    def data(self, lane):
        return () if self.streamed else (lane.x, lane.y)

    def feed(self, lane):
        rows = super().feed(lane)
        return ((lane.x[chosen], lane.y[chosen]) for chosen in rows) if self.streamed else rows

    def batch(self, data, fed):
        return fed if self.streamed else super().batch(data, fed)

    def loss(self, tensors, batch, forget):
        x, y = batch
        score = y * (x @ tensors["w"][0])
        loss = jnp.logaddexp(0.0, -score).mean()
        return loss, Report(loss, (score > 0).mean(), jnp.all(score > 0))

    def measure(self, lane, tensors, accuracy, steps):
        right = lane.y * (lane.x @ tensors["w"][0]) > 0
        return {"w": tensors["w"], "accuracy": right.mean(), "before": accuracy, "steps": steps}

    @property
    def work(self):
        return Work(3, 2 * self.size, 1)


def cloud(seed, noise=0.0, **options):
    rng = np.random.default_rng([seed, 7])
    x = rng.standard_normal((64, 3)).astype(np.float32)
    y = np.sign(x @ [1.0, -2.0, 0.5] + noise * rng.standard_normal(64)).astype(np.float32)
    return Cloud(x, y, seed, **options)


def by_adam(lane, recipe):
    """Logistic regression by Adam in NumPy; the weights after every step."""
    fed = batches(recipe, 64, lane.seed)
    chosen = np.concatenate(list(islice(fed, 4)))
    w, m, v, way = Logistic(recipe, 64, 3, False).start(lane)["w"][0].astype(np.float64), np.zeros(3), np.zeros(3), []
    for step, rate in enumerate(rates(recipe, recipe.steps), 1):
        way.append(w)
        rows = chosen[step - 1] if recipe.batch else np.arange(64)
        x, y = lane.x[rows], lane.y[rows]
        slope = -(y / (1 + np.exp(y * (x @ w)))) @ x / len(rows)
        m, v = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope**2
        w = w - rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    return [*way, w]


@pytest.mark.parametrize("recipe", [BATCHES, replace(WHOLE, steps=SEGMENT, stop=False)])
def test_another_problem_is_trained_as_numpy_trains_it(recipe):
    lanes = [cloud(seed, noise=1.0) for seed in (3, 0)]
    run = loop.train(lanes, recipe, every=1)
    for k, lane in enumerate(lanes):
        way = by_adam(lane, recipe)
        assert [one.steps for one in run.checkpoints[k]] == sorted({0, SEGMENT, recipe.steps})
        for one in run.checkpoints[k]:
            np.testing.assert_allclose(one.tensors["w"][0], way[one.steps], atol=1e-4)
        np.testing.assert_array_equal(run.models[k]["w"], run.checkpoints[k][-1].tensors["w"])
        assert run.models[k]["steps"] == recipe.steps == len(run.history.loss)
        if not recipe.batch:
            loss = [np.logaddexp(0, -lane.y * (lane.x @ w)).mean() for w in way[:-1]]
            np.testing.assert_allclose(run.history.loss[:, k], loss, atol=1e-4)


def test_a_lane_is_the_same_alone_and_in_company():
    lanes = [cloud(seed, noise=0.1 * seed) for seed in range(7)]
    for recipe in (BATCHES, WHOLE):
        together = loop.train(lanes, recipe)
        assert len(together.models) == 7 == together.history.loss.shape[1]
        for k in (0, 4, 6):
            alone = loop.train([lanes[k]], recipe)
            np.testing.assert_array_equal(alone.models[0]["w"], together.models[k]["w"])
            taken = len(alone.history.loss)
            np.testing.assert_array_equal(alone.history.loss[:, 0], together.history.loss[:taken, k])


def test_a_model_stops_where_all_is_right_and_keeps_what_it_said():
    run = loop.train([cloud(0), cloud(4), cloud(2, noise=3.0)], WHOLE)
    steps = [one["steps"] for one in run.models]
    assert max(steps[:2]) < 256 == steps[2]
    for k in (0, 1):
        assert run.models[k]["accuracy"] == 1
        assert run.history.accuracy[steps[k] - 1, k] < 1
        assert np.all(run.history.accuracy[steps[k] :, k] == 1)
        assert np.all(run.history.loss[steps[k] :, k] == run.history.loss[steps[k], k])
    assert loop.train([cloud(0)], replace(WHOLE, stop=False)).models[0]["steps"] == 256


def test_batches_may_come_as_a_stream():
    kept, streamed = (loop.train([cloud(1, noise=1.0, streamed=on)], BATCHES) for on in (False, True))
    np.testing.assert_allclose(kept.models[0]["w"], streamed.models[0]["w"], rtol=1e-5)
    np.testing.assert_allclose(kept.history.loss, streamed.history.loss, rtol=1e-5)


class Echo(Logistic):
    """Reports how much it may forget."""

    def loss(self, tensors, batch, forget):
        loss, report = super().loss(tensors, batch, forget)
        return loss, report._replace(loss=forget)


def test_every_step_is_told_how_much_to_forget(monkeypatch):
    monkeypatch.setattr(Cloud, "problem", lambda lane, recipe: Echo(recipe, 64, 3, False))
    recipe = replace(BATCHES, forget_from=0.25, forget_to=2.0)
    told = loop.train([cloud(0)], recipe).history.loss[:, 0]
    np.testing.assert_allclose(told, forgetting(recipe, 100), rtol=1e-6)
    assert (told[25], told[-1]) == (0, pytest.approx(2 * 74 / 75))


def test_the_average_of_the_weights_is_what_is_kept_and_changes_no_step():
    recipe = replace(BATCHES, steps=30, segment=1)
    both = [loop.train([cloud(0), cloud(1)], replace(recipe, average=share), every=1) for share in (0.0, 0.8)]
    np.testing.assert_array_equal(*(run.history.loss for run in both))
    for weights, averages in zip(*(run.checkpoints for run in both), strict=True):
        mean = weights[0].tensors["w"]
        for one, other in zip(weights[1:], averages[1:], strict=True):
            mean = 0.8 * mean + 0.2 * one.tensors["w"]
            np.testing.assert_allclose(other.tensors["w"], mean, rtol=1e-5)


def test_steps_of_the_whole_task_keep_the_weights():
    both = [loop.train([cloud(0)], replace(WHOLE, average=share)).models[0] for share in (0.0, 0.9)]
    np.testing.assert_array_equal(*(one["w"] for one in both))
    assert both[1]["accuracy"] == 1


def test_averages_lose_noise_of_batches():
    lanes = [cloud(seed, noise=1.0) for seed in range(20)]
    recipe = replace(BATCHES, steps=400, batches=50, final_rate=BATCHES.rate)

    def loss(recipe):
        ends = zip(lanes, loop.train(lanes, recipe).models, strict=True)
        return np.mean([np.logaddexp(0, -lane.y * (lane.x @ model["w"][0])) for lane, model in ends])

    least = loss(replace(recipe, batch=None))
    assert 0 < loss(replace(recipe, average=0.9)) - least < 0.8 * (loss(recipe) - least)


def test_a_loss_that_is_not_finite_names_its_seed():
    bad = cloud(5)
    bad.x[3] = np.nan
    with pytest.raises(UnmetError, match="the loss of seed 5 is not finite after 0 steps; lower the rate"):
        loop.train([cloud(4), bad], BATCHES)


def test_lanes_of_two_programs_are_refused():
    with pytest.raises(InputError, match="2 different programs among 3 lanes; expected one"):
        loop.train([cloud(0), cloud(1), cloud(2, streamed=True)], BATCHES)


def test_progress_counts_every_step(monkeypatch):
    shown = []

    @contextmanager
    def bar(label, total):
        shown.append([label, total])
        yield shown[-1].append

    monkeypatch.setattr(loop, "bar", bar)
    loop.train([cloud(seed, noise=1.0) for seed in range(2)], BATCHES)
    assert shown == [["train 2 models", 100, 64, 36]]


def test_cost_is_a_row_s_work_times_rows_and_steps():
    whole, part = (cloud(0).problem(recipe) for recipe in (WHOLE, BATCHES))
    assert lane_bytes(whole) == 4 * 64 * 3
    assert lane_bytes(part) == 4 * 16 * 3
    one, two, other = lane_seconds(whole, 1), lane_seconds(whole, 2), lane_seconds(part, 1)
    fixed = 2 * one - two
    assert 0 < other - fixed == pytest.approx((one - fixed) / 4)


def test_the_loop_knows_no_tokens():
    """What it imports of the library, functions' own imports included."""
    allowed = ("attncap.constraints", "attncap.errors", "attncap.files", "attncap.numerics", "attncap.progress")
    found = set()
    for path in Path(loop.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
            elif isinstance(node, ast.Import):
                found |= {one.name for one in node.names}
    inside = {name for name in found if name.startswith("attncap.")}
    strange = {name for name in inside if not name.startswith((*allowed, "attncap.result", "attncap.train.loop"))}
    assert len(inside) > 10
    assert not strange
