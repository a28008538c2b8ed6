"""What a shell completes, through click's own classes for bash, zsh and fish."""

import pytest
from click.shell_completion import ShellComplete, get_completion_class

from sepcalc.cli import COMMANDS, commands
from sepcalc.cli.completion import register
from sepcalc.factoring.named import ALIASES, KERNELS
from sepcalc.kinds import KINDS
from sepcalc.model_zoo import names
from sepcalc.rewrite import VARIANTS

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture(autouse=True)
def _registered() -> None:
    register()


def completions(shell: str, monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """What the shell is offered for the last word, as click says it to that shell."""
    taken_apart = [part for word in words for part in (_as_bash(word) if shell == "bash" else [word])]
    monkeypatch.setenv(
        "COMP_WORDS", " ".join(["sepcalc", *taken_apart]) if shell != "fish" else " ".join(["sepcalc", *words[:-1]])
    )
    monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(taken_apart)))
    found = get_completion_class(shell)
    assert found is not None
    complete: ShellComplete = found(commands, {}, "sepcalc", "_SEPCALC_COMPLETE")
    lines = complete.complete()
    if shell == "bash":
        kept = words[-1][: max(words[-1].rfind(":"), words[-1].rfind("=")) + 1]
        return [kept + line.partition(",")[2] for line in lines.split("\n") if line.startswith("plain,")]
    if shell == "zsh":
        parts = lines.split("\n")
        return [
            value.replace("\\:", ":") for kind, value in zip(parts[::3], parts[1::3], strict=False) if kind == "plain"
        ]
    return [line.partition(",")[2].partition("\t")[0] for line in lines.split("\n") if line.startswith("plain,")]


def _as_bash(word: str) -> list[str]:
    """Bash takes a word apart at a colon and at an equals sign."""
    for sign in ":=":
        before, found, after = word.partition(sign)
        if found:
            return [part for part in (before, sign) if part] + [after]
    return [word]


ZOO = [f"zoo:{name}" for name in names()]
CASES = [
    (("layer", "12x12x3", "dep"), ["depthwise"]),
    (("schema", "--report", "ki"), ["kinds"]),
    (("layer", "12x12x3", "pool", ""), ["max", "avg", "sum"]),
    (("layer", "12x12x3", "pool", "avg", "g"), ["global"]),
    (("layer", "12x12x3", "conv", "-k3", "-p", "s"), ["same"]),
    (("layer", "12x12x3", "conv", "-k3", "--pad"), ["--padding"]),
    (("layer", "12x12x3", "depthwise", "--mul"), ["--multiplier"]),
    (("layer", "12x12x3", "dense", "--ker"), []),
    (("compare", "12x12x3", "-k5", "--ra"), ["--rank"]),
    (("compare", "12x12x3", "-k5", "--variant", "depth"), ["depthwise-separable", "depthwise-spatial"]),
    (("compare", "12x12x3", "-k5", "--variant", ""), [*VARIANTS, "all"]),
    (("network", "zoo:"), ZOO),
    (("network", "zoo:mobilenet_v"), [name for name in ZOO if name.removeprefix("zoo:").startswith("mobilenet_v")]),
    (("check", "net.yaml", "zoo:vg"), ["zoo:vgg16"]),
    (("diff", "zoo:vgg16", "zoo:res"), ["zoo:resnet50"]),
    (("verify", "zoo:vg"), ["zoo:vgg16"]),
    (("network", "zoo:mobilenet_v2", "--set", ""), ["width=", "classes="]),
    (("network", "zoo:mobilenet_v2", "--set", "wi"), ["width="]),
    (("whatif", "zoo:vgg16", "--rewrite", ""), [f"*={name}" for name in VARIANTS if name != "normal"]),
    (("whatif", "zoo:vgg16", "--rewrite", "conv*=sp"), ["conv*=spatial"]),
    (("fit", "zoo:vgg16", "--max", "mac"), ["macs="]),
    (("factor", "sob"), ["sobel-x", "sobel-y", "sobel"]),
    (("factor", "g"), [name for name in (*KERNELS, *ALIASES) if name[0] == "g"]),
    (("kinds", "pix"), ["pixel-shuffle", "pixel-unshuffle"]),
    (("help", "net"), ["network"]),
    (("help", ""), [*COMMANDS, *KINDS]),
]  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("words", "expected"), CASES, ids=[" ".join(words) for words, _ in CASES])
def test_completion(shell: str, words: tuple[str, ...], expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert completions(shell, monkeypatch, *words) == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_every_kind_is_completed(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert completions(shell, monkeypatch, "layer", "12x12x3", "") == [*KINDS, "each"]


@pytest.mark.parametrize("shell", SHELLS)
def test_options_that_are_given_are_not_completed(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = completions(shell, monkeypatch, "layer", "12x12x3", "conv", "-k3", "--out", "8", "--")
    assert found[:5] == ["--stride", "--padding", "--dilation", "--groups", "--bias"]
    assert not {"--kernel", "--out"} & {*found}
