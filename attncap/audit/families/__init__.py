"""The families of models that can be audited, one file each."""

from attncap.audit.families.bert import BERT
from attncap.audit.families.family import Family, Settings
from attncap.audit.families.gpt2 import GPT2
from attncap.audit.families.llama import GLASSLLM, LLAMA, LLAMA_GGUF, QWEN_GGUF
from attncap.audit.families.vit import DINOV2, VIT

__all__ = ["FAMILIES", "Family", "Settings"]

FAMILIES = (BERT, GPT2, LLAMA, LLAMA_GGUF, QWEN_GGUF, GLASSLLM, VIT, DINOV2)
