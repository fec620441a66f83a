"""Who memorizes: models, their one forward pass, their weight files."""

from attncap.models.attend import attend
from attncap.models.attention_layer import AttentionLayer
from attncap.models.attention_only import AttentionOnlyTransformer
from attncap.models.precision import DTYPES, Dtype
from attncap.models.transformer import Transformer
from attncap.models.weights import FILE, load, save
from attncap.numerics.memory import chunks

__all__ = [
    "DTYPES",
    "FILE",
    "AttentionLayer",
    "AttentionOnlyTransformer",
    "Dtype",
    "Transformer",
    "attend",
    "chunks",
    "load",
    "save",
]
