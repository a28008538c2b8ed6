"""What a network argument means, and what is said of one that means nothing."""

import os
from pathlib import Path

import pytest
from helpers import ids

from sepcalc import load, source
from sepcalc.errors import InputError
from sepcalc.importers import Request
from sepcalc.source import is_network, read

NETWORK = "input: 8x8x3\nparameters: {width: 1.0, wide: true}\nlayers: ['dense -o{int(8 * width) if wide else 1}']\n"
UNREAD = "there is no such file"
BRACKETS = "without brackets: it is called without arguments"
NO_SHAPE = "is not a shape: expected HxWxC, each a whole number from 1 to 2^63-1"
NOTHING = "nothing stands here: expected a layer"
LEAVE = "a layer in a network takes its shape from the one before it"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "mobilenet.yaml": NETWORK.encode(),
        "UPPER.YML": b"\xef\xbb\xbf" + NETWORK.replace("\n", "\r\n").encode(),
        "a,b.yaml": NETWORK.encode(),
        "two words.yaml": NETWORK.encode(),
        "net.txt": NETWORK.encode(),
        "latin.yaml": "name: Straße".encode("latin-1"),
        "wide.yaml": NETWORK.encode("utf-16"),
        "empty.yaml": b"",
        "wrong.yaml": b"input: 8x8x3\nlayers: [convv]\n",
    }
    os.symlink("gone\x1b.yaml", "link.yaml")
    for name, data in files.items():
        Path(name).write_bytes(data)
    Path("specs").mkdir()
    Path("folder.yaml").mkdir()
    os.mkfifo("pipe.yaml")


