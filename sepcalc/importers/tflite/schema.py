"""TFLite's schema, as far as a count needs it: names of operators and of types, and the fields of every table.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3. Fields stand in the order of the schema; those after
the last that is needed are left out.
"""

from collections.abc import Mapping

from sepcalc.importers.common.tensorflow.graph import Type

# All types in the order of their numbers: name, bits, the letter of ``struct``, w if numbers of it may be weights.
_TYPES = """
float32:32:f:w float16:16:e:w int32:32:i: uint8:8:B:w int64:64:q: string:0:: bool:8:?: int16:16:h:w complex64:64::
int8:8:b:w float64:64:d:w complex128:128:: uint64:64:Q: resource:0:: variant:0:: uint32:32:I: uint16:16:H: int4:4::w
bfloat16:16::w int2:2::w uint4:4::w float8_e4m3fn:8::w float8_e5m2:8::w
"""
_SPLIT = [text.split(":") for text in _TYPES.split()]
TYPES = tuple([Type(name, int(bits), letter, bool(weighs)) for name, bits, letter, weighs in _SPLIT])
INT32, STRING, RESOURCE = 2, 5, 13

TABLES: Mapping[str, str] = {
    "Model": "version:I operator_codes:[*OperatorCode subgraphs:[*SubGraph description:s buffers:[*Buffer"
    " metadata_buffer:[i metadata:[*Metadata signature_defs:[*SignatureDef",
    "OperatorCode": "deprecated_builtin_code:b custom_code:s version:i=1 builtin_code:i",
    "SubGraph": "tensors:[*Tensor inputs:[i outputs:[i operators:[*Operator name:s",
    "Tensor": "shape:[i type:b buffer:I name:s quantization:*QuantizationParameters is_variable:?"
    " sparsity:*SparsityParameters shape_signature:[i has_rank:?",
    "QuantizationParameters": "min:[f max:[f scale:[f zero_point:[q details_type:B details:u quantized_dimension:i",
    "SparsityParameters": "traversal_order:[i",
    "Operator": "opcode_index:I inputs:[i outputs:[i builtin_options_type:B builtin_options:u custom_options:[B"
    " custom_options_format:b mutating_variable_inputs:[? intermediates:[i large_custom_options_offset:Q"
    " large_custom_options_size:Q builtin_options_2_type:B builtin_options_2:u",
    "Buffer": "data:[B offset:Q size:Q",
    "Metadata": "name:s buffer:I",
    "SignatureDef": "inputs:[*TensorMap outputs:[*TensorMap signature_key:s deprecated_tag:s subgraph_index:I",
    "TensorMap": "name:s tensor_index:I",
}

