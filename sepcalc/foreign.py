"""Names in other tools: the words of PyTorch, Keras, TensorFlow, ONNX, Caffe and papers, each with ours.

One table for all hints, loaded only after an error. A word is looked up in the form that :func:`plain` gives it, so
that few rows find ``nn.MaxPool2d``, ``max_pool`` and ``MaxPooling2D``.
"""

import re
from collections.abc import Container, Iterable, Mapping

_MODULES = re.compile(r"^(?:[A-Za-z_]\w*\.)+")
_RANK = re.compile(r"(?<=[a-z])[123]d")


def plain(word: str) -> str:
    """The word without case, hyphens, module prefix and number of axes: ``nn.MaxPool2d`` is ``maxpool``."""
    bare = _MODULES.sub("", word.strip("'\"`:;,")).lower()
    return _RANK.sub("", re.sub(r"[-_\s]", "", bare))


LAYERS = {
    # convolutions
    "convolution": "conv", "cnn": "conv", "convlayer": "conv", "convolve": "conv",
    "conv2": "conv", "c": "conv", "standardconv": "conv", "regularconv": "conv", "normalconv": "conv",
    "fusedconv": "conv", "qlinearconv": "conv", "convinteger": "conv", "lazyconv": "conv", "causalconv": "conv",
    "groupconv": "conv", "groupedconv": "conv", "gconv": "conv", "dilatedconv": "conv",
    "atrousconv": "conv", "stridedconv": "conv", "atrous": "conv", "dilated": "conv",
    "dwconv": "depthwise", "depthwiseconv": "depthwise", "depthwiseconvolution": "depthwise", "dw": "depthwise",
    "convdw": "depthwise", "depthwiseconvnative": "depthwise", "depthconv": "depthwise",
    "pwconv": "pointwise", "pointwiseconv": "pointwise", "pointwiseconvolution": "pointwise", "pw": "pointwise",
    "convpw": "pointwise", "conv1x1": "pointwise", "1x1conv": "pointwise", "1x1": "pointwise", "nin": "pointwise",
    "mlpconv": "pointwise", "projection": "pointwise", "bottleneckconv": "pointwise",
    "separableconv": "separable", "sepconv": "separable", "sep": "separable", "dsconv": "separable",
    "dws": "separable", "dwsep": "separable", "dwsconv": "separable", "dsc": "separable",
    "depthwiseseparable": "separable", "depthwiseseparableconv": "separable", "xceptionconv": "separable",
    "spatialseparable": "spatial", "spatiallyseparable": "spatial", "asymmetricconv": "spatial",
    "lowrank": "factorized", "factorised": "factorized", "factorizedconv": "factorized",
    "convtranspose": "transposed", "transposedconv": "transposed", "transposeconv": "transposed",
    "convtransposed": "transposed", "deconv": "transposed", "deconvolution": "transposed", "upconv": "transposed",
    "fractionallystridedconv": "transposed", "tconv": "transposed", "convt": "transposed", "convtrans": "transposed",
    "col2im": "fold",
    # products
    "linear": "dense", "fc": "dense", "fullyconnected": "dense", "fullconnect": "dense", "innerproduct": "dense",
    "gemm": "dense", "addmm": "dense", "mlp": "dense", "affine": "dense", "lazylinear": "dense",
    "denselayer": "dense", "classifier": "dense", "head": "dense", "logits": "dense",
    "bmm": "matmul", "mm": "matmul", "dot": "matmul", "batchmatmul": "matmul",
    "mha": "multihead", "multiheadattention": "multihead", "msa": "multihead", "mhsa": "multihead",
    "selfattention": "multihead", "selfattn": "multihead", "attn": "multihead",
    "scaleddotproductattention": "attention", "sdpa": "attention",
    # pools
    "maxpool": "pool max", "maxpooling": "pool max", "maxp": "pool max", "mp": "pool max", "poolmax": "pool max",
    "pooling": "pool max", "subsampling": "pool max",
    "avgpool": "pool avg", "averagepool": "pool avg", "averagepooling": "pool avg", "avgpooling": "pool avg",
    "meanpool": "pool avg", "meanpooling": "pool avg", "poolavg": "pool avg", "ap": "pool avg",
    "lppool": "pool avg", "sumpool": "pool sum",
    "gap": "pool avg global", "globalavgpool": "pool avg global", "globalaveragepool": "pool avg global",
    "globalaveragepooling": "pool avg global", "globalavgpooling": "pool avg global", "globalpool": "pool avg global",
    "globalpooling": "pool avg global", "avgpoolglobal": "pool avg global", "poolglobal": "pool avg global",
    "gmp": "pool max global", "globalmaxpool": "pool max global", "globalmaxpooling": "pool max global",
    "adaptiveavgpool": "pool avg adaptive", "adaptiveaveragepool": "pool avg adaptive",
    "adaptiveaveragepooling": "pool avg adaptive", "adaptivepool": "pool avg adaptive",
    "adaptivemaxpool": "pool max adaptive", "adaptivemaxpooling": "pool max adaptive",
    "reducemean": "reduce mean", "mean": "reduce mean", "reducesum": "reduce sum", "sum": "reduce sum",
    "reducemax": "reduce max", "reducemin": "reduce min", "argmax": "reduce argmax", "argmin": "reduce argmin",
    # norms
    "bn": "norm batch", "batchnorm": "norm batch", "batchnormalization": "norm batch",
    "batchnormalisation": "norm batch",
    "syncbatchnorm": "norm batch", "syncbn": "norm batch", "frozenbatchnorm": "norm batch", "spatialbn": "norm batch",
    "ln": "norm layer", "layernorm": "norm layer", "layernormalization": "norm layer",
    "gn": "norm group", "groupnorm": "norm group", "groupnormalization": "norm group",
    "in": "norm instance", "instancenorm": "norm instance", "instancenormalization": "norm instance",
    "rmsnorm": "norm rms", "rmsnormalization": "norm rms", "simplifiedlayernormalization": "norm rms",
    "lrn": "norm lrn", "localresponsenorm": "norm lrn", "localresponsenormalization": "norm lrn",
    "normalization": "norm input", "rescaling": "norm input",
    # activations: those of our own names are found without
    "rectifiedlinear": "act relu", "rectifier": "act relu", "rectify": "act relu", "relun": "act relu6",
    "lrelu": "act leaky-relu", "leaky": "act leaky-relu", "hsigmoid": "act hard-sigmoid", "hswish": "act hard-swish",
    "hardswish": "act hard-swish", "logistic": "act sigmoid", "sigm": "act sigmoid", "hardtanh": "act clip",
    "clamp": "act clip", "clipbyvalue": "act clip", "relu1": "act clip", "geluapproximate": "act gelu-tanh",
    "fastgelu": "act gelu-tanh", "newgelu": "act gelu-tanh", "quickgelu": "act swish", "inverse": "act reciprocal",
    "activation": "act", "nonlinearity": "act", "parametricrelu": "act prelu", "nonlin": "act",
    "nl": "act", "activationfn": "act", "re": "act relu", "hs": "act hard-swish",
    # resampling
    "resize": "upsample bilinear", "upsampling": "upsample nearest", "interpolate": "upsample bilinear",
    "interp": "upsample bilinear", "upsamplingbilinear": "upsample bilinear", "unpool": "upsample nearest",
    "upsamplingnearest": "upsample nearest", "resizebilinear": "upsample bilinear", "up": "upsample nearest",
    "resizenearestneighbor": "upsample nearest", "resizenearest": "upsample nearest", "unpooling": "upsample nearest",
    "maxunpool": "upsample nearest",
    "depthtospace": "pixel-shuffle", "subpixel": "pixel-shuffle", "spacetodepth": "pixel-unshuffle",
    "reorg": "pixel-unshuffle", "focus": "pixel-unshuffle",
    # element by element
    "plus": "add", "eltwise": "add", "eltwiseadd": "add", "elementwiseadd": "add", "addition": "add",
    "skipadd": "add", "biasadd": "shift channel", "sub": "subtract", "minus": "subtract", "mul": "multiply",
    "times": "multiply", "eltwisemul": "multiply", "hadamard": "multiply", "prod": "multiply", "div": "divide",
    "pow": "power", "where": "select", "max": "maximum", "min": "minimum", "logsoftmax": "log-softmax",
    # recurrent
    "lstmcell": "lstm", "bilstm": "lstm --bidirectional", "grucell": "gru", "bigru": "gru --bidirectional",
    "simplernn": "rnn", "rnncell": "rnn", "elman": "rnn",
    # moves
    "concatenate": "concat", "cat": "concat", "merge": "concat", "depthconcat": "concat", "route": "concat",
    "zeropadding": "pad", "zeropad": "pad", "constantpad": "pad", "reflectionpad": "pad", "replicationpad": "pad",
    "crop": "slice", "cropping": "slice", "narrow": "slice", "stridedslice": "slice", "split": "slice",
    "flat": "flatten", "view": "reshape", "unflatten": "reshape", "squeeze": "reshape", "unsqueeze": "reshape",
    "expanddims": "reshape", "transpose": "permute", "channelshuffle": "shuffle", "embed": "embedding",
    "embeddingbag": "embedding bag-sum", "lookup": "embedding", "wordembedding": "embedding",
    "drop": "dropout", "spatialdropout": "dropout", "droppath": "dropout", "stochasticdepth": "dropout",
    "alphadropout": "dropout", "noop": "identity", "passthrough": "identity", "clstoken": "token", "tile": "copy",
    "repeatvector": "copy", "gather": "copy", "roll": "copy",
}  # fmt: skip
"""A layer by its foreign name -> our kind with its words (and options, where the name says them)."""

