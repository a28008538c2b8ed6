"""The messages of an ONNX file, with the fields that counting needs. Source: onnx.proto, which defines these names and
numbers."""

from sepcalc.importers.common.protobuf import Field, schema


def _fields(**numbered: str) -> dict[int, Field]:
    """Fields by number, each written ``number kind``; ``*`` marks a repeated field, ``~`` one whose large payloads are
    skipped."""
    fields = {}
    for name, said in numbered.items():
        number, kind = said.split()
        fields[int(number)] = Field(name, kind.strip("*~"), "*" in kind, "~" in kind)
    return fields


ONNX = schema(
    {
        "Entry": _fields(key="1 text", value="2 text"),
        "Opset": _fields(domain="1 text", version="2 int"),
        "Dimension": _fields(dim_value="1 int", dim_param="2 text", denotation="3 text"),
        "Shape": _fields(dim="1 Dimension*"),
        "TensorType": _fields(elem_type="1 int", shape="2 Shape"),
        "Type": _fields(tensor_type="1 TensorType"),
        "ValueInfo": _fields(name="1 text", type="2 Type", metadata_props="4 Entry*"),
        "Tensor": _fields(
            dims="1 int*",
            data_type="2 int",
            float_data="4 float*~",
            int32_data="5 int*~",
            int64_data="7 int*~",
            name="8 text",
            raw_data="9 payload",
            double_data="10 double*~",
            uint64_data="11 int*~",
            external_data="13 Entry*",
            data_location="14 int",
        ),
        "SparseTensor": _fields(values="1 Tensor", indices="2 Tensor", dims="3 int*"),
        "Attribute": _fields(
            name="1 text",
            f="2 float",
            i="3 int",
            s="4 bytes",
            t="5 Tensor",
            g="6 Graph",
            floats="7 float*",
            ints="8 int*",
            strings="9 bytes*",
            tensors="10 Tensor*",
            graphs="11 Graph*",
            type="20 int",
            ref_attr_name="21 text",
            sparse_tensor="22 SparseTensor",
        ),
        "Node": _fields(
            input="1 text*",
            output="2 text*",
            name="3 text",
            op_type="4 text",
            attribute="5 Attribute*",
            domain="7 text",
            metadata_props="9 Entry*",
        ),
        "Graph": _fields(
            node="1 Node*",
            name="2 text",
            initializer="5 Tensor*",
            input="11 ValueInfo*",
            output="12 ValueInfo*",
            value_info="13 ValueInfo*",
            sparse_initializer="15 SparseTensor*",
            metadata_props="16 Entry*",
        ),
        "Function": _fields(
            name="1 text",
            input="4 text*",
            output="5 text*",
            attribute="6 text*",
            node="7 Node*",
            opset_import="9 Opset*",
            domain="10 text",
            attribute_proto="11 Attribute*",
        ),
        "Training": _fields(initialization="1 Graph", algorithm="2 Graph"),
        "Model": _fields(
            ir_version="1 int",
            graph="7 Graph",
            opset_import="8 Opset*",
            metadata_props="14 Entry*",
            training_info="20 Training*",
            functions="25 Function*",
        ),
    }
)
