"""The types that weights are stored in, and the type a forward pass computes in."""

from typing import Annotated, Literal, get_args

import ml_dtypes
import numpy as np

from attncap.constraints import OneOf, checked

Dtype = Literal["float64", "float32", "bfloat16"]
DTYPES: tuple[Dtype, ...] = get_args(Dtype)
# The same for functions that are given any text.
DtypeName = Annotated[str, OneOf(DTYPES)]
# Beside these, whole numbers times scales (`attncap.models.layout`).
INT8 = "int8"
StoredName = Annotated[str, OneOf((*DTYPES, INT8))]
_NUMPY: dict[str, np.dtype] = {
    "float64": np.dtype(np.float64),
    "float32": np.dtype(np.float32),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    INT8: np.dtype(np.int8),
}


@checked
def storage(dtype: StoredName) -> np.dtype:
    """Return the NumPy type that weights of this name are stored in.

    Raises:
        InputError: an unknown name.

    Example:
        >>> storage("bfloat16").itemsize
        2
    """
    return _NUMPY[dtype]


def computing(dtype: np.dtype) -> np.dtype:
    """Return the type that a forward pass of such weights computes in: float32 for bfloat16 and int8, else the same."""
    return np.dtype(np.float32) if dtype in (_NUMPY["bfloat16"], _NUMPY[INT8]) else dtype
