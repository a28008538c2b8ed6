"""What TFLite files are beside their operators: several graphs, signatures, states, open sizes, examples, stored
tensors, and damage."""

import random
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from tflite_files import G, Op, T, numbers, saved, stored

from sepcalc import InputError, load
from sepcalc.cli import run
from sepcalc.factoring.files import read as read_kernel

CONV = {"padding": 0, "stride_w": 1, "stride_h": 1, "dilation_w": 1, "dilation_h": 1}
DATA = Path(__file__).parent / "data" / "tflite"


def refusal(path: Path, **more: object) -> str:
    with pytest.raises(InputError) as caught:
        load(path, **more)  # type: ignore[arg-type]
    return str(caught.value).replace(str(path), "FILE")


def dense(ins: int, outs: int, reads: str, gives: str, weights: str) -> tuple[Op, dict[str, T]]:
    return Op("FULLY_CONNECTED", f"{reads} {weights} -", gives), {weights: stored(outs, ins), gives: T((1, outs))}


# --- fused activations ------------------------------------------------------------------------------------------------


def test_a_fused_activation_is_a_row_that_writes_no_tensor(tmp_path: Path) -> None:
    tensors = {"x": T((1, 4, 4, 2)), "w": stored(8, 1, 1, 2), "y": T((1, 4, 4, 8))}
    network = load(saved(tmp_path, G([Op("CONV_2D", "x w", "y", {**CONV, "activation": 3})], tensors)))
    conv, act = network.layers
    assert (conv.kind, act.kind, act.detail) == ("pointwise", "act", "relu6, fused")
    assert (act.cost.compares, act.cost.activations, act.traffic()) == (256, 0, 0)
    assert network.cost.activations == 128
    assert network.peak_memory() == 4 * (32 + 128)


def test_peak_memory_of_small_integers(tmp_path: Path) -> None:
    """MLPerf Tiny's person detector on 96x96, 48x48x8 into 48x48x16 at its peak; its anomaly detector, 640 to 128."""
    small = {"kind": "int8", "scales": (0.5,)}
    tensors = {
        "x": T((1, 96, 96, 1), **small),
        "k": stored(8, 3, 3, 1, kind="int8"),
        "a": T((1, 48, 48, 8), **small),
        "d": stored(1, 3, 3, 8, kind="int8"),
        "b": T((1, 48, 48, 8), **small),
        "p": stored(16, 1, 1, 8, kind="int8"),
        "y": T((1, 48, 48, 16), **small),
    }
    twice = {**CONV, "stride_w": 2, "stride_h": 2, "activation": 1}
    ops = [Op("CONV_2D", "x k", "a", twice), Op("DEPTHWISE_CONV_2D", "a d", "b", {**CONV, "activation": 1})]
    ops.append(Op("CONV_2D", "b p", "y", {**CONV, "activation": 1}))
    assert load(saved(tmp_path, G(ops, tensors))).peak_memory() == 55_296
    tensors = {"x": T((1, 640), **small), "w": stored(128, 640, kind="int8"), "y": T((1, 128), **small)}
    graph = G([Op("FULLY_CONNECTED", "x w -", "y", {"activation": 1})], tensors)
    assert load(saved(tmp_path, graph)).peak_memory() == 768


# --- stored tensors ---------------------------------------------------------------------------------------------------


def test_biases_of_zeros_are_params_and_told(tmp_path: Path) -> None:
    tensors = {
        "x": T((1, 6)),
        "w": stored(4, 6),
        "b": T((4,), np.zeros(4, "float32")),
        "h": T((1, 4)),
        "v": stored(4, 4),
        "c": stored(4),
        "y": T((1, 4)),
    }
    ops = [Op("FULLY_CONNECTED", "x w b", "h"), Op("FULLY_CONNECTED", "h v c", "y")]
    network = load(saved(tmp_path, G(ops, tensors)))
    assert network.params == 24 + 4 + 16 + 4
    assert network.notes == (
        "1 of its 2 stored biases hold nothing but zeros, as converters add them: their params count",
    )


def test_stored_halves_are_storage_and_the_layer_behind_them_has_the_params(tmp_path: Path) -> None:
    tensors = {
        "x": T((1, 6)),
        "w": stored(4, 6, kind="float16"),
        "d": T((4, 6)),
        "y": T((1, 4)),
    }
    network = load(saved(tmp_path, G([Op("DEQUANTIZE", "w", "d"), Op("FULLY_CONNECTED", "x d -", "y")], tensors)))
    assert [layer.kind for layer in network.layers] == ["dense"]
    assert (network.params, network.param_bytes) == (24, 48)


