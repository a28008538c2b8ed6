"""PyTorch code that asks for what only data can tell, and catches that it cannot have it: never counted as whole."""

import contextlib
import io
import logging
import re
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="counting PyTorch modules needs the extra: pip install -e '.[torch]'")

import torch
from torch import nn

import sepcalc
from sepcalc.cli import run


class Branching(nn.Module):
    """A layer that always runs, and one that runs where the data says so."""

    def __init__(self, code: Callable[[Any, torch.Tensor], Any]) -> None:
        super().__init__()
        self.code = code
        self.a, self.b = (nn.Linear(64, 64, bias=False) for _ in range(2))

    def forward(self, x: torch.Tensor) -> Any:
        return self.code(self, self.a(x))


class Large:
    """What is there or not, as the data says."""

    def __init__(self, x: torch.Tensor) -> None:
        self.x = x

    @property
    def large(self) -> bool:
        if self.x.sum() > 0:
            return True
        raise AttributeError("large")


def tried(m: Any, x: torch.Tensor) -> torch.Tensor:
    with contextlib.suppress(Exception):
        if x.sum() > 0:
            return m.b(x)
    return x


def tried_whatever(m: Any, x: torch.Tensor) -> torch.Tensor:
    with contextlib.suppress(BaseException):
        if x.sum() > 0:
            return m.b(x)
    return x


def returned_at_last(m: Any, x: torch.Tensor) -> torch.Tensor:
    try:
        return m.b(x) if x.sum() > 0 else x
    finally:
        return x  # noqa: B012, SIM107 - what this is about


def again_and_again(m: Any, x: torch.Tensor) -> torch.Tensor:
    while True:
        try:
            if x.sum() > 0:
                return x
        except BaseException:
            continue


def one_of_many(m: Any, x: torch.Tensor) -> torch.Tensor:
    kept = []
    with contextlib.suppress(BaseException):
        kept = [at for at in range(3) if x[..., at].sum() > 0]
    return m.b(x) if kept else x


def by_a_generator(m: Any, x: torch.Tensor) -> torch.Tensor:
    def steps() -> Iterator[int]:
        try:
            yield 1
            if x.sum() > 0:
                yield 2
        except BaseException:
            yield 3

    return m.b(x) if list(steps()) == [1, 2] else x


def asked(value: Callable[[torch.Tensor], Any]) -> Callable[[Any, torch.Tensor], torch.Tensor]:
    def code(m: Any, x: torch.Tensor) -> torch.Tensor:
        try:
            value(x)
            return m.b(x)
        except BaseException:
            return x

    return code


CAUGHT: dict[str, Callable[[Any, torch.Tensor], Any]] = {
    "any exception": tried,
    "whatever is raised": tried_whatever,
    "returned at last": returned_at_last,
    "in a loop": again_and_again,
    "in a comprehension": one_of_many,
    "in a generator": by_a_generator,
    "hasattr": lambda m, x: m.b(x) if hasattr(Large(x), "large") else x,
    "getattr": lambda m, x: m.b(x) if getattr(Large(x), "large", False) else x,
    "float": asked(lambda x: float(x[0, 0])),
    "an index": asked(lambda x: [x, x][x[0, 0].long()]),
    "one among them": asked(lambda x: 1.0 in x),
    "the greater of two": asked(lambda x: max(x[0, 0], x[0, 1])),
    "a text": asked(lambda x: f"{x.sum():.2f}"),
    "a text that is searched": asked(lambda x: "0." in str(x)),
    "a text of which a part is taken": asked(lambda x: repr(x)[7]),
    "a text that is compared": asked(lambda x: f"{x.sum()}" == "0.0"),
    "another text that is compared": asked(lambda x: str(x) == "tensor(0.)"),
    "a text that is not the same": asked(lambda x: repr(x) != "tensor(0.)"),
    "a text in a longer one": asked(lambda x: "nan" in f"mean {x.mean()}, sum {x.sum()}"),
    "a text in a longer one, as it was written once": asked(lambda x: "nan" in "sum %s" % x.sum()),  # noqa: UP031
    "a text in a longer one, by format": asked(lambda x: "nan" in "sum {}".format(x.sum())),  # noqa: UP032
    "a text behind another": asked(lambda x: "nan" in "sum " + str(x)),
    "texts joined": asked(lambda x: "nan" in " ".join(map(str, x))),
    "a text that is split": asked(lambda x: str(x).split()[0] == "nan"),
    "a text that is a number": asked(lambda x: float(str(x.sum())) > 0),
    "a text in lower case": asked(lambda x: "nan" in str(x).lower()),
    "a text that is matched": asked(lambda x: re.search("nan", str(x))),
    "the length of a text": asked(lambda x: len(str(x)) > 40),
    "a text among others": asked(lambda x: str(x) in {"tensor(0.)": 1}),
    "a text that is kept": asked(lambda x: setattr(x, "text", f"{x}")),
    "a text that is written elsewhere": asked(lambda x: print(x, file=io.StringIO())),
    "a text that something reads": asked(lambda x: print(len(str(x)))),  # noqa: T201
    "a text that decides what is printed": asked(lambda x: print("bad" if "nan" in f"{x}" else "good")),  # noqa: T201
    "whether it is true": asked(lambda x: bool(x[0, 0])),
    "a whole number": asked(lambda x: int(x[0, 0])),
    "an element": asked(lambda x: x[0, 0].item()),
    "what an index is": asked(lambda x: x[0, 0].long().__index__()),
    "an array": asked(lambda x: x.numpy()),
    "an array on the CPU": asked(lambda x: x.detach().cpu().numpy()),
    "a list": asked(lambda x: x.tolist()),
    "a byte of the storage": asked(lambda x: x.untyped_storage()[0] > 0),
    "the bytes of the storage": asked(lambda x: bytes(x.untyped_storage())),
    "a list of the storage": asked(lambda x: x.untyped_storage().tolist()),
    "an element of the storage": asked(lambda x: x.storage()[0]),
    "a copy of the storage": asked(lambda x: x.untyped_storage().clone()),
    "a tensor of it": asked(lambda x: torch.tensor([x[0, 0]])),
    "true places": asked(lambda x: x[x > 0]),
    "as often as it says": asked(lambda x: x.repeat_interleave(x[0].long(), 1)),
    "split where it says": asked(lambda x: x.tensor_split(x[0].long())),
    "equal": asked(lambda x: torch.equal(x, x)),
    "a histogram": asked(lambda x: torch.histogram(x, 3)),
    "a branch of PyTorch's": asked(lambda x: torch.cond(x.sum() > 0, lambda a: a, lambda a: a + 1, (x,))),
}


