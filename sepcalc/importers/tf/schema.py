"""The messages of TensorFlow's files, with the fields that counting needs, and the types of elements. Source: the
``.proto`` files of tensorflow/core, which define these names and numbers."""

from collections.abc import Mapping

from sepcalc.importers.common.protobuf import listed, schema
from sepcalc.importers.common.tensorflow.graph import NOTHING, Type

_NAMES = (
    "FLOAT:float32:32:f:w DOUBLE:float64:64:d:w INT32:int32:32:i UINT8:uint8:8:B INT16:int16:16:h INT8:int8:8:b "
    "STRING:string:0 COMPLEX64:complex64:64 INT64:int64:64:q BOOL:bool:8:? QINT8:qint8:8:b:w QUINT8:quint8:8:B:w "
    "QINT32:qint32:32:i:w BFLOAT16:bfloat16:16::w QINT16:qint16:16:h:w QUINT16:quint16:16:H:w UINT16:uint16:16:H "
    "COMPLEX128:complex128:128 HALF:float16:16:e:w RESOURCE:resource:0 VARIANT:variant:0 UINT32:uint32:32:I "
    "UINT64:uint64:64:Q FLOAT8_E5M2:float8_e5m2:8::w FLOAT8_E4M3FN:float8_e4m3fn:8::w"
)
_ROWS = [one.split(":") for one in _NAMES.split()]
NUMBERS: Mapping[str, int] = {f"DT_{row[0]}": at for at, row in enumerate(_ROWS, 1)}
TYPES: Mapping[int, Type] = {
    at: Type(row[1], int(row[2]), row[3] if len(row) > 3 else "", row[-1] == "w") for at, row in enumerate(_ROWS, 1)
}
RESOURCE, VARIANT, STRING = TYPES[20], TYPES[21], TYPES[7]


def type_of(number: int) -> Type:
    """The type of a number of ``DataType``; those of references count from 101."""
    return TYPES.get(number - 100 if number > 100 else number, NOTHING)


# A tensor's ``elsewhere`` is none of TensorFlow's fields: its numbers are in a file of weights.
_MESSAGES = {
    "Dim": "size 1 int, name 2 text",
    "Shape": "dim 2 Dim*, unknown_rank 3 int",
    "Tensor": "dtype 1 int, tensor_shape 2 Shape, tensor_content 4 payload, half_val 13 int*~, float_val 5 float*~,"
    " double_val 6 double*~, int_val 7 int*~, string_val 8 payload*, int64_val 10 int*~, bool_val 11 int*~,"
    " uint32_val 16 int*~, uint64_val 17 int*~, elsewhere 1000 int",
    "List": "s 2 bytes*, i 3 int*, f 4 float*, b 5 int*, type 6 int*, shape 7 Shape*, func 9 Func*",
    "Func": "name 1 text, attr 2 Attr*",
    "Value": "list 1 List, s 2 bytes, i 3 int, f 4 float, b 5 int, type 6 int, shape 7 Shape, tensor 8 Tensor,"
    " placeholder 9 text, func 10 Func",
    "Attr": "key 1 text, value 2 Value",
    "Node": "name 1 text, op 2 text, input 3 text*, attr 5 Attr*",
    "Arg": "name 1 text, type 3 int",
    "Op": "name 1 text, input_arg 2 Arg*, output_arg 3 Arg*",
    "Ret": "key 1 text, value 2 text",
    "Function": "signature 1 Op, node_def 3 Node*, ret 4 Ret*",
    "Library": "function 1 Function*",
    "Graph": "node 1 Node*, library 2 Library",
    "Info": "name 1 text, dtype 2 int, tensor_shape 3 Shape",
    "InfoEntry": "key 1 text, value 2 Info",
    "Signature": "inputs 1 InfoEntry*, outputs 2 InfoEntry*",
    "SignatureEntry": "key 1 text, value 2 Signature",
    "MetaInfo": "tags 4 text*",
    "Variable": "shape 2 Shape, trainable 3 int, name 6 text",
    "Object": "variable 7 Variable",
    "Objects": "nodes 1 Object*",
    "MetaGraph": "meta_info_def 1 MetaInfo, graph_def 2 Graph, signature_def 5 SignatureEntry*,"
    " object_graph_def 7 Objects",
    "SavedModel": "meta_graphs 2 MetaGraph*",
}
TENSORFLOW = schema({kind: listed(text) for kind, text in _MESSAGES.items()})