def test_stripped_buffers_are_no_error_and_short_ones_are(tmp_path: Path) -> None:
    def graph(data: bytes | None) -> G:
        return G([Op("FULLY_CONNECTED", "x w -", "y")], {"x": T((1, 6)), "w": T((4, 6), data), "y": T((1, 4))})

    assert load(saved(tmp_path, graph(b""))).params == 24
    assert load(saved(tmp_path, graph(None))).params == 24
    assert refusal(saved(tmp_path, graph(bytes(92)))) == (
        "FILE: this is no TFLite model, or it is damaged: "
        "the stored tensor 'w' has 92 bytes: its shape 4x6 of float32 takes 96"
    )


def test_a_buffer_behind_the_flatbuffer_is_found(tmp_path: Path) -> None:
    """As files of more than 2 GiB have them: the buffer says where in the file its bytes lie."""
    tensors = {"x": T((1, 6)), "w": stored(4, 6), "b": T((4,), buffer=2), "y": T((1, 4))}
    graph = G([Op("FULLY_CONNECTED", "x w b", "y")], tensors)
    path = saved(tmp_path, graph, behind=[bytes(16)])
    assert load(path).params == 28
    assert load(path).notes[0].startswith("1 of its 1 stored biases hold nothing but zeros")
    path.write_bytes(path.read_bytes()[:-1])
    assert refusal(path) == "FILE: this is no TFLite model, or it is damaged: a buffer leads out of the file"


def test_a_tensor_that_two_layers_use_counts_once(tmp_path: Path) -> None:
    tensors = {"x": T((1, 6)), "w": stored(6, 6), "h": T((1, 6)), "y": T((1, 6))}
    ops = [Op("FULLY_CONNECTED", "x w -", "h"), Op("FULLY_CONNECTED", "h w -", "y")]
    network = load(saved(tmp_path, G(ops, tensors)))
    assert (network.macs, network.params, network.layers[1].weights) == (72, 36, "w")


def test_a_mask_is_no_weight(tmp_path: Path) -> None:
    mask = T((4, 4), np.full((4, 4), -1e9, "float32"))
    tensors = {"x": T((1, 2, 4, 4)), "m": mask, "y": T((1, 2, 4, 4))}
    assert load(saved(tmp_path, G([Op("ADD", "x m", "y")], tensors))).params == 0
    tensors["m"] = stored(4, 4)
    assert load(saved(tmp_path, G([Op("ADD", "x m", "y")], tensors))).params == 16


def test_stored_weights_are_factored(tmp_path: Path) -> None:
    """A depthwise kernel of outer products, as floats and as small integers with a scale for each channel."""
    planted = np.stack([np.outer([1, 2, 1], [1, 0, -1]), np.outer([1, 1, 1], [1, 3, 1])], axis=-1)[None]
    for data, more in (
        (planted.astype("float32"), {}),
        (planted.astype("int8"), {"kind": "int8", "scales": (0.5, 0.25), "along": 3}),
    ):
        tensors = {"x": T((1, 8, 8, 2)), "w": T((1, 3, 3, 2), data, **more), "y": T((1, 8, 8, 2))}
        path = saved(tmp_path, G([Op("DEPTHWISE_CONV_2D", "x w", "y", CONV)], tensors))
        kernel = read_kernel(str(path), "w", None)
        assert kernel.shape == (2, 1, 3, 3)
        factor = np.array([[[[1.0]]], [[[1.0]]]] if not more else [[[[0.5]]], [[[0.25]]]])
        assert np.array_equal(kernel.values, np.moveaxis(planted, (3, 0), (0, 1)) * factor)
        assert np.linalg.matrix_rank(kernel.values[0, 0]) == 1
    assert run(["factor", f"{path}:w"]) == 0
    tensors = {"x": T((1, 8, 8, 2)), "w": stored(4, 3, 5, 2), "y": T((1, 8, 8, 4))}
    path = saved(tmp_path, G([Op("CONV_2D", "x w", "y", CONV)], tensors))
    assert read_kernel(str(path), "w", None).shape == (4, 2, 3, 5)


