"""Networks in YAML: every document of tests/documents/good has the counts of its first line, worked out by hand, and
every one of tests/documents/bad is refused with the whole message in the ``.txt`` beside it. The folders are the list
of cases."""

from pathlib import Path

import pytest

from sepcalc.document import Document, load_yaml
from sepcalc.errors import InputError
from sepcalc.nodes import Source

FOLDER = Path(__file__).parent / "documents"
GOOD = sorted(FOLDER.glob("good/*.yaml"))
BAD = sorted(FOLDER.glob("bad/*.yaml"))


def load(text: str, *given: str | None, **settings: str) -> Document:
    return load_yaml(Source("FILE", text), settings, *given)


def refusal(text: str, *given: str | None, **settings: str) -> str:
    with pytest.raises(InputError) as caught:
        load(text, *given, **settings)
    return str(caught.value)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good(path: Path) -> None:
    text = path.read_text("utf-8")
    first, second, _ = text.split("\n", 2)
    network = load(text).network
    assert first == f"# macs={network.macs} params={network.params}"
    assert second == "# layers=" + ", ".join(layer.name for layer in network.layers)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad(path: Path) -> None:
    assert refusal(path.read_bytes().decode("utf-8")) + "\n" == path.with_suffix(".txt").read_text("utf-8")


def test_every_bad_document_has_its_message() -> None:
    assert {path.stem for path in FOLDER.glob("bad/*.txt")} == {path.stem for path in BAD}