BLOCKS = {
    "basicblock residualblock resblock": "resnet50 --set bottleneck=false",
    "bottleneck bottleneckblock": "resnet50",
    "invertedresidual invertedbottleneck linearbottleneck": "mobilenet_v2",
    "mbconv mbconvblock fusedmbconv": "efficientnet_b0",
    "squeezeexcitation squeezeexcite seblock selayer se squeezeandexcitation": "mobilenet_v3_large",
    "fire firemodule fireblock": "squeezenet_1_0",
    "inception inceptionblock inceptionmodule": "googlenet",
    "denseblock denseunit transitionlayer": "densenet121",
    "shuffleunit shuffleblock": "shufflenet_v2_x1_0",
    "convnextblock cnblock": "convnext_tiny",
    "transformer transformerblock transformerlayer transformerencoder transformerencoderlayer encoderblock "
    "encoderlayer": "vit_b_16",
}
"""Blocks of papers -> a network of the zoo that has them."""


def block(word: str) -> str:
    """The command that shows a block from a paper as layers; empty for an unknown word."""
    name = word.partition("(")[0]
    found = next((network for names, network in BLOCKS.items() if plain(name) in names.split()), "")
    return f"{name} is a block of layers: sepcalc convert zoo:{found} shows it as YAML" if found else ""


