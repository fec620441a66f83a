"""Properties that every bound of the catalogue must have, and the published numbers."""

import pytest

from attncap.bounds import value


@pytest.mark.parametrize(
    ("id", "shape", "expected"),
    [
        ("mahdavi2024", {"heads": 20, "context": 32, "head_dim": 32}, 621),
        ("dana2025", {"heads": 20, "head_dim": 10, "embedding_dim": 10, "vocabulary": 50}, 210),
        ("dana2025", {"heads": 8, "head_dim": 64, "embedding_dim": 64, "vocabulary": 2, "context": 12}, 576),
        ("corrected", {"heads": 8, "head_dim": 64, "embedding_dim": 64, "vocabulary": 2, "context": 12}, 98),
        ("corrected", {"heads": 7, "head_dim": 10, "embedding_dim": 10, "vocabulary": 50, "context": 2}, 80),
        ("cover1965", {"parameters": 1}, 2),
    ],
)
def test_published_numbers(id, shape, expected):
    result = value(id, **shape)
    assert result == expected
    assert isinstance(result, int)
