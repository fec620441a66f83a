"""What a command will take is said before it is taken, once, and what nobody means is refused at once."""

import contextlib
import io

import numpy as np
import pytest

from attncap import construct, interpolation, papers, progress, tasks, train
from attncap.errors import UnmetError
from attncap.numerics import budget, rows

TASK = tasks.random_associations(10, 2, 20)


class Begun(Exception):
    """The work began."""


def said(work) -> list[str]:
    """Return what is said of time before a piece of work begins."""
    with contextlib.redirect_stderr(io.StringIO()) as told, contextlib.suppress(Begun, UnmetError), progress.shown():
        work()
    return [line for line in told.getvalue().split("\n") if " of one core" in line]


def stop(*_, **__):
    raise Begun


WORKS = {
    "training 2 models": (
        "attncap.train.loop.lanes.train_pack",
        lambda: train.ensemble(TASK, embedding_dim=4, heads=1, seeds=2, steps=10**7),
    ),
    "a search of some 8 numbers, each with 3 models": (
        "attncap.train.loop.lanes.train_pack",
        lambda: train.capacity(50, 2, 32, heads=8, seeds=3, steps=10**5),
    ),
    "a search of some 8 numbers, each with 2 layers": (
        "attncap.train.loop.lanes.train_pack",
        lambda: train.trained_examples_capacity(8, 32, heads=4, seeds=2, steps=10**5),
    ),
    "mahdavi2024": ("attncap.papers.figure.attempt", lambda: papers.reproduce("mahdavi2024", out="made")),
    "60 draws": (
        "attncap.interpolation.simulate.draw",
        lambda: interpolation.error("tanh", ratio=0.1, ridge=np.ones(2)).simulate(4000, 60),
    ),
    "margin mode on 4,000 x 992 features, at most 2,000 evaluations": (
        "attncap.construct.associations.margin_mode.features",
        lambda: construct.margin(tasks.random_associations(100, 2, 4000), 32, heads=30),
    ),
    "training all of random:100,2,4000, at most 4,000 evaluations": (
        "attncap.construct.associations.joint_descent.Tables",
        lambda: construct.joint(tasks.random_associations(100, 2, 4000), 32, heads=30),
    ),
    "solving 6,000 x 6,000": (
        "attncap.construct.associations.attempts.choose_beta",
        lambda: construct.theorem(tasks.random_associations(100, 2, 6000), 8, heads=749),
    ),
}


@pytest.mark.parametrize("what", WORKS)
def test_the_time_is_said_once_before_the_work(monkeypatch, tmp_path, what):
    monkeypatch.chdir(tmp_path)
    begins, work = WORKS[what]
    monkeypatch.setattr(begins, stop)
    (line,) = said(work)
    assert line.startswith(f"attncap: {what}: about ")
    # Nobody waits for it: nothing is said.
    with pytest.raises(Begun):
        work()


def test_an_estimate_is_said_again_only_for_much_more():
    def work():
        for seconds in (5, 100, 90, 150, 250, 100):
            budget.expect(float(seconds), f"{seconds}")

    assert said(work) == [
        "attncap: 100: about 100 seconds of one core",
        "attncap: 250: about 4 minutes of one core",
    ]


@pytest.mark.parametrize(
    "work",
    [
        lambda: train.ensemble(TASK, embedding_dim=512, heads=512, seeds=1, steps=10**8),
        lambda: interpolation.error("tanh", ratio=0.1, ridge=1.0).simulate(20_000, 10**6),
    ],
)
def test_years_are_refused_at_once(work):
    with pytest.raises(UnmetError, match=r"years of one core; choose fewer"):
        work()


def test_rows_differ_though_their_hashes_may_not(monkeypatch):
    rng = np.random.default_rng(0)
    some = rng.integers(3, size=(200, 4))
    for table in (some, np.unique(some, axis=0), some[:1]):
        wanted = len(np.unique(table, axis=0)) == len(table)
        assert rows.all_differ(table) == wanted
    different = np.unique(some, axis=0)

    class Same:
        def integers(self, *_, size, dtype):
            return np.zeros(size, dtype)

    # Hashes that collide decide nothing.
    monkeypatch.setattr(np.random, "default_rng", lambda _: Same())
    assert rows.all_differ(np.concatenate([different * 2]))
    assert not rows.all_differ(np.concatenate([different, different[:1]]))


@pytest.mark.parametrize(("size", "count"), [(3, 2), (40, 30)])
def test_the_rank_of_the_data_counts_edges_however_many(size, count):
    task = tasks.random_associations(size, 3, count, seed=1)
    one_hot = np.zeros((count, size + 3))
    vectors = []
    for sequence in task.sequences:
        for place, token in enumerate(sequence):
            one_hot = np.zeros(size + 3)
            one_hot[[token, size + place]] = 1
            vectors.append(one_hot)
    assert task.data_rank == np.linalg.matrix_rank(np.array(vectors))
