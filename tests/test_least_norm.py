"""Least-norm solutions: a factor of half the precision, the answer of a pseudo-inverse of all of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attncap.numerics import least_norm
from attncap.numerics.least_norm import LeastNorm, times


@given(
    rows=st.integers(1, 40),
    spare=st.integers(0, 60),
    decades=st.integers(0, 4),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_solutions_are_those_of_the_pseudoinverse(rows, spare, decades, dtype, seed):
    rng = np.random.default_rng(seed)
    left, _, right = np.linalg.svd(rng.standard_normal((rows, rows + spare)), full_matrices=False)
    matrix = ((left * np.logspace(0, -decades, rows)) @ right).astype(dtype)
    solve, inverse = LeastNorm(matrix), np.linalg.pinv(matrix.astype(np.float64))
    for _ in range(2):
        targets = rng.standard_normal((rows, 3))
        found, expected = solve(targets), inverse @ targets
        np.testing.assert_allclose(found, expected, atol=1e-7 * np.abs(expected).max())
        np.testing.assert_allclose(matrix @ found, targets, atol=1e-8 * np.abs(targets).max())


def test_few_spare_columns_need_no_gram_matrix(monkeypatch):
    monkeypatch.setattr(least_norm, "gram_factor", lambda *_: pytest.fail("a Gram matrix was factored"))
    matrix = np.random.default_rng(0).standard_normal((60, 70)).astype(np.float32)
    solve = LeastNorm(matrix)
    np.testing.assert_allclose(times(matrix, solve(np.eye(60))), np.eye(60), atol=1e-8)


@pytest.mark.parametrize("spare", [0, 5])
def test_rows_that_depend_on_each_other_are_solved_nearly(spare):
    """The last columns are singular; so is everything that is factored without a ridge."""
    matrix = np.random.default_rng(0).standard_normal((30, 30 + spare))
    matrix[7] = matrix[3] - matrix[4]
    reach = np.random.default_rng(1).standard_normal((30 + spare, 2))
    targets = matrix @ reach
    expected = np.linalg.pinv(matrix) @ targets
    np.testing.assert_allclose(LeastNorm(matrix)(targets), expected, atol=1e-5)


def test_what_is_between_float32_and_float64_is_kept():
    matrix = np.random.default_rng(0).standard_normal((300, 5)).astype(np.float32)
    vectors = np.random.default_rng(1).standard_normal((5, 2))
    assert times(matrix, vectors).dtype == np.float64
    np.testing.assert_allclose(times(matrix, vectors), matrix.astype(np.float64) @ vectors, rtol=1e-13)
