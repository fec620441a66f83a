"""Who memorizes: models, their one forward pass, their weight files."""

from attncap.models.attention_layer import AttentionLayer
from attncap.models.chunks import chunks
from attncap.models.layers import Transformer
from attncap.models.precision import DTYPES, Dtype
from attncap.models.transformer import AttentionOnlyTransformer, attend
from attncap.models.weights import load, save

__all__ = [
    "DTYPES",
    "AttentionLayer",
    "AttentionOnlyTransformer",
    "Dtype",
    "Transformer",
    "attend",
    "chunks",
    "load",
    "save",
]
