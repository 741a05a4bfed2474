#!/usr/bin/env python3
"""Files that NumPy writes for the library to read, and a check of those that the library wrote.

  arrays.py write FOLDER   writes NAME.npy, all.npz, packed.npz, none.npz, and expected.safetensors with each NAME as
                           the library shall see it
  arrays.py read FOLDER    checks NAME.npy for every NAME in expected.safetensors, ours.npz and ours_packed.npz where
                           they are, and half.safetensors and brain.safetensors, made of the floats there
Exit status 77: there is no NumPy.
"""
import io
import itertools
import os
import sys

try:
    import numpy as np
except ImportError:
    sys.exit(77)
from foreign import dump, parse

SAFETENSORS = {"b1": "BOOL", "u1": "U8", "i8": "I64", "f4": "F32", "f8": "F64"}
READ_AS = {"b1": "b1", "u1": "u1", "f2": "f4", "f4": "f4", "f8": "f8"}  # the others as i8


def numbers(random, kind, shape):
    """Of all sizes, the extremes and infinities among them."""
    count = int(np.prod(shape))
    if kind == "b1":
        return random.integers(0, 2, shape).astype("b1")
    # Random bits, so that all exponents occur; one NaN serves for all.
    x = np.frombuffer(random.bytes(count * int(kind[1])), "<" + kind).reshape(shape).copy()
    if kind[0] == "f":
        x[np.isnan(x)] = np.nan
        ends = [np.inf, -np.inf, -0.0, np.finfo(kind).tiny / 2]
    else:
        ends = [np.iinfo(kind).min, np.iinfo(kind).max] if kind != "u8" else [0, 2**63 - 1]
        x = x // np.uint64(2) if kind == "u8" else x
    for i, end in enumerate(ends[:count]):
        x.flat[i] = end
    return x


def by_hand(header, data, version=1):
    """As others may write it: no padding, no line end."""
    text = header.encode()
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text + data


def write(folder):
    random, arrays, expected = np.random.default_rng(1), {}, {}
    shapes = [(), (0,), (0, 4), (1,), (7,), (3, 5), (2, 3, 4), (2, 1, 2, 1, 3, 1, 2, 2), (70, 300)]
    kinds = ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
    for number, (kind, shape) in enumerate(itertools.product(kinds, shapes)):
        x = numbers(random, kind, shape)
        for order, layout in itertools.product("<>", "CF"):
            name = f"{kind} {shape} {'little' if order == '<' else 'big'} {layout}"
            arrays[name] = np.asarray(x, order + kind, order=layout)
            with open(f"{folder}/{name}.npy", "wb") as file:
                np.lib.format.write_array(file, arrays[name], version=(1 + number % 3, 0))
            expected[name] = x
    three = np.array([1, -2, 3], "<i4")
    for number, header in enumerate(
        [
            "{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }",
            "{'descr': '<i4', 'fortran_order': False, 'shape': (3L,)}",  # Python 2
            '{"shape":(3,),"fortran_order":True,"descr":"<i4"}  \n',
            "\t{ 'shape' : ( 3 , ) ,\n 'descr' : '<i4' , 'fortran_order' : False , }",
        ]
    ):
        for version in (1, 2, 3):
            with open(f"{folder}/by hand {number} {version}.npy", "wb") as file:
                file.write(by_hand(header, three.tobytes(), version))
            expected[f"by hand {number} {version}"] = three
    np.savez(f"{folder}/all.npz", **arrays)
    np.savez_compressed(f"{folder}/packed.npz", **arrays)
    np.savez(f"{folder}/none.npz")
    tensors = {}
    for name, x in expected.items():
        kind = READ_AS.get(x.dtype.str[1:], "i8")
        tensors[name] = (SAFETENSORS[kind], x.shape, x.astype("<" + kind).tobytes())
    dump(f"{folder}/expected.safetensors", tensors)


def read_safetensors(path):
    kinds = {name: "<" + kind for kind, name in SAFETENSORS.items()}
    kinds.update({"F16": "<f2", "BF16": "<u2"})
    return {
        name: np.frombuffer(content, kinds[dtype]).reshape(shape)
        for name, (dtype, shape, content) in parse(path)[1].items()
    }


def same(x, y):
    return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()


def read(folder):
    expected = read_safetensors(f"{folder}/expected.safetensors")
    assert expected
    for name, x in expected.items():
        assert same(np.load(f"{folder}/{name}.npy"), x), name
        numpys = io.BytesIO()
        np.save(numpys, x)
        with open(f"{folder}/{name}.npy", "rb") as file:
            assert file.read() == numpys.getvalue(), name
    for path in (f"{folder}/ours.npz", f"{folder}/ours_packed.npz"):
        if os.path.exists(path):
            ours = np.load(path)
            assert sorted(ours.files) == sorted(expected), ours.files
            for name, x in expected.items():
                assert same(ours[name], x), (path, name)
    half, brain = (read_safetensors(f"{folder}/{name}.safetensors") for name in ("half", "brain"))
    for name, x in expected.items():
        if x.dtype.kind != "f":
            assert same(half[name], x) and same(brain[name], x), name
            continue
        with np.errstate(over="ignore"):
            assert same(half[name], x.astype("<f2")), name
        if x.dtype == np.float32:
            bits = x.view("<u4").astype("i8")
            rounded = bits + 0x7FFF + bits // 65536 % 2 >> 16
            assert same(brain[name], np.where(np.isnan(x), 0x7FC0, rounded).astype("<u2")), name


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](sys.argv[2])
