#!/usr/bin/env python3
"""safetensors files written and read by somebody else: struct and json alone, no word of C++.

  foreign.py write FILE   writes a file for the library to read
  foreign.py read FILE    checks a file that the library wrote
"""
import json
import struct
import sys

# ---- the format: dump writes and parse reads {name: (dtype, shape, bytes)} ---------------------------------------------


def dump(path, tensors, metadata=None, indent=None):
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, (dtype, shape, content) in tensors.items():
        begin = len(data)
        data += content
        header[name] = {"shape": list(shape), "data_offsets": [begin, len(data)], "dtype": dtype}
    text = json.dumps(header, indent=indent).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def parse(path):
    with open(path, "rb") as file:
        content = file.read()
    (length,) = struct.unpack("<Q", content[:8])
    assert length % 8 == 0, "the data are not aligned"
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    metadata, tensors, end = header.pop("__metadata__", {}), {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, stop = entry["data_offsets"]
        assert begin == end, "a hole"
        tensors[name], end = (entry["dtype"], entry["shape"], data[begin:stop]), stop
    assert end == len(data), "bytes behind"
    return metadata, tensors


# ---- one file in all types ---------------------------------------------------------------------------------------------

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
# What the library reads but does not write.
OTHERS = {
    "half": ("F16", [4], [0x3C00, 0xC000, 0x0001, 0x7C00], "H"),
    "brain": ("BF16", [2], [0x3F80, 0xC000], "H"),
    "i8": ("I8", [3], [-128, 0, 127], "b"),
    "i16": ("I16", [3], [-(2**15), 0, 2**15 - 1], "h"),
    "u16": ("U16", [2], [0, 2**16 - 1], "H"),
    "i32": ("I32", [3], [-(2**31), 0, 2**31 - 1], "i"),
    "u32": ("U32", [2], [0, 2**32 - 1], "I"),
    "u64": ("U64", [2], [0, 2**63 - 1], "Q"),
}
METADATA = {"made by": "struct", "text": "line\n\"quoted\" \\ ü"}


def packed(tensors):
    return {
        name: (dtype, shape, struct.pack(f"<{len(numbers)}{code}", *numbers))
        for name, (dtype, shape, numbers, code) in tensors.items()
    }


def write(path):
    # The order of these tables: dtypes are mixed, and most tensors are not aligned.
    dump(path, packed({**TENSORS, **OTHERS}), METADATA, indent=1)


def read(path):
    metadata, tensors = parse(path)
    assert metadata == METADATA
    assert tensors == packed(TENSORS), tensors


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](sys.argv[2])
