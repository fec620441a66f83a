"""Who memorizes: models, their one forward pass, their weight files."""

from attncap.models.attention import attend
from attncap.models.attention_layer import AttentionLayer
from attncap.models.attention_only import AttentionOnlyTransformer
from attncap.models.embedded_attention import EmbeddedAttention
from attncap.models.kinds import load, save
from attncap.models.model import Model
from attncap.models.perceptron import ACTIVATIONS, ActivationName, Perceptron
from attncap.models.precision import DTYPES, Dtype
from attncap.models.token_model import TokenModel
from attncap.models.transformer import Transformer
from attncap.models.weights import FILE
from attncap.numerics.memory import chunks

__all__ = [
    "ACTIVATIONS",
    "DTYPES",
    "FILE",
    "ActivationName",
    "AttentionLayer",
    "AttentionOnlyTransformer",
    "Dtype",
    "EmbeddedAttention",
    "Model",
    "Perceptron",
    "TokenModel",
    "Transformer",
    "attend",
    "chunks",
    "load",
    "save",
]