WORDS = {
    "average": "avg", "mean": "avg", "maximum": "max", "all": "global", "nearestneighbor": "nearest",
    "nn": "nearest", "cubic": "bicubic", "area": "nearest", "globalaverage": "avg",
}  # fmt: skip
"""A word after a kind -> ours."""

OPTIONS = {
    "kernel": "kernelsize ksize kernelshape filtersize windowsize poolsize poolingsize windowshape window kernelwidth "
    "kernelsizes kernels kern filter receptivefield size",
    "out": "filters outchannels outfeatures units numoutput numfilters outputs output nout cout channels features nb "
    "hiddensize hidden hiddenunits planes outplanes outdim outputdim outputchannels outputfeatures numclasses classes "
    "embeddingdim outsize outc outch embeddim width depth dim nfilters numunits numkernels",
    "stride": "strides step subsample downsample stepsize",
    "padding": "pad pads border autopad zeropadding padsize bordermode",
    "dilation": "dilationrate dilations rate atrous atrousrate",
    "groups": "group numgroups featuregroupcount cardinality ngroups",
    "multiplier": "depthmultiplier channelmultiplier channelsmultiplier",
    "bias": "usebias biasterm withbias hasbias addbias",
    "output-padding": "outputpads outpad adj",
    "rank": "r lowrank",
    "ceil": "ceilmode",
    "to": "outputsize targetshape newshape targetsize size outputshape dims perm",
    "scale": "scalefactor scales factor upscalefactor downscalefactor blocksize zoom size upsample",
    "heads": "numheads nheads numattentionheads nhead head",
    "kv-heads": "numkvheads numkeyvalueheads nkvheads",
    "axes": "normalizedaxes",
    "gain": "weight elementwiseaffine",
    "vocab": "vocabsize numembeddings inputdim vocabulary",
    "count": "numtokens",
    "alpha": "",
    "bidirectional": "bi",
    "projection": "projsize",
    "transpose": "transb",
    "last": "lastonly",
    "start": "begin offset",
    "size": "length",
}
"""An option -> its names in other tools. ``size`` is in several rows: the kind decides."""

LETTERS = {"f": "out", "c": "out", "n": "out", "p": "padding", "k": "kernel", "s": "stride", "d": "dilation",
           "g": "groups", "o": "out", "m": "multiplier", "h": "heads", "r": "rank"}  # fmt: skip
"""A letter in the notation of papers (``k3n64s1``) -> the option."""

_IGNORED = (
    "inchannels infeatures inputsize inplanes incha inch cin numfeatures numchannels name dtype device momentum eps "
    "epsilon affine trackrunningstats inplace inputshape batchinputshape dataformat trainable kernelinitializer "
    "biasinitializer kernelregularizer biasregularizer activityregularizer kernelconstraint biasconstraint "
    "depthwiseinitializer pointwiseinitializer center scaleparam mode aligncorners antialias interpolation axis dim "
    "normalizedshape negativeslope dropout batchfirst returnsequences returnstate keepdims rate p input bottom top "
    "inputdim paddingmode recurrentdropout noiseshape seed approximate recomputescalefactor type dims perm"
)
IGNORED = frozenset(_IGNORED.split())
"""Arguments that do not affect counts, or that repeat the input; they are dropped with their values."""

