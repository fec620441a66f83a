"""Vision transformers: an image cut into patches, a class token before them, norms before the parts."""

from dataclasses import replace

from attncap.audit.families.family import Family

BLOCK = "encoder.layer.{l}."
ATTENTION = {
    "class_token": "embeddings.cls_token",
    "position": "embeddings.position_embeddings",
    "patch": "embeddings.patch_embeddings.projection.weight",
    "patch_bias": "embeddings.patch_embeddings.projection.bias",
    "query": BLOCK + "attention.attention.query.weight",
    "query_bias": BLOCK + "attention.attention.query.bias",
    "key": BLOCK + "attention.attention.key.weight",
    "key_bias": BLOCK + "attention.attention.key.bias",
    "value": BLOCK + "attention.attention.value.weight",
    "value_bias": BLOCK + "attention.attention.value.bias",
    "output": BLOCK + "attention.output.dense.weight",
    "output_bias": BLOCK + "attention.output.dense.bias",
    "last_norm": "layernorm.weight",
    "last_norm_bias": "layernorm.bias",
}
VIT = Family(
    name="vit",
    types=("vit",),
    prefixes=("", "vit."),
    tensors={
        **ATTENTION,
        "norm1": BLOCK + "layernorm_before.weight",
        "norm1_bias": BLOCK + "layernorm_before.bias",
        "norm2": BLOCK + "layernorm_after.weight",
        "norm2_bias": BLOCK + "layernorm_after.bias",
        "up": BLOCK + "intermediate.dense.weight",
        "up_bias": BLOCK + "intermediate.dense.bias",
        "down": BLOCK + "output.dense.weight",
        "down_bias": BLOCK + "output.dense.bias",
    },
    keys={
        "dim": ("hidden_size",),
        "layers": ("num_hidden_layers",),
        "heads": ("num_attention_heads",),
        "eps": ("layer_norm_eps",),
        "activation": ("hidden_act",),
    },
    images=True,
)
# Each part's answer is scaled number by number (LayerScale); other names.
DINOV2 = replace(
    VIT,
    name="dinov2",
    types=("dinov2",),
    prefixes=("", "dinov2.", "backbone."),
    tensors={
        **ATTENTION,
        "norm1": BLOCK + "norm1.weight",
        "norm1_bias": BLOCK + "norm1.bias",
        "scale1": BLOCK + "layer_scale1.lambda1",
        "norm2": BLOCK + "norm2.weight",
        "norm2_bias": BLOCK + "norm2.bias",
        "up": BLOCK + "mlp.fc1.weight",
        "up_bias": BLOCK + "mlp.fc1.bias",
        "down": BLOCK + "mlp.fc2.weight",
        "down_bias": BLOCK + "mlp.fc2.bias",
        "scale2": BLOCK + "layer_scale2.lambda1",
    },
    allowed={"use_swiglu_ffn": (False,)},
)
