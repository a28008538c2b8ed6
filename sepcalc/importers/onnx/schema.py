"""The messages of an ONNX file, with the fields that counting needs. Source: onnx.proto, which defines these names and
numbers."""

from types import MappingProxyType

from sepcalc.importers.common.protobuf import fields, schema

ONNX = schema(
    {
        "Entry": fields(key="1 text", value="2 text"),
        "Opset": fields(domain="1 text", version="2 int"),
        "Dimension": fields(dim_value="1 int", dim_param="2 text", denotation="3 text"),
        "Shape": fields(dim="1 Dimension*"),
        "TensorType": fields(elem_type="1 int", shape="2 Shape"),
        "Type": fields(tensor_type="1 TensorType"),
        "ValueInfo": fields(name="1 text", type="2 Type", metadata_props="4 Entry*"),
        "Tensor": fields(
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
        "SparseTensor": fields(values="1 Tensor", indices="2 Tensor", dims="3 int*"),
        "Attribute": fields(
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
        "Node": fields(
            input="1 text*",
            output="2 text*",
            name="3 text",
            op_type="4 text",
            attribute="5 Attribute*",
            domain="7 text",
            metadata_props="9 Entry*",
        ),
        "Graph": fields(
            node="1 Node*",
            name="2 text",
            initializer="5 Tensor*",
            input="11 ValueInfo*",
            output="12 ValueInfo*",
            value_info="13 ValueInfo*",
            sparse_initializer="15 SparseTensor*",
            metadata_props="16 Entry*",
        ),
        "Function": fields(
            name="1 text",
            input="4 text*",
            output="5 text*",
            attribute="6 text*",
            node="7 Node*",
            opset_import="9 Opset*",
            domain="10 text",
            attribute_proto="11 Attribute*",
        ),
        "Training": fields(initialization="1 Graph", algorithm="2 Graph"),
        "Model": fields(
            ir_version="1 int",
            graph="7 Graph",
            opset_import="8 Opset*",
            metadata_props="14 Entry*",
            training_info="20 Training*",
            functions="25 Function*",
        ),
    }
)
# What an importer of another format knows already: the attributes of a node as plain values, and the shapes and element
# types of a graph's tensors.
ONNX["Node"].plain = MappingProxyType({})
ONNX["Graph"].stated = MappingProxyType({})