# --- states -----------------------------------------------------------------------------------------------------------


def test_a_streaming_model_is_one_step(tmp_path: Path) -> None:
    handle = T((), kind="resource")
    main = G(
        [
            Op("CALL_ONCE", "", "", {"init": 1}),
            Op("VAR_HANDLE", "", "h", {"shared_name": "state"}),
            Op("READ_VARIABLE", "h", "s"),
            Op("CONCATENATION", "s x", "j", {"axis": 1}),
            Op("STRIDED_SLICE", "j from to step", "n", {"begin_mask": 13, "end_mask": 15}),
            Op("ASSIGN_VARIABLE", "h n", ""),
            Op("CONV_2D", "j w", "y", {**CONV, "padding": 1}),
        ],
        {
            "x": T((1, 1, 1, 4)),
            "h": handle,
            "s": T((1, 2, 1, 4)),
            "j": T((1, 3, 1, 4)),
            "n": T((1, 2, 1, 4)),
            "from": numbers(0, 1, 0, 0),
            "to": numbers(0, 0, 0, 0),
            "step": numbers(1, 1, 1, 1),
            "w": stored(8, 3, 1, 4),
            "y": T((1, 1, 1, 8)),
        },
    )
    setup = G(
        [Op("VAR_HANDLE", "", "h", {"shared_name": "state"}), Op("ASSIGN_VARIABLE", "h z", "")],
        {"h": handle, "z": stored(1, 2, 1, 4)},
        "",
        "",
    )
    network = load(saved(tmp_path, main, setup))
    assert (network.macs, network.params, network.complete) == (96, 96, True)
    assert network.notes == ("counts are for one step: variables keep their values from one step to the next",)


# --- graphs in graphs -------------------------------------------------------------------------------------------------


def chosen(condition: T) -> tuple[G, G, G]:
    main = G(
        [Op("IF", "c x", "y", {"then": 1, "else": 2})],
        {"c": condition, "x": T((1, 6)), "y": T((1, 4))},
        "x" if condition.data is not None else "c x",
    )
    small = G([Op("FULLY_CONNECTED", "x w -", "y")], {"x": T((1, 6)), "w": stored(4, 6), "y": T((1, 4))})
    large = G(
        [Op("FULLY_CONNECTED", "x w -", "h"), Op("FULLY_CONNECTED", "h v -", "y")],
        {"x": T((1, 6)), "w": stored(8, 6), "h": T((1, 8)), "v": stored(4, 8), "y": T((1, 4))},
    )
    return main, small, large


def test_of_branches_the_one_that_costs_most_counts(tmp_path: Path) -> None:
    network = load(saved(tmp_path, *chosen(T((1,), kind="bool"))))
    assert (network.macs, network.params) == (80, 80 + 24)
    assert "y: its branch depends on the data; else, which costs most, is counted" in network.notes
    assert network.choices


@pytest.mark.parametrize(("value", "macs"), [(1, 24), (0, 80)])
def test_a_stored_condition_decides(value: int, macs: int, tmp_path: Path) -> None:
    network = load(saved(tmp_path, *chosen(numbers(value, kind="bool"))))
    assert (network.macs, network.params) == (macs, macs)


def loop(start: T) -> tuple[G, G, G]:
    main = G(
        [Op("WHILE", "i x", "n y", {"cond": 1, "body": 2})],
        {"i": start, "x": T((1, 6)), "n": T((), kind="int32"), "y": T((1, 6))},
        "x" if start.data is not None else "i x",
    )
    cond = G(
        [Op("LESS", "i most", "go")],
        {"i": T((), kind="int32"), "x": T((1, 6)), "most": numbers(5, shape=()), "go": T((), kind="bool")},
        "i x",
        "go",
    )
    body = G(
        [Op("ADD", "i one", "n"), Op("FULLY_CONNECTED", "x w -", "y")],
        {
            "i": T((), kind="int32"),
            "x": T((1, 6)),
            "one": numbers(1, shape=()),
            "n": T((), kind="int32"),
            "w": stored(6, 6),
            "y": T((1, 6)),
        },
        "i x",
        "n y",
    )
    return main, cond, body


def test_a_loop_runs_as_often_as_its_counter_says(tmp_path: Path) -> None:
    network = load(saved(tmp_path, *loop(numbers(0, shape=()))))
    assert (network.macs, network.params, network.complete) == (5 * 36, 36, True)