_INPUTS = "inchannels infeatures inputsize inplanes incha inch cin numfeatures numchannels"
INPUTS = frozenset(_INPUTS.split())
"""Those of them that give the channels of the input."""

CALLS = {
    "conv": ("in", "out", "kernel", "stride", "padding", "dilation", "groups", "bias"),
    "transposed": ("in", "out", "kernel", "stride", "padding", "output-padding", "groups", "bias", "dilation"),
    "dense": ("in", "out", "bias"),
    "pool": ("kernel", "stride", "padding", "dilation"),
    "lstm": ("in", "out"),
    "gru": ("in", "out"),
    "rnn": ("in", "out"),
    "multihead": ("in", "heads"),
    "embedding": ("vocab", "out"),
    "norm": ("groups", "in"),
    "upsample": ("to", "scale"),
    "pixel-shuffle": ("scale",),
    "pixel-unshuffle": ("scale",),
    "shuffle": ("groups",),
    "pad": ("padding",),
    "dropout": ("in",),
    "act": ("in",),
    "prelu": ("in",),
}
"""The positional arguments of PyTorch's calls (``in``: the input's own channels)."""

KERAS = {
    "conv": ("out", "kernel", "stride", "padding"),
    "separable": ("out", "kernel", "stride", "padding"),
    "depthwise": ("kernel", "stride", "padding"),
    "transposed": ("out", "kernel", "stride", "padding"),
    "dense": ("out",),
    "pool": ("kernel", "stride", "padding"),
    "lstm": ("out",),
    "gru": ("out",),
    "rnn": ("out",),
    "upsample": ("scale",),
    "multihead": ("heads", "in"),
}
"""The positional arguments of Keras' calls."""

PADDINGS = {"samepadding": "same", "sameupper": "same", "samelower": "same", "half": "same", "validpadding": "valid",
            "none": "valid", "no": "valid", "notset": "valid", "zero": "same", "zeros": "same", "auto": "same",
            "true": "same", "yes": "same", "false": "valid"}  # fmt: skip
"""A padding by name -> ours, beside ``same`` and ``valid`` in other case."""

TRUTHS = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False,
          "none": False}  # fmt: skip

EXAMPLES = {"kernel": "3", "out": "64", "scale": "2", "to": "7x7", "heads": "8", "vocab": "10000", "groups": "2",
            "padding": "1", "rank": "8"}  # fmt: skip
"""The value of an option in an example, if the guess lacks it."""

KEYS = {
    "layers": "model network architecture backbone body sequence sequential modules net ops graph",
    "input": "inputshape inputsize shape imagesize insize imageshape inputdim inputs image",
    "parameters": "params variables vars constants hyperparameters settings args arguments config",
    "defaults": "default",
    "blocks": "modules functions macros definitions defs templates stages block",
    "budget": "limits max limit budgets",
    "name": "title id model modelname",
    "outputs": "output heads",
    "published": "reported paper reference",
    "include": "import imports includes",
    "from": "input inputs source sources bottom bottoms parents inbound src",
    "repeat": "repeats times count n number num repetitions",
    "when": "if condition cond only",
    "residual": "skip res resnet shortcutblock identityblock skipconnection",
    "weights": "share sharedwith tied weightsof",
}
"""Keys of a document -> their names in other tools; for its root and for layers."""


def key(word: str, known: Iterable[str]) -> str:
    """``did you mean …?`` where other tools use this word for a key of ``known``; else an empty text."""
    for ours, names in KEYS.items():
        if ours in known and plain(word) in names.split():
            return f"did you mean {ours}?"
    return ""


ENTRY_KINDS = ("type", "kind", "op", "layer", "classname", "class", "optype", "module")
"""Keys that hold the kind of a layer in other tools: ``{type: conv, filters: 64}``."""

COMMANDS = {
    "compare": "cmp vs versus separable",
    "layer": "conv cost one",
    "network": "net model count info summary summarize profile analyze analyse stats stat flops macs params show print "
    "describe inspect report run calc calculate compute estimate torchinfo thop fvcore ptflops onnx-tool "
    "parameters mac gflops complexity cost-of size table plot tree draw memory mem visualize view load open predict",
    "verify": "prove test validate proof",
    "time": "measure bench benchmark latency speed stopwatch timeit",
    "whatif": "what-if rewrite replace convert-to separate transform modify",
    "fit": "optimize optimise shrink prune search minimize reduce slim compress",
    "zoo": "models networks list-models list ls model-zoo pretrained",
    "check": "gate budget lint limit assert guard ci enforce max",
    "diff": "changes changed delta",
    "baseline": "snapshot save keep record freeze",
    "factor": "svd decompose rank kernel factorize factorise separability",
    "kinds": "layers ops-list types kind layer-types",
    "convert": "export yaml to-yaml import translate dump transcribe onnx2yaml",
    "operators": "ops operator supported formats support",
    "schema": "jsonschema json-schema",
    "help": "man usage doc docs",
}
"""A command -> its names in other tools."""

