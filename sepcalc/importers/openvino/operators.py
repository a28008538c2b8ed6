"""OpenVINO's operators, of all rooms: opsets 1 to 15."""

from sepcalc.importers.common.layout import NONE, SEQUENCES, Layout, same_rows
from sepcalc.importers.onnx.operators import Table
from sepcalc.importers.onnx.quantized import QUANTIZED
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.shapes import as_first
from sepcalc.importers.openvino.elements import ELEMENTS
from sepcalc.importers.openvino.graph import COMPRESSED
from sepcalc.importers.openvino.layers import LAYERS
from sepcalc.importers.openvino.moves import AXES, MOVING
from sepcalc.importers.openvino.rows import typed

_DATA = "how many elements it keeps depends on the data"
_BOXES = "which boxes it keeps, and the work for it, depend on the data"
_REGIONS = "the positions that it samples depend on the data"
_TEXT = "it works on texts, whose lengths are not known"
_FOURIER = "how many operations a Fourier transform takes is the library's choice"
_SEARCH = "the steps of its search depend on the data"
_OTHER = "no count is known for this operator"


def _row(reason: str, layout: Layout = NONE, apart: bool = False) -> Operator:
    return Operator(None, layout, reason, apart=apart)


UNCOUNTED: dict[str, Operator] = {
    **same_rows(_row(_DATA), "NonZero", "Unique", "SearchSorted"),
    **same_rows(
        _row(_BOXES),
        *("NonMaxSuppression", "MatrixNms", "MulticlassNms", "NMSRotated", "DetectionOutput", "Proposal"),
        *("ExperimentalDetectronDetectionOutput", "ExperimentalDetectronGenerateProposalsSingleImage"),
        *("ExperimentalDetectronPriorGridGenerator", "ExperimentalDetectronTopKROIs", "GenerateProposals"),
    ),
    **same_rows(
        _row(_REGIONS),
        *("ROIAlign", "ROIAlignRotated", "ROIPooling", "PSROIPooling", "DeformablePSROIPooling"),
        "ExperimentalDetectronROIFeatureExtractor",
    ),
    **same_rows(_row(_TEXT), "StringTensorPack", "StringTensorUnpack"),
    **same_rows(_row(_FOURIER), "DFT", "IDFT", "RDFT", "IRDFT", "STFT", "ISTFT"),
    **same_rows(_row(_SEARCH), "CTCGreedyDecoder", "CTCGreedyDecoderSeqLen", "CTCLoss", "GatherTree"),
    **same_rows(_row("what drawing random numbers takes is not known"), "Multinomial"),
    **same_rows(_row("how many rows it adds depends on the data"), "EmbeddingBagOffsetsSum", "EmbeddingSegmentsSum"),
    **same_rows(_row(_OTHER), "EmbeddingBagPackedSum", "RegionYolo", "ReorgYolo", "Inverse", "Col2Im", "SegmentMax"),
    "Bucketize": Operator(None, NONE, "how often it compares is the library's choice", shape=as_first),
    "AUGRUSequence": _row(_OTHER, SEQUENCES),
}
OPERATORS: dict[str, Operator] = {
    **typed({**LAYERS, **ELEMENTS, **MOVING}),
    **UNCOUNTED,
    **AXES,
    f"{COMPRESSED}.Multiply": QUANTIZED["DequantizeLinear"]._replace(older=None, computed=None),
}
TABLE = Table(OPERATORS, ("", COMPRESSED))
