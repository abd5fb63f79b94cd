#!/usr/bin/python3
"""An event file as Google's Protocol Buffers encode it: tensorboard.tfevents, which the library has to write
byte for byte. Needs python3-protobuf and protobuf-compiler.

The messages are those of tensorboard/compat/proto (event, summary, histogram, graph, node_def, attr_value, tensor_shape,
versions), the fields that are used, with their numbers. With a file as argument: reads that as
tensorboard's RecordReader does, checksums included, and prints its events.
"""
import pathlib
import struct
import subprocess
import sys
import tempfile

PROTO = """
syntax = "proto3";
message Event {
  double wall_time = 1; int64 step = 2;
  oneof what { string file_version = 3; bytes graph_def = 4; Summary summary = 5; }
}
message Summary {
  message Image { int32 height = 1; int32 width = 2; int32 colorspace = 3; bytes encoded_image_string = 4; }
  message Value {
    string tag = 1;
    oneof value { float simple_value = 2; Image image = 4; HistogramProto histo = 5; }
  }
  repeated Value value = 1;
}
message HistogramProto {
  double min = 1; double max = 2; double num = 3; double sum = 4; double sum_squares = 5;
  repeated double bucket_limit = 6 [packed = true]; repeated double bucket = 7 [packed = true];
}
message GraphDef { repeated NodeDef node = 1; VersionDef versions = 4; }
message VersionDef { int32 producer = 1; }
message NodeDef { string name = 1; string op = 2; repeated string input = 3; string device = 4; map<string, AttrValue> attr = 5; }
message AttrValue {
  message ListValue { repeated TensorShapeProto shape = 7; }
  oneof value { ListValue list = 1; }
}
message TensorShapeProto { message Dim { int64 size = 1; } repeated Dim dim = 2; }
"""


def messages():
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "events.proto").write_text(PROTO)
    subprocess.run(["protoc", "--python_out=.", "events.proto"], cwd=folder, check=True)
    sys.path.insert(0, str(folder))
    import events_pb2
    return events_pb2


def crc32c(data):
    """RFC 3720, appendix B.4, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(data):
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked(length)) + data + struct.pack("<I", masked(data))


def records(data):
    while data:
        length, check = struct.unpack("<QI", data[:12])
        assert check == masked(data[:8]), "checksum of a length"
        body, rest = data[12:12 + length], data[12 + length:]
        assert struct.unpack("<I", rest[:4])[0] == masked(body), "checksum of a record"
        yield body
        data = rest[4:]


def write():
    pb = messages()
    events = [pb.Event(wall_time=1.5, file_version="brain.Event:2")]
    events.append(pb.Event(wall_time=1.5, step=300, summary=pb.Summary(value=[pb.Summary.Value(tag="loss/train", simple_value=0.1)])))
    limits = [1 * (1 - i / 30) + 4 * (i / 30) for i in range(1, 31)]
    counts = [2.0] + [0.0] * 28 + [1.0]
    events.append(pb.Event(wall_time=1.5, step=7, summary=pb.Summary(value=[pb.Summary.Value(
        tag="weights", histo=pb.HistogramProto(min=1, max=4, num=3, sum=6, sum_squares=18, bucket_limit=limits, bucket=counts))])))

    def node(name, op, inputs, shape):
        n = pb.NodeDef(name=name, op=op, input=inputs)
        one = n.attr["_output_shapes"].list.shape.add()
        for size in shape:
            one.dim.add(size=size)
        return n
    graph = pb.GraphDef(node=[node("sum", "sum", ["multiply"], []), node("multiply", "multiply", ["fc/w_", "fc/w_"], [2, 30]),
                              node("fc/w_", "Parameter", [], [2, 30])], versions=pb.VersionDef(producer=22))
    events.append(pb.Event(wall_time=1.5, graph_def=graph.SerializeToString(deterministic=True)))
    data = b"".join(record(e.SerializeToString(deterministic=True)) for e in events)
    (pathlib.Path(__file__).parent / "tensorboard.tfevents").write_bytes(data)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        pb = messages()
        for body in records(pathlib.Path(sys.argv[1]).read_bytes()):
            event = pb.Event.FromString(body)
            print(event, pb.GraphDef.FromString(event.graph_def) if event.graph_def else "")
    else:
        write()