CHECK_KEYS = {
    "path": "file files network networks model models paths glob target targets",
    "max": "budget budgets limit limits maximum thresholds",
    "max-increase": "increase tolerance growth max-growth threshold",
    "baseline": "reference base against",
    "input": "shape input-shape input-size size",
    "set": "parameters params variables",
}
"""A key of a check in pyproject.toml -> what others call it."""

FUNCTIONS = {
    "load": "network from_onnx from_keras from_tflite from_yaml from_file load_onnx load_model read_yaml onnx keras",
    "parse": "layer spec conv conv2d depthwise separable from_spec",
    "from_torch": "torch from_pytorch pytorch profile_model get_model_complexity_info",
    "compare": "variants alternatives",
}
"""A function of Python -> what others call it, beside what they call its command."""


def function(word: str) -> str:
    """``sepcalc.load(…)`` for the name that others have for it. Empty where it is none."""
    rows = [*FUNCTIONS.items(), *COMMANDS.items()]
    found = next((ours for ours, words in rows if word.lower() in words.replace("-", "_").split()), "")
    return f"sepcalc.{'load' if found == 'network' else found}" if found not in _PAGES else ""


_PAGES = ("", "layer", "kinds", "operators", "schema", "help")  # commands without a function

KEYWORDS = {
    "compare": {"variants": "variant only"},
    "verify": {"variants": "variant only", "claimed": "claim cost expected"},
    "load": {"input": "shape input_shape input_size size inputs image_size resolution"},
    "check": {"max": "limits budget limit maximum maxima", "max_increase": "increase tolerance"},
    "fit": {"max": "limits budget limit maximum target", "ways": "by way"},
    "whatif": {"rules": "rewrite rule replace variant", "width": "alpha", "exclude": "skip"},
}
"""A keyword of a function of Python -> what others call it."""

FLAGS = {
    "--json": "--format json", "--csv": "--format csv", "--markdown": "--format markdown", "--md": "--format markdown",
    "--table": "--format table", "--github": "--format github", "--junit": "--format junit",
    "--as-json": "--format json", "--to-json": "--format json",
    "--verbose": "--explain", "-v": "--explain", "--why": "--explain", "--details": "--explain", "--detailed": "--full",
    "--all": "--full | --variant all", "--flat": "--full", "--expanded": "--expand", "--fuse": "--fold-norm",
    "--fold-bn": "--fold-norm",
    "--fuse-bn": "--fold-norm", "--fuse-norm": "--fold-norm", "--fold": "--fold-norm", "--overwrite": "--force",
    "--by-kind": "--by kind", "--by-block": "--by block", "--group-by": "--by", "--group": "--by", "--groupby": "--by",
    "-o": "--output", "--fmt": "--format", "--output-format": "--format", "--as": "--format", "-f": "--format",
    "--input-shape": "--input", "--input-size": "--input", "--shape": "--input",
    "--image-size": "--resolution | --input",
    "--size": "--input", "--in": "--input", "--inputs": "--input", "-i": "--input", "--inputs-shape": "--input",
    "--input-res": "--input", "--input-dims": "--input", "--resolution": "--input", "--res": "--resolution | --input",
    "--img-size": "--resolution | --input", "--imgsz": "--resolution | --input",
    "--input-resolution": "--resolution | --input",
    "--param": "--set", "--params": "--set", "--parameter": "--set", "--arg": "--set", "--define": "--set",
    "--var": "--set", "-s": "--set", "-D": "--set", "--sets": "--set",
    "--limit": "--max", "--budget": "--max", "--under": "--max", "--at-most": "--max", "--less-than": "--max",
    "--tolerance": "--max-increase", "--max-growth": "--max-increase", "--increase": "--max-increase",
    "--threshold": "--max-increase", "--maxincrease": "--max-increase",
    "--variants": "--variant", "--only": "--layers", "--layer": "--layers", "--filter": "--layers",
    "--head": "--top", "--limit-rows": "--top", "-n": "--top", "--order": "--sort", "--sort-by": "--sort",
    "--out": "--output", "--save": "--output", "--write": "--output", "--file": "--output", "--to": "--output",
    "--baseline-file": "--baseline", "--against": "--baseline", "--base": "--baseline", "--exclude-layers": "--exclude",
    "--ignore-uncounted": "--allow-uncounted", "--skip-uncounted": "--allow-uncounted", "--rule": "--rewrite",
    "--replace": "--rewrite", "--with": "--rewrite", "--dtype-bytes": "--element-bytes", "--bytes": "--element-bytes",
    "--samples": "--sample", "--quick": "--sample 64", "--fast": "--sample 64",
    "--random-seed": "--seed", "--formulas": "--formula",
    "--fail": "--max-increase 0%", "--fail-on-increase": "--max-increase 0%", "--strict": "--max-increase 0%",
    "--fail-on-change": "--max-increase 0%", "--exit-code": "--max-increase 0%", "--no-growth": "--max-increase 0%",
    "--target": "--max", "--at-least": "--max", "--constraint": "--max", "--within": "--max", "--goal": "--max",
    "--alpha": "--width", "--width-mult": "--width", "--width-multiplier": "--width", "--channels": "--width",
    "--scale": "--width", "--shrink": "--width", "--variant": "--rewrite",
    "--image": "--resolution | --input", "--way": "--by", "--using": "--by", "--method": "--by",
    "--batch-size": "--batch", "--bs": "--batch", "--batchsize": "--batch",
    "--reference": "--baseline", "--compare-to": "--baseline",
    "--name": "--layers", "--match": "--layers", "--skip": "--exclude", "--ignore": "--exclude", "--not": "--exclude",
    "--silent": "--quiet", "-q": "--quiet", "--reasons": "--why", "--explain": "--why", "--precise": "--exact",
    "--digits": "--exact", "--raw": "--exact", "--names": "--list", "--ls": "--list",
    "--separable": "--rewrite *=depthwise-separable | --variant depthwise-separable",
    "--depthwise-separable": "--rewrite *=depthwise-separable | --variant depthwise-separable",
    "--spatial": "--rewrite *=spatial | --variant spatial", "-m": "--max",
    "--depthwise": "--rewrite *=depthwise-separable | --variant depthwise-separable", "--width": "--by width",
    "-r": "--rank", "--components": "--rank", "--sampled": "--sample",
    "--points": "--sample", "--max-rows": "--top", "--limit-to": "--top", "--rows": "--top", "--first": "--top",
    "--longest": "--top", "--largest": "--top", "--show": "--top",
}  # fmt: skip
"""An option of a command -> ours, with its value where the name says it; where a command has not the first, the one
after the bar."""


