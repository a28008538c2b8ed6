"""Operators that cannot be counted, each with its reason."""

from sepcalc.importers.common.layout import NONE, same_rows
from sepcalc.importers.common.tensorflow.rows import Operator

_REASONS = {
    "how many elements it keeps depends on the data": (
        "BooleanMask CombinedNonMaxSuppression DynamicPartition ListDiff NonMaxSuppression NonMaxSuppressionV2 "
        "NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 NonMaxSuppressionWithOverlaps Unique UniqueV2 "
        "UniqueWithCounts Where"
    ),
    "it decodes a file, whose size and content are not known": (
        "DecodeAndCropJpeg DecodeBmp DecodeCSV DecodeCompressed DecodeGif DecodeImage DecodeJpeg DecodePaddedRaw "
        "DecodePng DecodeProtoV2 DecodeRaw DecodeWav EncodeJpeg EncodePng ParseExample ParseExampleV2 "
        "ParseSingleExample ReadFile"
    ),
    "it works on texts, whose lengths are not known": (
        "AsString Base64 DecodeBase64 EncodeBase64 ReduceJoin RegexFullMatch RegexReplace StaticRegexFullMatch "
        "StaticRegexReplace StringFormat StringJoin StringLength StringLower StringNGrams StringSplit StringSplitV1 "
        "StringSplitV2 StringStrip StringToHashBucket StringToHashBucketFast StringToHashBucketStrong StringToNumber "
        "StringUpper Substr UnicodeDecode UnicodeDecodeWithOffsets UnicodeEncode UnicodeTranscode"
    ),
    "how long it looks for a key in a table depends on the table": (
        "HashTable HashTableV2 InitializeTableFromTextFileV2 InitializeTableV2 LookupTableFind LookupTableFindV2 "
        "LookupTableImportV2 LookupTableSize LookupTableSizeV2 MutableHashTableV2"
    ),
    "what drawing random numbers takes is not known": (
        "Multinomial ParameterizedTruncatedNormal RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt "
        "StatefulStandardNormalV2 StatefulUniform StatelessMultinomial StatelessRandomNormal StatelessRandomNormalV2 "
        "StatelessRandomUniform StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessTruncatedNormalV2 "
        "TruncatedNormal"
    ),
    "how many operations a Fourier transform takes is the library's choice": (
        "FFT FFT2D FFT3D IFFT IFFT2D IFFT3D IRFFT IRFFT2D IRFFT3D RFFT RFFT2D RFFT3D"
    ),
    "complex numbers are not supported": ("Angle Complex ComplexAbs Conj Imag Real"),
    "how often sorting compares depends on the data": ("InTopK InTopKV2 SortV2"),
    "sparse tensors are not supported": (
        "SparseConcat SparseFillEmptyRows SparseReshape SparseSegmentMean SparseSegmentSqrtN SparseSegmentSum "
        "SparseSlice SparseTensorDenseMatMul SparseToSparseSetOperation"
    ),
    "where its data comes from, the file does not say": (
        "FIFOQueueV2 IteratorGetNext IteratorV2 OneShotIterator QueueDequeueManyV2 QueueDequeueV2"
    ),
    "how often it runs is the library's choice": (
        "Cholesky Lu MatrixDeterminant MatrixInverse MatrixSolve MatrixTriangularSolve Qr SelfAdjointEigV2 Svd"
    ),
    "it runs code that is not in the file": ("EagerPyFunc PyFunc PyFuncStateless XlaCallModule"),
}
UNCOUNTED: dict[str, Operator] = {
    name: row
    for reason, names in _REASONS.items()
    for name, row in same_rows(Operator(None, NONE, reason), *names.split()).items()
}
