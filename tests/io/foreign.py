#!/usr/bin/env python3
"""safetensors files written and read by somebody else: struct and json alone, no word of C++.

  foreign.py write FILE   writes a file for the library to read
  foreign.py read FILE    checks a file that the library wrote
"""
import json
import struct
import sys

# name: dtype, shape, the numbers, how struct packs one of them
TENSORS = {
    "weights.f32": ("F32", [2, 3], [1.5, -2.25, 0.0, 1e-40, 3e38, -0.0], "f"),
    "a f64 ü": ("F64", [2], [0.1, -1e300], "d"),
    "counts": ("I64", [3], [-(2**63), 0, 2**63 - 1], "q"),
    "bytes": ("U8", [1, 5], [0, 1, 127, 128, 255], "B"),
    "flags": ("BOOL", [3], [True, False, True], "?"),
    "scalar": ("F32", [], [42.0], "f"),
    "nothing": ("F32", [0, 4], [], "f"),
}
METADATA = {"made by": "struct", "text": "line\n\"quoted\" \\ ü"}


def write(path):
    header, data = {"__metadata__": METADATA}, b""
    # The order of this table: dtypes are mixed, and most tensors are not aligned.
    for name, (dtype, shape, numbers, code) in TENSORS.items():
        begin = len(data)
        data += struct.pack(f"<{len(numbers)}{code}", *numbers)
        header[name] = {"shape": shape, "data_offsets": [begin, len(data)], "dtype": dtype}
    for name, dtype, bits in (("half", "F16", [0x3C00, 0xC000, 0x0001, 0x7C00]), ("brain", "BF16", [0x3F80, 0xC000])):
        begin = len(data)
        data += struct.pack(f"<{len(bits)}H", *bits)
        header[name] = {"dtype": dtype, "shape": [len(bits)], "data_offsets": [begin, len(data)]}
    text = json.dumps(header, indent=1).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read(path):
    with open(path, "rb") as file:
        content = file.read()
    (length,) = struct.unpack("<Q", content[:8])
    assert length % 8 == 0, "the data are not aligned"
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    assert header.pop("__metadata__") == METADATA
    assert sorted(header) == sorted(TENSORS), sorted(header)
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        dtype, shape, numbers, code = TENSORS[name]
        assert (entry["dtype"], entry["shape"]) == (dtype, shape), (name, entry)
        begin, stop = entry["data_offsets"]
        assert begin == end and begin % struct.calcsize(code) == 0, (name, entry)
        end = stop
        assert data[begin:stop] == struct.pack(f"<{len(numbers)}{code}", *numbers), name
    assert end == len(data)


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](sys.argv[2])