def test_a_loop_that_depends_on_the_data_is_listed_with_what_it_stores(tmp_path: Path) -> None:
    network = load(saved(tmp_path, *loop(T((), kind="int32"))))
    assert [gap.reason for gap in network.uncounted] == ["how often it runs depends on the data"]
    assert network.params == 36


def test_a_graph_that_runs_itself_is_refused(tmp_path: Path) -> None:
    graph = G([Op("CALL", "x", "y", {"subgraph": 0})], {"x": T((1, 6)), "y": T((1, 6))})
    assert refusal(saved(tmp_path, graph)) == "FILE: y: a graph that runs itself never ends"


SIGNED = (
    G([Op("FULLY_CONNECTED", "x w -", "y")], {"x": T((1, 6)), "w": stored(4, 6), "y": T((1, 4))}),
    G([Op("FULLY_CONNECTED", "a v -", "b")], {"a": T((1, 8)), "v": stored(4, 8), "b": T((1, 4))}, "a", "b"),
)
NAMED = (("encode", 0, {"image": "x"}, {"code": "y"}), ("decode", 1, {"code": "a"}, {"image": "b"}))


def test_a_signature_names_the_graph_that_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path, *SIGNED, signatures=NAMED)
    network = load(path)
    assert (network.macs, network.inputs, network.outputs) == (24, {"image": (6,)}, {"code": (4,)})
    assert network.notes == ("the file has 2 signatures, 'encode', 'decode': counted is the signature 'encode'",)
    network = load(path, signature="decode")
    assert (network.macs, network.inputs, network.notes) == (32, {"code": (8,)}, ())
    assert run(["check", str(path), "--signature", "decode", "--max", "macs=31"]) == 1
    assert refusal(path, signature="decod") == "FILE: it has no signature 'decod'\n  hint: did you mean decode?"
    capsys.readouterr()
    assert run(["network", "8x8x3, act relu", "--signature", "decode"]) == 2
    said = "a network on one line has no signature 'decode'\n  hint: --signature is for TFLite and TensorFlow files\n"
    assert capsys.readouterr().err == said


# --- inputs -----------------------------------------------------------------------------------------------------------


def image(shape: tuple[int, ...], signature: tuple[int, ...] = ()) -> G:
    many, high, wide, _ = shape
    tensors = {
        "x": T(shape, signature=signature),
        "w": stored(4, 3, 3, 3),
        "h": T((many, high, wide, 4), signature=(*signature[:3], 4) if signature else ()),
        "axes": numbers(1, 2),
        "y": T((many, 4), signature=(*signature[:1], 4) if signature else ()),
    }
    return G([Op("CONV_2D", "x w", "h", CONV), Op("MEAN", "h axes", "y")], tensors)


def test_an_open_first_axis_is_one_example(tmp_path: Path) -> None:
    network = load(saved(tmp_path, image((1, 8, 8, 3), (-1, 8, 8, 3))))
    assert (network.inputs, network.macs) == ({"x": (8, 8, 3)}, 64 * 108)


def test_open_sizes_are_asked_for_and_followed(tmp_path: Path) -> None:
    path = saved(tmp_path, image((1, 1, 1, 3), (-1, -1, -1, 3)))
    assert refusal(path) == (
        "FILE: the input 'x': its shape 1x?x?x3 leaves sizes open\n  hint: --input x=1x224x224x3, for example"
    )
    for shape in ("16x16x3", "1x16x16x3"):
        assert load(path, input=shape).macs == 256 * 108
    assert load(path, input={"x": "16x16x3"}).outputs == {"y": (4,)}
    assert refusal(path, input="16x16x4") == "FILE: h: a kernel of 4x3x3x3 does not fit 4 channels"
    assert refusal(path, input={"z": "16x16x3"}) == "FILE: it has no input 'z'\n  hint: it has 'x'"


def test_an_image_of_several_examples_counts_for_one(tmp_path: Path) -> None:
    path = saved(tmp_path, image((8, 8, 8, 3)))
    network = load(path)
    assert network.inputs == {"x": (8, 8, 3)}
    assert (network.macs, network.guesses) == (64 * 108, ())
    assert network.notes == ("the file has a fixed batch of 8: counts are for one of them",)
    assert load(path, batch=1).macs == 8 * 64 * 108
    assert refusal(path, batch=5).startswith("--batch 5: the first axis of the inputs has another size: 8")