SECOND = 200  # from here on, numbers are those of the second union of options, those of StableHLO
# The options of operators: their names, the number of their table in the union, and its fields.
_OPTIONS = """
CONV_2D 1 padding:b stride_w:i stride_h:i activation:b dilation_w:i=1 dilation_h:i=1
DEPTHWISE_CONV_2D 2 padding:b stride_w:i stride_h:i depth_multiplier:i activation:b dilation_w:i=1 dilation_h:i=1
AVERAGE_POOL_2D MAX_POOL_2D L2_POOL_2D 5 padding:b stride_w:i stride_h:i filter_w:i filter_h:i activation:b
SVDF 6 rank:i activation:b
RNN 7 activation:b
FULLY_CONNECTED 8 activation:b weights_format:b keep_num_dims:?
SOFTMAX 9 beta:f
CONCATENATION 10 axis:i activation:b
ADD 11 activation:b
L2_NORMALIZATION 12 activation:b
LOCAL_RESPONSE_NORMALIZATION 13 radius:i bias:f alpha:f beta:f
LSTM 14 activation:b cell_clip:f proj_clip:f kernel_type:b
RESIZE_BILINEAR 15 height:i width:i align_corners:? half_pixel:?
CALL 16 subgraph:I
RESHAPE 17 new_shape:[i
SPACE_TO_DEPTH 19 block_size:i
MUL 21 activation:b
GATHER 23 axis:i batch_dims:i
MEAN SUM REDUCE_PROD REDUCE_MAX REDUCE_MIN REDUCE_ANY REDUCE_ALL 27 keep_dims:?
SUB 28 activation:b
DIV 29 activation:b
SQUEEZE 30 squeeze_dims:[i
UNIDIRECTIONAL_SEQUENCE_RNN 31 time_major:? activation:b
STRIDED_SLICE 32 begin_mask:i end_mask:i ellipsis_mask:i new_axis_mask:i shrink_axis_mask:i offset:?
SPLIT 35 num_splits:i
TRANSPOSE_CONV 49 padding:b stride_w:i stride_h:i activation:b
PACK 59 values_count:i axis:i
ONE_HOT 61 axis:i
UNPACK 64 num:i axis:i
BIDIRECTIONAL_SEQUENCE_LSTM 69 activation:b cell_clip:f proj_clip:f merge_outputs:? time_major:?=1
BIDIRECTIONAL_SEQUENCE_RNN 70 time_major:? activation:b merge_outputs:?
UNIDIRECTIONAL_SEQUENCE_LSTM 71 activation:b cell_clip:f proj_clip:f time_major:?
LEAKY_RELU 75 alpha:f
SPLIT_V 79 num_splits:i
REVERSE_SEQUENCE 87 seq_dim:i batch_dim:i
IF 92 then:i else:i
WHILE 93 cond:i body:i
DEPTH_TO_SPACE 94 block_size:i
BATCH_MATMUL 101 adj_x:? adj_y:?
CALL_ONCE 103 init:i
CONV_3D CONV_3D_TRANSPOSE 106 padding:b stride_d:i stride_w:i stride_h:i activation:b dilation_d:i=1 dilation_w:i=1\
 dilation_h:i=1
VAR_HANDLE 111 container:s shared_name:s
GELU 116 approximate:?
STABLEHLO_CONCATENATE 201 axis:q
STABLEHLO_SLICE 203 start:[q limit:[q step:[q
STABLEHLO_CONVOLUTION 204 stride:[q padding:[q image_dilation:[q dilation:[q reversal:[? image_batch:q\
 image_channels:q image_sides:[q kernel_ins:q kernel_outs:q kernel_sides:[q out_batch:q out_channels:q out_sides:[q\
 groups:q batch_groups:q
STABLEHLO_DOT_GENERAL 212 left_batch:[q right_batch:[q left_summed:[q right_summed:[q
STABLEHLO_WHILE 215 cond:i body:i
STABLEHLO_TRANSPOSE 217 order:[q
STABLEHLO_COMPOSITE 221 name:s subgraph:i
"""


def _options() -> Mapping[str, tuple[int, str]]:
    found = {}
    for line in _OPTIONS.strip().splitlines():
        words = line.split()
        at = next(at for at, word in enumerate(words) if word.isdigit())
        found.update(dict.fromkeys(words[:at], (int(words[at]), " ".join(words[at + 1 :]))))
    return found


OPTIONS = _options()

# All builtin operators in the order of their numbers.
_NAMES = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM
MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS
SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND
SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN
EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2
GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG
SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT
UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU
SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE
MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5
SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO
RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL
CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE
RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX
UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT STABLEHLO_LOGISTIC STABLEHLO_ADD
STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE STABLEHLO_CLAMP STABLEHLO_CONCATENATE
STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS
STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG STABLEHLO_MINIMUM STABLEHLO_NEGATE
STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER STABLEHLO_RSQRT STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH
STABLEHLO_SCATTER STABLEHLO_COMPARE STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE
STABLEHLO_PAD STABLEHLO_IOTA STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE
STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE
STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT STABLEHLO_CASE
"""
NAMES = tuple(_NAMES.split())
CUSTOM, LATER = NAMES.index("CUSTOM"), NAMES.index("PLACEHOLDER_FOR_GREATER_OP_CODES")
