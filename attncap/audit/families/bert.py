"""BERT and those built like it: norms after the sums, learned positions, every row sees every row."""

from attncap.audit.families.family import Family

BLOCK = "encoder.layer.{l}."
BERT = Family(
    name="bert",
    types=("bert",),
    prefixes=("", "bert."),
    tensors={
        "token": "embeddings.word_embeddings.weight",
        "position": "embeddings.position_embeddings.weight",
        "kinds": "embeddings.token_type_embeddings.weight",
        "first_norm": "embeddings.LayerNorm.weight",
        "first_norm_bias": "embeddings.LayerNorm.bias",
        "query": BLOCK + "attention.self.query.weight",
        "query_bias": BLOCK + "attention.self.query.bias",
        "key": BLOCK + "attention.self.key.weight",
        "key_bias": BLOCK + "attention.self.key.bias",
        "value": BLOCK + "attention.self.value.weight",
        "value_bias": BLOCK + "attention.self.value.bias",
        "output": BLOCK + "attention.output.dense.weight",
        "output_bias": BLOCK + "attention.output.dense.bias",
        "norm1": BLOCK + "attention.output.LayerNorm.weight",
        "norm1_bias": BLOCK + "attention.output.LayerNorm.bias",
        "up": BLOCK + "intermediate.dense.weight",
        "up_bias": BLOCK + "intermediate.dense.bias",
        "down": BLOCK + "output.dense.weight",
        "down_bias": BLOCK + "output.dense.bias",
        "norm2": BLOCK + "output.LayerNorm.weight",
        "norm2_bias": BLOCK + "output.LayerNorm.bias",
    },
    keys={
        "dim": ("hidden_size",),
        "layers": ("num_hidden_layers",),
        "heads": ("num_attention_heads",),
        "eps": ("layer_norm_eps",),
        "positions": ("max_position_embeddings",),
        "activation": ("hidden_act",),
    },
    allowed={"position_embedding_type": ("absolute",), "is_decoder": (False,), "add_cross_attention": (False,)},
    post=True,
)
