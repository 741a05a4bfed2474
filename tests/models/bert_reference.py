#!/usr/bin/env python3
"""Writes a small BERT as the published models are laid out, and what a plain NumPy forward makes of it, in float32 files:
    tests/models/bert_reference.py tests/reference/bert_published.safetensors tests/reference/bert_expected.safetensors
"""
import json, math, sys
import numpy as np

V, H, L, A, I, P, T = 13, 8, 2, 2, 16, 7, 2  # vocabulary, hidden, layers, heads, intermediate, positions, types
rng = np.random.default_rng(1)
w = {}


def weight(name, *shape, around=0.0):
    w[name] = (around + 0.4 * rng.standard_normal(shape)).astype(np.float32)


def dense(name, i, o):
    weight(name + ".weight", o, i)
    weight(name + ".bias", o)


def norm(name, n):
    weight(name + ".weight", n, around=1.0)
    weight(name + ".bias", n)


for name, n in (("word", V), ("position", P), ("token_type", T)):
    weight(f"bert.embeddings.{name}_embeddings.weight", n, H)
norm("bert.embeddings.LayerNorm", H)
for l in range(L):
    b = f"bert.encoder.layer.{l}."
    for name in ("query", "key", "value"):
        dense(b + "attention.self." + name, H, H)
    dense(b + "attention.output.dense", H, H)
    norm(b + "attention.output.LayerNorm", H)
    dense(b + "intermediate.dense", H, I)
    dense(b + "output.dense", I, H)
    norm(b + "output.LayerNorm", H)
dense("bert.pooler.dense", H, H)
weight("cls.predictions.bias", V)
dense("cls.predictions.transform.dense", H, H)
norm("cls.predictions.transform.LayerNorm", H)
dense("cls.seq_relationship", H, 2)

d = {k: v.astype(np.float64) for k, v in w.items()}
lin = lambda n, x: x @ d[n + ".weight"].T + d[n + ".bias"]
gelu = lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def ln(n, x):
    c = x - x.mean(-1, keepdims=True)
    return c / np.sqrt((c * c).mean(-1, keepdims=True) + 1e-12) * d[n + ".weight"] + d[n + ".bias"]


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


ids = np.array([[2, 5, 12, 7, 3, 0], [2, 9, 3, 0, 0, 0], [1, 1, 6, 4, 8, 11]])
types = np.array([[0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 1]])
mask = np.array([[1, 1, 1, 1, 1, 0], [1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1]])
e = "bert.embeddings."
x = ln(e + "LayerNorm", d[e + "word_embeddings.weight"][ids] + d[e + "position_embeddings.weight"][: ids.shape[1]]
       + d[e + "token_type_embeddings.weight"][types])
for l in range(L):
    b = f"bert.encoder.layer.{l}."
    q, k, v = (lin(b + "attention.self." + n, x).reshape(*ids.shape, A, H // A).transpose(0, 2, 1, 3) for n in ("query", "key", "value"))
    s = q @ k.transpose(0, 1, 3, 2) / math.sqrt(H // A) + np.where(mask, 0, -np.inf)[:, None, None, :]
    y = (softmax(s) @ v).transpose(0, 2, 1, 3).reshape(*ids.shape, H)
    x = ln(b + "attention.output.LayerNorm", lin(b + "attention.output.dense", y) + x)
    x = ln(b + "output.LayerNorm", lin(b + "output.dense", gelu(lin(b + "intermediate.dense", x))) + x)
logits = ln("cls.predictions.transform.LayerNorm", gelu(lin("cls.predictions.transform.dense", x)))
logits = logits @ d[e + "word_embeddings.weight"].T + d["cls.predictions.bias"]


def save(file, tensors):
    kinds = {"float32": "F32", "float64": "F64", "int64": "I64"}
    header, blob = {}, b""
    for name, t in sorted(tensors.items()):
        header[name] = {"dtype": kinds[str(t.dtype)], "shape": list(t.shape), "data_offsets": [len(blob), len(blob) + t.nbytes]}
        blob += np.ascontiguousarray(t).tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    open(file, "wb").write(len(text).to_bytes(8, "little") + text + blob)


w["bert.embeddings.position_ids"] = np.arange(P)[None]  # older files hold it
save(sys.argv[1], w)
save(sys.argv[2], {"input_ids": ids, "token_type_ids": types, "attention_mask": mask, "last_hidden_state": x,
                   "pooler_output": np.tanh(lin("bert.pooler.dense", x[:, 0])), "logits": logits})
