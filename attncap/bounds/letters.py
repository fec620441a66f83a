"""The papers' letters as SymPy symbols, for writing formulas."""

from attncap.bounds.symbols import SYMBOLS

H = SYMBOLS["heads"]
DH = SYMBOLS["head_dim"]
DV = SYMBOLS["value_dim"]
D = SYMBOLS["embedding_dim"]
DOUT = SYMBOLS["output_dim"]
S = SYMBOLS["context"]
N = SYMBOLS["vocabulary"]
RHO = SYMBOLS["data_rank"]
Q = SYMBOLS["queries"]
T = SYMBOLS["associations"]
P = SYMBOLS["parameters"]
M = SYMBOLS["neurons"]
B = SYMBOLS["bits_per_weight"]
C = SYMBOLS["constant"]
RATIO = SYMBOLS["margin_ratio"]
ENCODER = SYMBOLS["encoder_divergence"]
UNCOVERED = SYMBOLS["uncovered"]
NORM = SYMBOLS["logit_norm"]
SLACK = SYMBOLS["slack"]
