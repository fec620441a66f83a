"""Llama and those built like it (SmolLM, Mistral, Qwen): rms norms, rotary positions, gated perceptrons."""

from dataclasses import replace

from attncap.audit.families.family import Family

BLOCK = "layers.{l}."
LLAMA = Family(
    name="llama",
    types=("llama", "mistral", "qwen2", "qwen3", "smollm"),
    prefixes=("model.", ""),
    tensors={
        "token": "embed_tokens.weight",
        "norm1": BLOCK + "input_layernorm.weight",
        "query": BLOCK + "self_attn.q_proj.weight",
        "query_bias": BLOCK + "self_attn.q_proj.bias",
        "query_norm": BLOCK + "self_attn.q_norm.weight",
        "key": BLOCK + "self_attn.k_proj.weight",
        "key_bias": BLOCK + "self_attn.k_proj.bias",
        "key_norm": BLOCK + "self_attn.k_norm.weight",
        "value": BLOCK + "self_attn.v_proj.weight",
        "value_bias": BLOCK + "self_attn.v_proj.bias",
        "output": BLOCK + "self_attn.o_proj.weight",
        "output_bias": BLOCK + "self_attn.o_proj.bias",
        "norm2": BLOCK + "post_attention_layernorm.weight",
        "gate": BLOCK + "mlp.gate_proj.weight",
        "gate_bias": BLOCK + "mlp.gate_proj.bias",
        "up": BLOCK + "mlp.up_proj.weight",
        "up_bias": BLOCK + "mlp.up_proj.bias",
        "down": BLOCK + "mlp.down_proj.weight",
        "down_bias": BLOCK + "mlp.down_proj.bias",
        "last_norm": "norm.weight",
        # Beside the model, not in it: the prefix does not apply.
        "unembedding": "/lm_head.weight",
    },
    keys={
        "dim": ("hidden_size",),
        "layers": ("num_hidden_layers",),
        "heads": ("num_attention_heads",),
        "key_heads": ("num_key_value_heads",),
        "head_dim": ("head_dim",),
        "eps": ("rms_norm_eps",),
        "positions": ("sliding_window", "max_position_embeddings"),
        "activation": ("hidden_act",),
    },
    ignored=(r"rotary_emb\.inv_freq$",),
    norm="rms",
    causal=True,
    rotary="halves",
    activation="silu",
)

# llama.cpp stores each head's queries and keys so that neighbours, not halves, rotate against each other.
PACKED = "blk.{l}."
LLAMA_GGUF = replace(
    LLAMA,
    name="llama (GGUF)",
    types=("gguf llama",),
    prefixes=("",),
    tensors={
        "token": "token_embd.weight",
        "norm1": PACKED + "attn_norm.weight",
        "query": PACKED + "attn_q.weight",
        "query_bias": PACKED + "attn_q.bias",
        "query_norm": PACKED + "attn_q_norm.weight",
        "key": PACKED + "attn_k.weight",
        "key_bias": PACKED + "attn_k.bias",
        "key_norm": PACKED + "attn_k_norm.weight",
        "value": PACKED + "attn_v.weight",
        "value_bias": PACKED + "attn_v.bias",
        "output": PACKED + "attn_output.weight",
        "output_bias": PACKED + "attn_output.bias",
        "norm2": PACKED + "ffn_norm.weight",
        "gate": PACKED + "ffn_gate.weight",
        "up": PACKED + "ffn_up.weight",
        "down": PACKED + "ffn_down.weight",
        "last_norm": "output_norm.weight",
        "unembedding": "output.weight",
    },
    keys={
        "dim": ("embedding_length",),
        "layers": ("block_count",),
        "heads": ("attention.head_count",),
        "key_heads": ("attention.head_count_kv",),
        "head_dim": ("attention.key_length",),
        "eps": ("attention.layer_norm_rms_epsilon",),
        "positions": ("context_length",),
        "theta": ("rope.freq_base",),
    },
    allowed={"rope.scaling.type": ("none",)},
    rotary="pairs",
)
QWEN_GGUF = replace(LLAMA_GGUF, name="qwen (GGUF)", types=("gguf qwen2", "gguf qwen3"), rotary="halves")

GLASS = "blocks.{l}."
GLASSLLM = replace(
    LLAMA,
    name="glassllm",
    types=("glassllm",),
    prefixes=("",),
    tensors={
        "token": "E",
        "norm1": GLASS + "norm1.gamma",
        "query": GLASS + "attn.W_Q",
        "key": GLASS + "attn.W_K",
        "value": GLASS + "attn.W_V",
        "output": GLASS + "attn.W_O",
        "norm2": GLASS + "norm2.gamma",
        "gate": GLASS + "ffn.W1",
        "up": GLASS + "ffn.W3",
        "down": GLASS + "ffn.W2",
        "last_norm": "norm_f.gamma",
    },
    keys={
        "dim": ("d_model",),
        "layers": ("n_layers",),
        "heads": ("n_heads",),
        "key_heads": ("n_kv_heads",),
        "eps": ("eps",),
        "positions": ("max_len",),
    },
    outward=False,
    rotary="pairs",
)