def flag(option: str, among: Container[str]) -> list[str]:
    """Our option for a foreign option of a command; empty where the command has none."""
    rows = FLAGS.get(option) or FLAGS.get(option.replace("_", "-").lower() if option[:2] == "--" else "", "")
    return next((row.split() for row in rows.split(" | ") if row.split() and row.split()[0] in among), [])


UNNEEDED = {
    "completion complete completions autocomplete install-completion show-completion": "it completes words behind "
    'eval "$(_SEPCALC_COMPLETE=bash_source sepcalc)" in ~/.bashrc (zsh: zsh_source)',
    "format json csv": "this command prints one form alone",
    "batch-size batch bs batchsize n-examples": "counts are of one example: times the batch, all but params",
    "device cuda gpu cpu gpus": "nothing is run on a device: counts follow from the shapes",
    "no-color no-colour color colour": "colour is for terminals alone, and NO_COLOR=1 turns it off",
    "quiet q silent": "it prints nothing but its result; >/dev/null hides that, the exit code stays",
    "pretrained weights checkpoint ckpt": "counts follow from the shapes, whatever the weights are",
    "dry-run": "without --output nothing is written",
    "precision dtype fp16 half": "counts do not depend on it; --element-bytes 2 is for traffic and memory",
    "threads jobs workers num-threads": "it runs in one process",
    "unit units": "tables show whole numbers; --exact never abbreviates them",
    "layers include only exclude": "a report has all layers; --by kind or block sums them up, --top N is the largest",
    "config": "checks stand in pyproject.toml, from whichever folder of the project",
    "options flags arguments": "each command has its own, which sepcalc help network shows, and so has each kind of "
    "layer: sepcalc help conv",
    "update upgrade self-update": "a newer version is installed as this one was, with pip's --upgrade",
    "init setup new create configure": "there is nothing to set up; sepcalc convert zoo:mobilenet_v1 prints a network "
    "to begin with",
    "train evaluate eval finetune quantize deploy": "it counts networks, and changes none",
    "examples example tutorial": "sepcalc help shows examples, and so does sepcalc help network",
}
"""Options and commands that nothing here needs: why."""


def unneeded(word: str) -> str:
    """Why there is no such option, or command; empty where that is not known."""
    bare = word.partition("=")[0].lstrip("-").replace("_", "-").lower()
    return next((why for names, why in UNNEEDED.items() if bare in names.split()), "")