def test_rows_that_may_be_examples_are_asked_for(tmp_path: Path) -> None:
    graph = G([Op("FULLY_CONNECTED", "x w -", "y")], {"x": T((8, 6)), "w": stored(4, 6), "y": T((8, 4))})
    path = saved(tmp_path, graph)
    assert (load(path).macs, len(load(path).guesses)) == (24, 1)
    assert (load(path, batch=8).macs, load(path, batch=8).guesses) == (24, ())
    assert (load(path, batch=1).macs, load(path, batch=1).guesses) == (192, ())
    assert run(["check", str(path), "--max", "macs=1k"]) == 2


def test_examples_that_meet_are_counted_whole(tmp_path: Path) -> None:
    graph = G([Op("SUM", "x axes", "y")], {"x": T((8, 6)), "axes": numbers(0), "y": T((6,))})
    path = saved(tmp_path, graph)
    assert load(path).cost.adds == 42
    assert load(path).notes == ("the first axis of the inputs, 8, holds no examples: all of it is counted",)
    assert refusal(path, batch=8) == "FILE: it mixes the 8 examples of a batch: export the model for one example"


def test_sizes_that_a_graph_computes_for_itself_are_followed(tmp_path: Path) -> None:
    open_ = (-1, -1, -1, 3)
    tensors = {
        "x": T((1, 1, 1, 3), signature=open_),
        "s": T((4,), kind="int32"),
        "from": numbers(1),
        "to": numbers(3),
        "step": numbers(1),
        "two": numbers(2, shape=()),
        "hw": T((2,), kind="int32"),
        "big": T((2,), kind="int32"),
        "y": T((1, 1, 1, 3), signature=open_),
    }
    ops = [
        Op("SHAPE", "x", "s"),
        Op("STRIDED_SLICE", "s from to step", "hw"),
        Op("MUL", "hw two", "big"),
        Op("RESIZE_NEAREST_NEIGHBOR", "x big", "y"),
    ]
    network = load(saved(tmp_path, G(ops, tensors)), input="5x7x3")
    assert network.outputs == {"y": (10, 14, 3)}
    assert [layer.kind for layer in network.layers] == ["upsample"]


# --- what is not counted ----------------------------------------------------------------------------------------------


def test_a_custom_operator_is_listed_by_its_name_with_what_it_stores(tmp_path: Path) -> None:
    tensors = {"x": T((1, 6)), "w": stored(5, 6), "y": T((1, 5))}
    path = saved(tmp_path, G([Op("MyKernel", "x w", "y", b"")], tensors))
    network = load(path)
    (gap,) = network.uncounted
    assert (gap.kind, gap.reason) == ("MyKernel", "it is a custom operator: the file does not say what it computes")
    assert network.params == 30
    assert run(["check", str(path), "--max", "macs=1k"]) == 3


def test_mediapipes_plain_operators_are_counted(tmp_path: Path) -> None:
    tensors = {
        "x": T((1, 4, 4, 2)),
        "w": stored(3, 2, 2, 2),
        "b": stored(3),
        "u": T((1, 8, 8, 3)),
        "p": T((1, 4, 4, 3)),
        "at": T((1, 4, 4, 3)),
        "y": T((1, 8, 8, 3)),
    }
    ops = [
        Op("Convolution2DTransposeBias", "x w b", "u", struct.pack("<3i", 1, 2, 2)),
        Op("MaxPoolingWithArgmax2D", "u", "p at", struct.pack("<5i", 1, 2, 2, 2, 2)),
        Op("MaxUnpooling2D", "p at", "y", struct.pack("<5i", 1, 2, 2, 2, 2)),
    ]
    network = load(saved(tmp_path, G(ops, tensors)))
    assert (network.macs, network.params, network.complete) == (16 * 2 * 4 * 3, 27, True)
    assert network.cost.compares == 48 * 3


def test_what_depends_on_the_data_is_listed(tmp_path: Path) -> None:
    tensors = {"x": T((1, 6), kind="bool"), "y": T((6, 2), kind="int64", signature=(-1, 2))}
    (gap,) = load(saved(tmp_path, G([Op("WHERE", "x", "y")], tensors))).uncounted
    assert gap.reason == "the number of elements that it keeps depends on the data"