def refusal(argument: str, settings: dict[str, str] | None = None, given: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read(argument, Request(settings, {} if given is None else {"": given}))
    return str(caught.value)


MEANT = [  # an argument, and whether it is a network rather than a layer
    ("-", True),
    ("mobilenet.yaml", True),
    ("missing.yaml", True),
    ("missing.YAML", True),
    ("two words.yaml", True),
    ("more words.yaml", False),
    ("specs", True),
    ("specs/missing", True),
    ("net.txt", True),
    ("8x8x3, act relu", True),
    ("8x8x3 act relu", False),
    ("8x8x3", False),
    ("conv", False),
    ("tm:Net(3)", True),
    ("-k3", False),
    ("", False),
    ("conv -p1/2", False),
    ("\0", False),
]


@pytest.mark.parametrize(("argument", "meant"), MEANT, ids=ids(MEANT))
def test_is_network(argument: str, meant: bool) -> None:
    assert is_network(argument) is meant


@pytest.mark.parametrize("argument", ["mobilenet.yaml", "UPPER.YML", "a,b.yaml", "two words.yaml", "./mobilenet.yaml"])
def test_files(argument: str) -> None:
    assert read(argument).network.macs == 8 * 8 * 3 * 8
    assert load(Path(argument)).macs == 8 * 8 * 3 * 8


LINES = [  # a network on one line, its layers, its macs
    ("8x8x3, pointwise -o4, act relu", ["pointwise", "act"], 8 * 8 * 3 * 4),
    (" 8x8x3 ,conv -k3 -o4 -s2,pool avg global ,  dense -o10", ["conv", "pool", "dense"], 3 * 3 * 4 * 27 + 40),
    ("3, dense -o2, dense -o{c_in * 2}", ["dense[0]", "dense[1]"], 6 + 8),
    ("8x3, separable -k3 -o4", ["separable/depthwise", "separable/pointwise"], 6 * (9 + 12)),
]


@pytest.mark.parametrize(("text", "layers", "macs"), LINES, ids=ids(LINES))
def test_one_line(text: str, layers: list[str], macs: int) -> None:
    document = read(text)
    assert [layer.name for layer in document.network.layers] == layers
    assert (document.network.macs, document.altered) == (macs, False)


REFUSED = [
    ("-", "there is no standard input here\n  hint: name a file"),
    ("pipe.yaml", "pipe.yaml: is not a plain file\n  hint: - reads standard input"),
    ("/dev/null", "/dev/null: is not a plain file\n  hint: - reads standard input"),
    ("specs", "specs: is a folder\n  hint: there is no network in it"),
    ("folder.yaml", "folder.yaml: is a folder\n  hint: there is no network in it"),
    ("mobilnet.yaml", f"mobilnet.yaml: {UNREAD}\n  hint: mobilenet.yaml"),
    ("./mobilnet.yml", f"./mobilnet.yml: {UNREAD}\n  hint: ./mobilenet.yaml"),
    ("nowhere/x.yaml", f"nowhere/x.yaml: {UNREAD}"),
    ("specs/x.yaml", f"specs/x.yaml: {UNREAD}"),
    (
        "net.txt",
        (
            "net.txt: unknown kind of file: "
            "expected .yaml or .yml or .onnx or .keras or .json or .h5 or .hdf5 or .tflite or .pt2 or .pb or .pbtxt"
            " or .meta or .xml\n"
            "  hint: a PyTorch module goes by package.module:name, with --input; any other model as ONNX"
        ),
    ),
    ("resnet", f"resnet: {UNREAD}\n  hint: zoo:resnet50"),
    ("link.yaml", "link.yaml: it is a link that leads nowhere: to 'gone\\x1b.yaml'"),
    ("mobilenet_v2", f"mobilenet_v2: {UNREAD}\n  hint: zoo:mobilenet_v2"),
    (
        "8x8x3 conv -k3 -o8",
        (
            f"8x8x3 conv -k3 -o8: {UNREAD}\n  hint: sepcalc layer takes one layer; a network on one line has commas: "
            "8x8x3, conv -k3 -o8, act relu"
        ),
    ),
    ("tm:Net()", f"tm:Net(): {UNREAD}\n  hint: write 'tm:Net', {BRACKETS}"),
    ("a.tm:Net.small(3, x='b')", f"a.tm:Net.small(3, x='b'): {UNREAD}\n  hint: write 'a.tm:Net.small', {BRACKETS}"),
    ("tm:Net(", f"tm:Net(: {UNREAD}"),
    ("", f"'': {UNREAD}"),
    ("q\x1b[2J.yaml", f"q\\x1b[2J.yaml: {UNREAD}"),
    ("x\0.yaml", "x\\x00.yaml: cannot be read: its name holds a null character"),
    ("net.txt/x.yaml", "net.txt/x.yaml: cannot be read: Not a directory"),
    ("x" * 600 + ".yaml", "x" * 500 + ": cannot be read: File name too long"),
    (
        "latin.yaml",
        (
            "latin.yaml:1:11: the text is not UTF-8: byte 0xdf, invalid continuation byte\n"
            "  name: Stra\\xdfe\n            ^^^^\n  hint: save the file as UTF-8"
        ),
    ),
    ("wide.yaml", "wide.yaml: the text is UTF-16: expected UTF-8\n  hint: save the file as UTF-8"),
    ("empty.yaml", "empty.yaml: the text is empty: expected a network\n  hint: it has the keys input and layers"),
    (
        "wrong.yaml",
        "wrong.yaml:2:10: unknown kind 'convv'\n  layers: [convv]\n           ^^^^^\n  hint: for example conv -k3 -o64",
    ),
    (
        "8x8x3, convv",
        "unknown kind 'convv'\n  8x8x3, convv\n         ^^^^^\n  hint: for example 8x8x3, conv -k3 -o64",
    ),
    ("8x8x3,, act relu", f"{NOTHING}\n  8x8x3,, act relu\n        ^\n  hint: 8x8x3, act relu"),
    ("8x8x3,", f"{NOTHING}\n  8x8x3,\n       ^"),
    (",", f"{NOTHING}\n  ,\n  ^"),
    ("act relu, act relu", f"'act relu' {NO_SHAPE}\n  act relu, act relu\n  ^^^^^^^^"),
    (
        "4,4",
        f"{LEAVE}\n  4,4\n    ^\n  hint: leave the shape out",
    ),
    (
        "4x4x3, conv -k5 -o8, xyz",
        (
            "the output would be empty: a kernel spanning 5 does not fit into the height 4\n"
            "  4x4x3, conv -k5 -o8, xyz\n"
            "              ^^^\n"
            "  hint: take a smaller kernel or dilation, or --padding same\n"
            "unknown kind 'xyz'\n"
            "  4x4x3, conv -k5 -o8, xyz\n"
            "                       ^^^\n"
            "  hint: sepcalc kinds lists them all"
        ),
    ),
    ("8x8, act\x1b", "unknown kind 'act\\x1b'\n  8x8, act\\x1b\n       ^^^^^^^\n  hint: for example 8x8, act relu"),
]


@pytest.mark.parametrize(("argument", "message"), REFUSED, ids=ids(REFUSED))
def test_refused(argument: str, message: str) -> None:
    assert refusal(argument) == message


def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_FILE_BYTES", 2**20)
    Path("large.yaml").write_bytes(NETWORK.encode().ljust(2**20))
    assert load("large.yaml").macs == 8 * 8 * 3 * 8
    Path("large.yaml").write_bytes(NETWORK.encode().ljust(2**20 + 1))
    assert refusal("large.yaml") == "large.yaml: larger than 1 MiB"


def test_standard_input() -> None:
    assert read("-", standard_input=NETWORK.encode).network.macs == 8 * 8 * 3 * 8
    with pytest.raises(InputError) as caught:
        read("-", standard_input=lambda: b"input: 8\nlayers: [x]")
    assert str(caught.value).startswith("<stdin>:2:10: unknown kind 'x'\n")


GIVEN = [  # keywords of load, macs
    ({"width": 0.5}, 8 * 8 * 3 * 4),
    ({"width": "1/4"}, 8 * 8 * 3 * 2),
    ({"wide": False}, 8 * 8 * 3),
    ({"wide": "true"}, 8 * 8 * 3 * 8),
    ({"input": "2x5"}, 2 * 5 * 8),
    ({"input": (2, 5)}, 2 * 5 * 8),
    ({"input": [5], "width": 2}, 5 * 16),
]


@pytest.mark.parametrize(("given", "macs"), GIVEN)
def test_load(given: dict[str, object], macs: int) -> None:
    assert load("mobilenet.yaml", **given).macs == macs  # type: ignore[arg-type]


MISTAKEN = [  # a file, keywords of load, the message
    (
        "mobilenet.yaml",
        {"widht": 1},
        "there is no parameter 'widht': expected one of width, wide\n  hint: did you mean width?",
    ),
    ("mobilenet.yaml", {"width": None}, "width: unknown name 'None': there are none here"),
    ("mobilenet.yaml", {"width": True}, "width is 1: expected a number, not true"),
    ("mobilenet.yaml", {"wide": 1}, "wide is true: expected true or false, not 1"),
    ("mobilenet.yaml", {"input": (0, 2)}, f"the input '0x2' {NO_SHAPE}"),
    (
        "mobilenet.yaml",
        {"input": (), "x": 1},
        (
            f"there is no parameter 'x': expected one of width, wide\nthe input '' {NO_SHAPE}\n"
            "  hint: sizes are joined by x, channels last, no batch: 12x12x3"
        ),
    ),
    ("8x8x3, act relu", {"width": 1}, "a network on one line has no parameters to set"),
    ("8x8x3, act relu", {"input": "8,8"}, f"the input '8,8' {NO_SHAPE}"),
]


@pytest.mark.parametrize(("argument", "given", "message"), MISTAKEN)
def test_load_refuses(argument: str, given: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        load(argument, **given)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_another_input_of_one_line() -> None:
    document = read("8x8x3, dense -o2", Request(inputs={"": "4x3"}))
    assert (document.network.macs, document.altered) == (4 * 3 * 2, True)


def test_only_model_files_leave_dimensions_open() -> None:
    for argument, said in (
        ("mobilenet.yaml", "mobilenet.yaml"),
        ("8x8x3, act relu", "a network on one line"),
        ("-", "<stdin>"),
    ):
        with pytest.raises(InputError) as caught:
            read(argument, Request(dims={"batch": "1"}), lambda: b"")
        assert str(caught.value) == f"{said} has no open dimension 'batch'\n  hint: --dim is for model files"


# --- included files ---------------------------------------------------------------------------------------------------

MAIN = "include: {include}\ninput: 8x8x3\nlayers: [b 4]\n"
BLOCKS = 'blocks: {b(out): ["pointwise -o{out}"]}\n'


def tree(folder: Path, **files: str) -> str:
    """Writes files, ``__`` for a folder; the path of the first."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return str(folder / "main.yaml")


def wrong(path: str) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    return str(caught.value)


def test_includes(tmp_path: Path) -> None:
    main = tree(
        tmp_path / "net",
        main=MAIN.format(include="[shared/b.yaml, ./shared/c.yaml]"),
        shared__b="include: c.yaml\ndefaults: {stride: 2}\n" + BLOCKS,
        shared__c="include: [deep/d.yaml]\nblocks: {c: [act relu]}",
        shared__deep__d="{}",
    )
    assert read(main).network.macs == 4 * 4 * 4 * 3  # the stride is a default of that file
    (tmp_path / "net" / "link.yaml").symlink_to(tmp_path / "net" / "shared" / "b.yaml")
    Path(main).write_text(MAIN.format(include="link.yaml"), "utf-8")
    assert read(main).network.macs == 4 * 4 * 4 * 3


def test_what_an_include_cannot_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tree(tmp_path / "net", main=MAIN)
    tree(tmp_path, other=BLOCKS)
    (tmp_path / "net" / "link.yaml").symlink_to(tmp_path / "other.yaml")
    (tmp_path / "net" / "folder").mkdir()
    out = "leads out of the folder of the network"
    cases = {
        "../other.yaml": f"include: '../other.yaml' {out}",
        "link.yaml": f"include: 'link.yaml' {out}",
        "folder/../../other.yaml": f"include: 'folder/../../other.yaml' {out}",
        str(tmp_path / "net" / "b.yaml"): "is not a path within the folder of the network\n",
        "b.yaml": "include: 'b.yaml': there is no such file",
        "folder": "include: 'folder': is a folder",
        "main.yaml": "include: 'main.yaml' includes itself, directly or through other files",
        '"a\\0b"': "include: 'a\\x00b' is not a path within the folder of the network",
    }
    for include, message in cases.items():
        Path("net/main.yaml").write_text(MAIN.format(include=include), "utf-8")
        assert message in wrong("net/main.yaml")


def test_problems_of_included_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tree(
        tmp_path,
        # d may be a block of the file that was not read
        main="include: a.yaml\ninput: 8x8x3\nblocks: {c: []}\nlayers:\n  - b 4\n  - d\n",
        a='include: [c.yaml, a.yaml]\nlayers: []\nblocks:\n  b(out): ["conv -k9 -o{out}"]\n',
        c="blocks:\n  c: [conv -k3]\n",
    )
    assert wrong("main.yaml") == (
        "main.yaml:3:10: the block 'c' is defined twice: first at c.yaml:2:3\n"
        "  blocks: {c: []}\n"
        "           ^\n"
        "a.yaml:1:19: include: 'a.yaml' includes itself, directly or through other files\n"
        "  include: [c.yaml, a.yaml]\n"
        "                    ^^^^^^\n"
        "  included from main.yaml:1:10\n"
        "a.yaml:2:1: unknown key 'layers' in an included file: expected include, defaults, blocks\n"
        "  layers: []\n"
        "  ^^^^^^\n"
        "  included from main.yaml:1:10\n"
        "a.yaml:4:18: the output would be empty: a kernel spanning 9 does not fit into the height 8\n"
        '    b(out): ["conv -k9 -o{out}"]\n'
        "                   ^^^\n"
        "  used from main.yaml:5:5\n"
        "  included from main.yaml:1:10\n"
        "  hint: take a smaller kernel or dilation, or --padding same\n"
        "c.yaml:2:15: conv needs -o (--out): output channels\n"
        "    c: [conv -k3]\n"
        "                ^\n"
        "  included from a.yaml:1:11\n"
        "  included from main.yaml:1:10\n"
        "  hint: for example conv -k3 -o64"
    )


def test_files_that_include_each_other_have_an_end(tmp_path: Path) -> None:
    files = {f"f{n}": f"include: f{n + 1}.yaml\n" for n in range(20)}
    message = wrong(tree(tmp_path, main=MAIN.format(include="f0.yaml"), **files))
    assert "files include each other more than 10 levels deep" in message
    many = ", ".join(f"g{n}.yaml" for n in range(101))
    message = wrong(tree(tmp_path, main=MAIN.format(include=f"[{many}]"), **{f"g{n}": "{}" for n in range(101)}))
    assert "more than 100 files are included" in message


def test_inputs_by_name(tmp_path: Path) -> None:
    main = tree(tmp_path, main="inputs: {a: 8x8x3, b: 8x8x1}\nlayers: [pointwise -o2, {act: relu, from: b}]\n")
    assert load(main).macs == 8 * 8 * 6
    assert load(main, input={"a": "4x4x3", "b": (2, 2, 1)}).outputs == {"output": (2, 2, 1)}
    for given, message in [
        (
            "4x4x3",
            "the network has several inputs: the shape '4x4x3' needs a name, it has a, b\n  hint: for example a=4x4x3",
        ),
        ({"c": "4"}, "the network has no input 'c': it has a, b"),
        ({"a": "4y"}, "the input '4y' is not a shape: expected HxWxC, each a whole number from 1 to 2^63-1"),
    ]:
        with pytest.raises(InputError) as caught:
            load(main, input=given)  # type: ignore[arg-type]
        assert str(caught.value) == message
    assert load("8x8x3, act relu", input={"input": "4x4x3"}).inputs == {"input": (4, 4, 3)}