PARAMETERS = {
    "width": "alpha widthmult widthmultiplier widthcoefficient wm scale channelmultiplier w",
    "depth": "depthmult depthmultiplier depthcoefficient d layers repeats nlayers numlayers",
    "classes": "numclasses nclasses nc ncls outputs numoutputs labels c",
    "growth": "growthrate k",
    "dim": "embeddim hiddensize dmodel embeddingdim hidden",
    "heads": "numheads nheads",
    "patch": "patchsize p",
    "groups": "cardinality g",
    "expansion": "expandratio expand t e",
}
"""A parameter of a network -> its names in other tools."""

UNITS = {
    "thousand": "k", "million": "M", "mio": "M", "mln": "M", "mn": "M", "m": "M", "billion": "G", "bn": "G", "b": "G",
    "g": "G", "t": "T", "trillion": "T", "mmacs": "M", "gmacs": "G", "mmac": "M", "gmac": "G", "tmacs": "T",
    "kmacs": "k", "mflops": "M", "gflops": "G", "mflop": "M", "gflop": "G", "tflops": "T", "kflops": "k",
    "mparams": "M", "kparams": "k", "gparams": "G", "macs": "", "flops": "", "params": "", "parameters": "",
    "mmadds": "M", "gmadds": "G", "madds": "M",
}  # fmt: skip
"""A unit of a count -> ours."""

CHOICES = {
    "--format": {"md": "markdown", "text": "table", "txt": "table", "plain": "table", "rich": "table", "tsv": "csv",
                 "jsonl": "json", "gha": "github", "xml": "junit", "excel": "csv"},
    "--by": {"kinds": "kind", "type": "kind", "blocks": "block", "layer": "kind", "op": "kind", "operator": "kind",
             "module": "block", "stage": "block", "widths": "width", "channels": "width", "alpha": "width",
             "input": "resolution", "size": "resolution", "res": "resolution", "separable": "separate",
             "depthwise": "separate", "depthwise-separable": "separate", "rewrite": "separate"},
    "operators": {"pytorch": "torch", "pt": "torch", "aten": "torch", "tensorflow": "tf", "savedmodel": "tf",
                  "h5": "keras", "tf.keras": "keras", "onnxruntime": "onnx", "ort": "onnx"},
}  # fmt: skip
"""A word of a fixed choice -> ours: after an option, or as a command's argument."""

ENDLESS = ("all", "none", "inf", "max", "-1", "0")
"""A number of rows that is all of them, as it is without ``--top``."""

RELATIVES = {
    "resnet18": "resnet50 --set bottleneck=false --set conv2=2 --set conv3=2 --set conv4=2 --set conv5=2",
    "resnet34": "resnet50 --set bottleneck=false",
    "resnet101": "resnet50 --set conv4=23",
    "resnet152": "resnet50 --set conv3=8 --set conv4=36",
    "resnext50": "resnet50 --set groups=32 --set group_width=4",
    "resnext5032x4d": "resnet50 --set groups=32 --set group_width=4",
    "wideresnet502": "resnet50 --set group_width=128",
    "wideresnet50": "resnet50 --set group_width=128",
    "vgg11": "vgg16 --set conv1=1 --set conv2=1 --set conv3=2 --set conv4=2 --set conv5=2",
    "vgg13": "vgg16 --set conv1=2 --set conv2=2 --set conv3=2 --set conv4=2 --set conv5=2",
    "vgg19": "vgg16 --set conv1=2 --set conv2=2 --set conv3=4 --set conv4=4 --set conv5=4",
    "densenet169": "densenet121 --set block3=32 --set block4=32",
    "densenet201": "densenet121 --set block3=48 --set block4=32",
    "densenet161": "densenet121 --set growth=48 --set block3=36 --set block4=24",
    "convnextsmall": "convnext_tiny --set deep=27",
    "convnextbase": "convnext_tiny --set deep=27 --set dim=128",
    "convnextlarge": "convnext_tiny --set deep=27 --set dim=192",
    "efficientnetb1": "efficientnet_b0 --set depth=1.1 --input 240x240x3",
    "efficientnetb2": "efficientnet_b0 --set width=1.1 --set depth=1.2 --input 260x260x3",
    "efficientnetb3": "efficientnet_b0 --set width=1.2 --set depth=1.4 --input 300x300x3",
    "efficientnetb4": "efficientnet_b0 --set width=1.4 --set depth=1.8 --input 380x380x3",
    "efficientnetb5": "efficientnet_b0 --set width=1.6 --set depth=2.2 --input 456x456x3",
    "efficientnetb6": "efficientnet_b0 --set width=1.8 --set depth=2.6 --input 528x528x3",
    "efficientnetb7": "efficientnet_b0 --set width=2.0 --set depth=3.1 --input 600x600x3",
    "vitb32": "vit_b_16 --set patch=32",
    "vitl16": "vit_b_16 --set dim=1024 --set depth=24 --set heads=16",
    "vith14": "vit_b_16 --set patch=14 --set dim=1280 --set depth=32 --set heads=16",
    "shufflenetv2x05": "shufflenet_v2_x1_0 --set width=0.5",
    "shufflenetv2x15": "shufflenet_v2_x1_0 --set width=1.5",
    "shufflenetv2x20": "shufflenet_v2_x1_0 --set width=2.0",
    "mobilenet": "mobilenet_v1", "mobilenetv3": "mobilenet_v3_large", "efficientnet": "efficientnet_b0",
    "resnet": "resnet50", "vgg": "vgg16", "densenet": "densenet121", "vit": "vit_b_16", "convnext": "convnext_tiny",
    "shufflenet": "shufflenet_v2_x1_0", "shufflenetv2": "shufflenet_v2_x1_0", "squeezenet": "squeezenet_1_0",
    "inception": "inception_v3", "inceptionv1": "googlenet", "mnasnet": "mnasnet_a1",
}  # fmt: skip
"""A network of a paper -> that of the zoo that it is, with its settings, as the head of the file there has them."""

