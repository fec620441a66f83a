"""PyTorch: a state dict in safetensors, and the module that reads it."""

import json
from pathlib import Path

from safetensors.numpy import save_file

from attncap.archive import Archive
from attncap.memory.exports.layers import Layers, Units, laid_out

NEEDS = ("torch", "safetensors")
HEAD = '''\
"""A memory: which token follows a sequence. Needs torch and safetensors."""

import json
import pathlib

import torch
from safetensors.torch import load_file

HERE = pathlib.Path(__file__).parent


class Memory(torch.nn.Module):
    def __init__(self, folder=HERE):
        super().__init__()
        folder = pathlib.Path(folder)
        self.config = json.loads((folder / "config.json").read_text())
        self.vocabulary = json.loads((folder / "vocabulary.json").read_text())
        for name, tensor in load_file(folder / "model.safetensors").items():
            self.register_parameter(name, torch.nn.Parameter(tensor))

'''
# To the encoding that the unembedding reads, by layout.
FORWARD: dict[type, str] = {
    Layers: '''\
    def forward(self, tokens):
        """Token numbers (batch, context) to the logits (batch, vocabulary) of the next token."""
        x = self.embedding[tokens] + (self.position if self.config["residual_position"] else 0)
        causal = torch.ones(tokens.shape[1], tokens.shape[1], device=tokens.device).tril().bool()
        for layer in range(self.config["layers"]):
            read = x if self.config["residual_position"] else x + self.position
            query, key, value = (
                torch.einsum("bsd,hed->bhse", read, getattr(self, name)[layer]) for name in ("query", "key", "value")
            )
            scores = self.config["score_scale"] * query @ key.transpose(-1, -2)
            mixed = scores.masked_fill(~causal, -torch.inf).softmax(-1) @ value
            x = x + torch.einsum("bhse,hde->bsd", mixed, self.output[layer])
            if self.config["units"]:
                units = x @ self.up[layer].T + self.bias[layer]
                x = x + torch.nn.functional.gelu(units, approximate="tanh") @ self.down[layer].T
        encoding = x[:, -1]
''',
    Units: '''\
    def forward(self, tokens):
        """Token numbers (batch, context) to the logits (batch, vocabulary) of the next token."""
        x = self.embedding[tokens].flatten(1)
        gate = x @ self.gate.T
        if self.config["activation"] == "gelu":
            gate = torch.nn.functional.gelu(gate, approximate="tanh")
        encoding = (gate * (x @ self.up.T)) @ self.down.T
''',
}
TAIL = '''\
        logits = encoding @ self.unembedding.T
        return logits + self.silence if hasattr(self, "silence") else logits

    @torch.no_grad()
    def ask(self, *words):
        """Answer one sequence; of facts the relation and then the subject."""
        tokens = torch.tensor([[self.vocabulary.index(word) for word in words]])
        return self.vocabulary[int(self(tokens).argmax())]
'''
RUN = """
import importlib.util
spec = importlib.util.spec_from_file_location("memory", folder + "/memory.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
import torch
model = module.Memory(folder)
def logits(tokens):
    with torch.no_grad():
        return model(torch.from_numpy(tokens)).numpy()
"""


def write(memory: Archive, path: Path) -> dict[str, object]:
    """Write model.safetensors, config.json, vocabulary.json and memory.py into a directory."""
    path.mkdir(exist_ok=True)
    layers = laid_out(memory.model)
    silence = {} if layers.silence is None else {"silence": layers.silence}
    save_file(layers.tensors | silence, path / "model.safetensors")
    (path / "config.json").write_text(json.dumps(layers.config, indent=1), encoding="utf-8")
    words = json.dumps(memory.task.vocabulary, ensure_ascii=False, indent=1)
    (path / "vocabulary.json").write_text(words, encoding="utf-8")
    (path / "memory.py").write_text(HEAD + FORWARD[type(layers)] + TAIL, encoding="utf-8")
    return {}
