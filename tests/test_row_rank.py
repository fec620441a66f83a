"""Ranks of subsets: the decisions of numpy.linalg.matrix_rank, near-singular subsets built on purpose included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attncap.numerics import row_rank
from attncap.numerics.row_rank import Rows


def numpys(vectors, subsets):
    return np.array([np.linalg.matrix_rank(vectors[subset]) == len(subset) for subset in subsets])


def subsets_of(count, size, many, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([rng.choice(count, size, replace=False) for _ in range(many)])


def near_singular(size, dim, ratio, dtype, rng):
    """Rows whose smallest singular value is so many tolerances of the type."""
    left, right = np.linalg.qr(rng.standard_normal((size, size)))[0], np.linalg.qr(rng.standard_normal((dim, size)))[0]
    values = np.geomspace(1, 0.1, size)
    values[-1] = ratio * max(size, dim) * np.finfo(dtype).eps
    return (left * values @ right.T).astype(dtype)


def case(name, count, dim, dtype, rng):
    drawn = rng.standard_normal((count, dim))
    decaying = drawn * np.geomspace(1, 1e-3, dim)
    by_name = {
        "gaussian": drawn,
        "common mean": decaying + 10 * rng.standard_normal(dim),
        "centred": decaying - decaying.mean(axis=0),
        "rank just there": drawn[:, :12] @ rng.standard_normal((12, dim)) + 1e-5 * drawn,
        "low rank": drawn[:, :5] @ rng.standard_normal((5, dim)),
        "single precision's noise": decaying.astype(np.float32),
        "steep": drawn * np.geomspace(1, 1e-9, dim),
        "zero": np.zeros((count, dim)),
        "tiny": 1e-30 * drawn,
    }
    return by_name[name].astype(dtype)


NAMES = (
    "gaussian",
    "common mean",
    "centred",
    "rank just there",
    "low rank",
    "single precision's noise",
    "steep",
    "zero",
    "tiny",
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_decisions_are_numpys(name, dtype):
    rng = np.random.default_rng(3)
    vectors = case(name, 60, 40, dtype, rng)
    for size in (1, 2, 12, 13, 40):
        subsets = subsets_of(60, size, 40)
        np.testing.assert_array_equal(Rows(vectors).full(subsets).full, numpys(vectors, subsets))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_subsets_around_the_tolerance_are_decided_as_numpy_does(dtype):
    rng = np.random.default_rng(0)
    size, dim = 24, 48
    ratios = [*np.geomspace(0.01, 100, 21), *np.linspace(0.9, 1.1, 41), *(1 + 1e-3 * np.arange(-5, 6))]
    vectors = np.concatenate([near_singular(size, dim, ratio, dtype, rng) for ratio in ratios])
    subsets = np.arange(len(vectors)).reshape(-1, size)
    found = Rows(vectors).full(subsets)
    np.testing.assert_array_equal(found.full, numpys(vectors, subsets))
    assert 0 < found.full.sum() < len(subsets)
    # What lies at the tolerance, NumPy itself decides.
    assert found.decided["matrix_rank"] >= 5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ratio", [0.2, 0.6, 1.5, 2.5, 6.0])
def test_bounds_shared_by_all_rows_prove_nothing_that_is_not_so(ratio, dtype):
    rng = np.random.default_rng(1)
    block = near_singular(24, 48, ratio, dtype, rng)
    own = np.arange(24)[None]
    np.testing.assert_array_equal(Rows(block).full(own).full, [ratio > 1])
    # More rows along the weakest direction raise what all rows have there, not what the subset has.
    weakest = np.linalg.svd(block.astype(np.float64))[2][23]
    more = np.concatenate([block, (40 * 48 * np.finfo(dtype).eps * weakest)[None].astype(dtype)])
    np.testing.assert_array_equal(Rows(more).full(own).full, [ratio > 1])


def test_hardly_any_subset_of_real_size_needs_numpy():
    rng = np.random.default_rng(0)
    vectors = case("common mean", 500, 192, np.float32, rng)
    subsets = subsets_of(500, 49, 300)
    found = Rows(vectors).full(subsets)
    assert found.decided == {"Cholesky": 300}
    np.testing.assert_array_equal(found.full[:30], numpys(vectors, subsets[:30]))
    low = case("low rank", 500, 192, np.float32, rng)
    assert "matrix_rank" not in Rows(low).full(subsets).decided


def test_the_whitened_proof_decides_what_a_gram_matrix_cannot():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((80, 40)) * np.geomspace(1, 1e-9, 40)
    subsets = subsets_of(80, 36, 60)
    found = Rows(vectors).full(subsets)
    assert found.decided.get("whitened", 0) > 0
    np.testing.assert_array_equal(found.full, numpys(vectors, subsets))


def test_lapack_errs_by_less_than_the_allowance():
    rng = np.random.default_rng(0)
    for size, dim in ((4, 8), (24, 48), (100, 100), (50, 384)):
        drawn = (rng.standard_normal((size, dim)) * np.geomspace(1, 1e-6, dim) + 1).astype(np.float32)
        single, double = (np.linalg.svd(drawn.astype(kind), compute_uv=False) for kind in (np.float32, np.float64))
        error = np.abs(single - double).max() / double[0] / np.finfo(np.float32).eps
        assert error < row_rank.ALLOWANCE / 4


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(2, 9), st.sampled_from([np.float32, np.float64]))
def test_small_matrices_of_small_integers(seed, count, dim, dtype):
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-1, 2, (count, dim)).astype(dtype)
    size = int(rng.integers(1, count + 1))
    subsets = subsets_of(count, size, 10, seed)
    np.testing.assert_array_equal(Rows(vectors).full(subsets).full, numpys(vectors, subsets))


def test_half_precision_is_read_as_single_precision():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((20, 8)).astype(np.float16)
    assert Rows(vectors).vectors.dtype == np.float32


def test_the_number_of_threads_changes_nothing():
    vectors = case("rank just there", 60, 40, np.float32, np.random.default_rng(1))
    subsets = subsets_of(60, 14, 200)
    one, two = (Rows(vectors).full(subsets, workers=workers) for workers in (1, 3))
    np.testing.assert_array_equal(one.full, two.full)
