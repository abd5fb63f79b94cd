"""A safetensors file as bytes: for the scripts here that write a corpus."""

import json
import struct


def safetensors(tensors, metadata=None):
    """Of tensors by name, each a type, a shape and bytes."""
    header = {"__metadata__": metadata} if metadata else {}
    data = b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head)) + head + data
