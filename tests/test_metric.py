"""Coordinates learned from gradients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncap import tasks
from attncap.construct.associations.joint_mode import EVALUATIONS, reached
from attncap.construct.associations.joint_stages import Goal
from attncap.numerics.lbfgs import descend
from attncap.numerics.metric import EVENED, LONGEST, MOST, learned

SHAPES = [(3, 4), (2, 3, 3), (2, 1, 5), (1, 2)]
SIZE = sum(int(np.prod(shape)) for shape in SHAPES)


def drawn(seed: int, count: int = 30, spread: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, SIZE)) * np.exp(spread * rng.standard_normal(SIZE))


@given(st.integers(0, 2**32 - 1), st.floats(0, 3))
def test_inward_undoes_outward_and_pulled_is_its_adjoint(seed, spread):
    metric = learned(drawn(seed, spread=spread), SHAPES)
    point, gradient = drawn(seed + 1, count=2)
    assert np.allclose(metric.inward(metric.outward(point)), point, rtol=1e-9)
    assert np.isclose(metric.pulled(gradient) @ point, gradient @ metric.outward(point), rtol=1e-9, atol=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_gradients_are_evened_out(seed):
    gradients = drawn(seed)
    metric = learned(gradients, SHAPES)
    for one in metric.tensors:
        own = one.turned(gradients[:, one.place].reshape(-1, *one.stretch.shape))
        before = np.sqrt((own**2).mean(axis=0))
        after = before * one.stretch
        within = (one.stretch > 1.001 / MOST) & (one.stretch < 0.999 * MOST)
        slopes = np.log(after[within]) - (1 - EVENED) * np.log(before[within])
        assert np.ptp(slopes) < 1e-9 if within.any() else True


def test_the_bases_are_those_of_the_gradients():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    sizes = np.array([1000.0, 100.0, 10.0, 1.0])
    gradients = np.stack([basis @ (sizes[:, None] * rng.standard_normal((4, 6))) for _ in range(2000)])
    (one,) = learned(gradients.reshape(len(gradients), -1), [(4, 6)]).tensors
    # Eigenvalues ascend.
    assert np.allclose(abs(one.left[0].T @ basis[:, ::-1]), np.eye(4), atol=0.02)


def test_what_has_no_gradient_stays_finite():
    gradients = drawn(0)
    gradients[:, :5] = 0
    for found in (learned(gradients, SHAPES), learned(np.zeros_like(gradients), SHAPES)):
        assert np.isfinite(found.outward(np.ones(SIZE))).all()


def test_long_sides_keep_their_axis():
    (one,) = learned(np.ones((2, 2 * (LONGEST + 1))), [(LONGEST + 1, 2)]).tensors
    assert one.left is None
    assert one.right.shape == (1, 2, 2)


@pytest.mark.parametrize("seed", range(3))
def test_a_descent_in_its_own_metric_takes_fewer_evaluations(seed):
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    sizes = 10.0 ** np.linspace(0, 6, 8)

    def objective(point):
        residual = rotation.T @ point.reshape(8, 8)
        gradient = (rotation @ (sizes[:, None] * residual)).ravel()
        return float(sizes @ (residual**2).sum(axis=1)) / 2, gradient, 1e-6 - float(abs(residual).max())

    start = rng.standard_normal(64)
    gradients = [objective(rng.standard_normal(64))[1] for _ in range(200)]
    plain = descend(objective, start)
    within = descend(objective, start, metric=learned(np.array(gradients), [(8, 8)]))
    assert within.margin > 0
    assert plain.margin > 0
    assert 2 * within.evaluations < plain.evaluations


@pytest.mark.parametrize("seed", range(2))
def test_a_joint_descent_near_what_a_shape_holds_learns_its_metric(seed):
    # 979 and 1,299 evaluations without.
    goal = Goal(tasks.random_associations(50, 2, 800, seed), "float32", False, EVALUATIONS, None)
    found = reached(goal, 10, 10, 4, 10, seed)
    assert found.holds
    assert found.evaluations < 900