METRICS = {
    "params": "parameters parameter weights param numparams nparams size",
    "macs": "mac madds multadds multiplyaccumulates muladds gmacs mmacs madd multadd",
    "mults": "multiplications mul muls mult multiply multiplies",
    "adds": "additions add",
    "flops": "flop gflops mflops operations",
    "peak-memory": "memory mem peakmem ram peak peakram",
    "params-bytes": "parambytes bytes weightsbytes modelsize",
    "traffic": "bandwidth io memorytraffic",
    "activations": "acts activation",
    "compares": "comparisons",
    "divs": "divisions",
    "specials": "special",
}
"""A metric -> its names in other tools."""

UNCOUNTED = {
    "latency time ms seconds runtime fps throughput speed inferencetime duration": "time depends on the machine, and "
    "is not counted; macs, flops and traffic are",
    "accuracy top1 top5 error loss": "counts say nothing of accuracy",
    "energy power watts joules": "energy depends on the machine, and is not counted; macs and traffic are",
    "layers depth nlayers numlayers": "the number of layers is no metric",
}
"""What is no metric: why."""


def metric(word: str) -> str:
    """The metric that a word means: ``parameters`` is params. Empty where it means none."""
    return _row(METRICS, plain(word))


ATTRIBUTES = {
    "cost": "total totals counts costs",
    "output": "outputshape outshape shape",
    "inputs": "input inputshape",
    "outputs": "output outputshape",
    "layers": "modules nodes children",
    "variants": "alternatives rows",
    "verdicts": "results checks",
    "after": "network result new",
    "ok": "passed verified success",
    "passed": "ok success",
}
"""An attribute of a result -> what others call it."""


def uncounted(word: str) -> str:
    """Why a word is no metric; empty where that is not known."""
    return next((why for names, why in UNCOUNTED.items() if plain(word) in names.split()), "")


def variant(word: str) -> str:
    """The variant that a word means. Empty where it means none."""
    return _row(VARIANTS, plain(word))


def _row(table: Mapping[str, str], bare: str) -> str:
    """The key of a row that has this plain word. Empty where none has."""
    return next((ours for ours, names in table.items() if bare in (ours.replace("-", ""), *names.split())), "")


VARIANTS = {
    "depthwise-separable": "separable depthwise dws dwsep dsc dw sepconv mobilenet xception dwseparable",
    "spatial": "spatiallyseparable spatialseparable rank1 asymmetric",
    "depthwise-spatial": "effnet fuse fuseconv",
    "factorized": "lowrank factorised factorize jaderberg svd inception",
    "normal": "conv standard regular full plain",
}
"""A variant -> its names in other tools."""

EXPORT = 'torch.export.save(torch.export.export(model, args), "model.pt2")'  # how a PyTorch module becomes a file
FILES = {
    ".pt": "PyTorch's pickles hold weights and code, and are never opened",
    ".pth": "PyTorch's pickles hold weights and code, and are never opened",
    ".ckpt": "a checkpoint holds weights, but no layers",
    ".bin": "a file of weights has no layers",
    ".safetensors": "a file of weights has no layers",
    ".npz": "a file of weights has no layers",
    ".pkl": "pickles run code, and are never opened",
    ".pickle": "pickles run code, and are never opened",
    ".gguf": "a file of weights has no layers",
    ".caffemodel": "Caffe's models are not read",
    ".prototxt": "Caffe's models are not read",
    ".mlmodel": "Core ML's models are not read",
    ".mlpackage": "Core ML's models are not read",
    ".engine": "TensorRT's engines are not read",
    ".pdmodel": "Paddle's models are not read",
    ".param": "ncnn's models are not read",
}
"""Suffix -> why such a file is not a network here. The hint names an alternative."""
