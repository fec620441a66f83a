"""GPT-2: norms before the parts, learned positions, matrices stored (in, out), query, key and value in one."""

from attncap.audit.families.family import Family

BLOCK = "h.{l}."
GPT2 = Family(
    name="gpt2",
    types=("gpt2",),
    prefixes=("", "transformer."),
    tensors={
        "token": "wte.weight",
        "position": "wpe.weight",
        "norm1": BLOCK + "ln_1.weight",
        "norm1_bias": BLOCK + "ln_1.bias",
        "fused": BLOCK + "attn.c_attn.weight",
        "fused_bias": BLOCK + "attn.c_attn.bias",
        "output": BLOCK + "attn.c_proj.weight",
        "output_bias": BLOCK + "attn.c_proj.bias",
        "norm2": BLOCK + "ln_2.weight",
        "norm2_bias": BLOCK + "ln_2.bias",
        "up": BLOCK + "mlp.c_fc.weight",
        "up_bias": BLOCK + "mlp.c_fc.bias",
        "down": BLOCK + "mlp.c_proj.weight",
        "down_bias": BLOCK + "mlp.c_proj.bias",
        "last_norm": "ln_f.weight",
        "last_norm_bias": "ln_f.bias",
    },
    keys={
        "dim": ("n_embd",),
        "layers": ("n_layer",),
        "heads": ("n_head",),
        "eps": ("layer_norm_epsilon",),
        "positions": ("n_positions", "n_ctx"),
        "activation": ("activation_function",),
    },
    # The causal mask, which older checkpoints keep among the weights.
    ignored=(r"attn\.(masked_)?bias$",),
    allowed={
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
    },
    outward=False,
    causal=True,
    activation="gelu_new",
)