def test_texts_are_listed(tmp_path: Path) -> None:
    tensors = {"x": T((1,), kind="string"), "y": T((1,), kind="string")}
    path = saved(tmp_path, G([Op("SKIP_GRAM", "x", "y")], tensors))
    assert [gap.reason for gap in load(path).uncounted] == ["it works on texts, whose lengths are not known"]
    assert run(["network", str(path)]) == 3


def test_sorting_is_unknown_in_compares_alone(tmp_path: Path) -> None:
    tensors = {"x": T((1, 6)), "k": numbers(2, shape=()), "y": T((1, 2)), "at": T((1, 2), kind="int32")}
    network = load(saved(tmp_path, G([Op("TOPK_V2", "x k", "y at")], tensors, "x", "y at")))
    assert (network.complete, network.incomplete) == (True, ("compares",))


# --- damage -----------------------------------------------------------------------------------------------------------


def test_shapes_that_contradict_the_operator_are_refused(tmp_path: Path) -> None:
    tensors = {"x": T((1, 6)), "w": stored(4, 6), "y": T((1, 5))}
    assert refusal(saved(tmp_path, G([Op("FULLY_CONNECTED", "x w -", "y")], tensors))) == (
        "FILE: y: FULLY_CONNECTED gives 1x4, but the file says 1x5"
    )


def test_many_tensors_are_refused_at_once(tmp_path: Path) -> None:
    tensors = {"x": T((1, 8)), **{f"t{at}": T((1, 8)) for at in range(50_000)}}
    path = saved(tmp_path, G([Op("RELU", "x", "t0")], tensors, "x", "t0"))
    begun = time.process_time()
    said = "it has 50,001 tensors: expected 50,000 at most"
    assert refusal(path) == f"FILE: this is no TFLite model, or it is damaged: {said}"
    assert time.process_time() - begun < 10


def test_damaged_files_are_answered_with_a_sentence(tmp_path: Path) -> None:
    """Truncated anywhere, bytes changed, offsets and lengths that lie."""
    path, chance = tmp_path / "net.tflite", random.Random(17)
    whole = [(DATA / name).read_bytes() for name in ("sep.float.tflite", "mha.float.tflite", "conv1d.int8.tflite")]
    said: list[str] = []
    for _ in range(300):
        data = bytearray(chance.choice(whole))
        how = chance.randrange(3)
        if how == 0:
            del data[chance.randrange(len(data)) :]
        for _ in range(chance.choice((1, 2, 8)) if how == 1 else 0):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if how == 2:
            at = 4 * chance.randrange(len(data) // 4)
            lie = chance.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, len(data), at, chance.randrange(2**32)))
            data[at : at + 4] = lie.to_bytes(4, "little")
        path.write_bytes(data)
        begun = time.process_time()
        try:
            load(path).peak_memory()
        except InputError as error:
            said.append(str(error))
        assert time.process_time() - begun < 10
    assert len(said) > 100
    assert all(said)


def test_a_part_without_elements_is_left_out(tmp_path: Path) -> None:
    tensors = {
        "x": T((1, 6)),
        "sizes": numbers(0, 4, 2),
        "axis": numbers(1, shape=()),
        "none": T((1, 0)),
        "a": T((1, 4)),
        "b": T((1, 2)),
        "y": T((1, 6)),
    }
    ops = [
        Op("SPLIT_V", "x sizes axis", "none a b", {"num_splits": 3}),
        Op("CONCATENATION", "b none a", "y", {"axis": 1}),
    ]
    network = load(saved(tmp_path, G(ops, tensors)))
    assert [layer.kind for layer in network.layers] == ["slice", "slice", "concat"]
    assert (network.complete, network.outputs) == (True, {"y": (6,)})
    assert load(saved(tmp_path, G(ops, tensors, outputs="y none"))).outputs == {"y": (6,)}


def test_an_input_of_several_examples_that_was_asked_for_is_no_batch_of_the_file(tmp_path: Path) -> None:
    tensors = {"x": T((1, 16, 96)), "w": stored(4, 96), "y": T((1, 16, 4))}
    graph = G([Op("FULLY_CONNECTED", "x w -", "y", {"keep_num_dims": True})], tensors)
    network = load(saved(tmp_path, graph), input="3x16x96")
    assert network.notes == ("the inputs hold 3 examples: counts are for one of them",)
    assert len(network.guesses) == 1