@pytest.mark.parametrize("way", CAUGHT)
def test_what_their_code_catches_is_not_counted_as_whole(way: str) -> None:
    net = sepcalc.from_torch(Branching(CAUGHT[way]), torch.ones(1, 64))
    assert net.stopped is not None
    assert (net.complete, net.macs, net.params) == (False, 4096, 4096)


# --- threads of their own ---------------------------------------------------------------------------------------------

POOL = ThreadPoolExecutor(1)  # a thread that runs before any run is followed
POOL.submit(int).result()


def in_a_thread(work: Callable[[Any, torch.Tensor], Any]) -> Callable[[Any, torch.Tensor], Any]:
    def code(m: Any, x: torch.Tensor) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return x + pool.submit(work, m, x).result()

    return code


def without_grad(m: Any, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return m.b(x)


def in_inference(m: Any, x: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return m.b(x).sum()


def on_a_queue(m: Any, x: torch.Tensor) -> torch.Tensor:
    done, found = threading.Event(), []

    def work() -> None:
        found.append(m.b(x))
        done.set()

    threading.Thread(target=work, daemon=True).start()
    assert done.wait(20)
    return found[0] + x


def caught_in_a_thread(m: Any, x: torch.Tensor) -> torch.Tensor:
    try:
        return POOL.submit(m.b, x).result()
    except BaseException:
        return x


THREADS: dict[str, Callable[[Any, torch.Tensor], Any]] = {
    "a layer": in_a_thread(lambda m, x: m.b(x)),
    "a layer without gradients": in_a_thread(without_grad),
    "a layer in inference mode": in_a_thread(in_inference),
    "a question": lambda m, x: m.b(x) if POOL.submit(lambda: bool(x.sum() > 0)).result() else x,
    "a list": lambda m, x: m.b(x) if POOL.submit(x.tolist).result() else x,
    "an array": lambda m, x: m.b(x) if POOL.submit(lambda: x.numpy().any()).result() else x,
    "a thread that is waited for": on_a_queue,
    "a failure that is caught": caught_in_a_thread,
    "several": lambda m, x: sum(POOL.map(m.b, [x, x, x])),
}


@pytest.mark.parametrize("way", THREADS)
def test_what_another_thread_does_is_not_counted_as_whole(way: str) -> None:
    net = sepcalc.from_torch(Branching(THREADS[way]), torch.ones(1, 64))
    assert net.stopped is not None
    stored = 4096 if net.stopped.kind == "torch::linear" else 0  # of the operator at which it stops
    assert (net.complete, net.macs, net.params) == (False, 4096, 4096 + stored)
    assert net.stopped.reason == "it runs in a separate thread, which is not traced: counted up to here"


def test_a_thread_may_look_at_shapes() -> None:
    def measured(m: Any, x: torch.Tensor) -> torch.Tensor:
        return m.b(x) if POOL.submit(lambda: x.shape[0]).result() else x

    net = sepcalc.from_torch(Branching(measured), torch.ones(1, 64))
    assert (net.complete, net.macs) == (True, 2 * 4096)


def test_a_tensor_may_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    def printed(m: Any, x: torch.Tensor) -> torch.Tensor:
        print(x, f"{x}", repr(x), "%s" % x)  # noqa: T201, UP031 - as some write it
        return m.b(x)

    net = sepcalc.from_torch(Branching(printed), torch.ones(1, 64))
    assert (net.complete, net.macs) == (True, 2 * 4096)
    assert capsys.readouterr().out.count("tensor(..., size=(1, 64), dtype=torch.float32)") == 4


def logged(m: Any, x: torch.Tensor) -> torch.Tensor:
    LOG.warning("sum %s", x.sum())
    LOG.warning(f"sum {x.sum():.2f}")
    m.log.warning("sum {}".format(x.sum()))  # noqa: UP032
    logging.warning("sum " + str(x.sum()))
    return m.b(x)


def warned(m: Any, x: torch.Tensor) -> torch.Tensor:
    warnings.warn(f"sum {x.sum()}", stacklevel=2)
    return m.b(x)


def raised(m: Any, x: torch.Tensor) -> torch.Tensor:
    try:
        raise ValueError(f"sum {x.sum()}")
    except ValueError:
        return m.b(x)


def asserted(m: Any, x: torch.Tensor) -> torch.Tensor:
    assert x.ndim == 2, f"sum {x.sum()}"
    torch._assert(x.ndim == 2, f"sum {x.sum()}")
    return m.b(x)


def printed_to_errors(m: Any, x: torch.Tensor) -> torch.Tensor:
    if x.ndim:
        print("sum", f"{x.sum():.3f}", x, file=sys.stderr)  # noqa: T201
    return m.b(x)


LOG = logging.getLogger("their module")


@pytest.mark.parametrize("code", [logged, warned, raised, asserted, printed_to_errors])
def test_the_text_of_a_tensor_may_be_told_to_people(code: Callable[[Any, torch.Tensor], Any]) -> None:
    module = Branching(code)
    module.log = LOG
    net = sepcalc.from_torch(module, torch.ones(1, 64))
    assert (net.complete, net.macs) == (True, 2 * 4096)


def test_text_without_a_source_is_asked_for() -> None:
    names: dict[str, Any] = {}
    exec("def code(m, x):\n    print(f'{x}')\n    return m.b(x)", names)
    assert sepcalc.from_torch(Branching(names["code"]), torch.ones(1, 64)).stopped is not None


def test_a_thread_that_nobody_waits_for_is_waited_for() -> None:
    def left(m: Any, x: torch.Tensor) -> torch.Tensor:
        def work() -> None:
            time.sleep(0.05)
            with contextlib.suppress(BaseException):
                x.sum().item()

        threading.Thread(target=work, daemon=True).start()
        return m.b(x)

    net = sepcalc.from_torch(Branching(left), torch.ones(1, 64))
    assert net.stopped is not None
    assert not net.complete


def test_what_fails_on_data_too_is_theirs_to_catch() -> None:
    def either(m: Any, x: torch.Tensor) -> torch.Tensor:
        try:
            return m.b(x[:, :3])
        except RuntimeError:
            return m.b(x)

    net = sepcalc.from_torch(Branching(either), torch.ones(1, 64))
    assert (net.complete, net.macs) == (True, 2 * 4096)


def test_indices_that_their_code_would_do_without_are_found() -> None:
    def looked_up(m: Any, ids: torch.Tensor) -> torch.Tensor:
        try:
            return m.table(ids)
        except BaseException:
            return ids[..., None] * m.table.weight[0]

    class Table(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(10, 4)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return looked_up(self, ids)

    net = sepcalc.from_torch(Table(), {"ids": "1x5"})
    assert [layer.kind for layer in net.layers] == ["embedding"]


CODE = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = (torch.nn.Linear(64, 64, bias=False) for _ in range(2))
    def forward(self, x):
        x = self.a(x)
        try:
            if x.sum() > 0 or x.sum() <= 0:
                return self.b(x)
        except Exception:
            pass
        return x
"""


def test_a_gate_does_not_pass_what_their_code_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "their_caught.py").write_text(CODE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("their_caught", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        words = ["their_caught:Net", "--input", "x=1x64", "--max", "macs=5000"]
        assert run(["check", *words]) == 3
        assert run(["check", *words, "--allow-uncounted"]) == 3
    assert "depends on a value of the data" in capsys.readouterr().out
