"""Runs the counters that are installed on models of torchvision, and compares what they print with what sepcalc says
that they print: ``python tests/tools/counters.py [MODEL…]``. Exits with 1 where a number differs.

fvcore, ptflops, thop, torchinfo, calflops and torchprofile are pip packages; ultralytics-thop has thop's own package
name, so that an environment holds one of the two. ``--only COUNTER`` runs one of them, ``--printed FILE`` writes the
numbers as JSON."""

import contextlib
import io
import json
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from unittest.mock import MagicMock

import torch

MODELS = ("resnet18", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny")
MODELS += ("densenet121", "googlenet", "shufflenet_v2_x1_0", "squeezenet1_0", "vit_b_16")

Printed = tuple[int, int | None]  # the number of operations, and that of params


def _fvcore(module: Any, x: Any) -> Printed:
    from fvcore.nn import FlopCountAnalysis, parameter_count

    counted = FlopCountAnalysis(module, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return int(counted.total()), parameter_count(module)[""]


def _ptflops(module: Any, x: Any, backend: str = "pytorch") -> Printed:
    import ptflops

    options = {"as_strings": False, "print_per_layer_stat": False, "verbose": False, "backend": backend}
    ops, params = ptflops.get_model_complexity_info(module, tuple(x.shape[1:]), **options)
    return int(ops), int(params)


def _ptflops_aten(module: Any, x: Any) -> Printed:
    return _ptflops(module, x, "aten")


def _thop(module: Any, x: Any) -> Printed:
    import thop

    ops, params = thop.profile(module, inputs=(x,), verbose=False)
    return int(ops), int(params)


def _torchinfo(module: Any, x: Any) -> Printed:
    import torchinfo

    said = torchinfo.summary(module, input_data=x, verbose=0, cache_forward_pass=False)
    return int(said.total_mult_adds), int(said.total_params)


def _calflops(module: Any, x: Any) -> Printed:
    for name in ("transformers", "accelerate", "huggingface_hub", "huggingface_hub.utils", "accelerate.utils"):
        sys.modules.setdefault(name, MagicMock())  # it imports them for models of its hub alone
    import calflops

    options = {"output_as_string": False, "print_results": False, "print_detailed": False}
    flops, _, params = calflops.calculate_flops(module, input_shape=tuple(x.shape), **options)
    return int(flops), int(params)


def _torchprofile(module: Any, x: Any) -> Printed:
    from torchprofile import profile_macs

    with torch.no_grad():
        return int(profile_macs(module, x)), None


def _torch(module: Any, x: Any) -> Printed:
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(x)
    return int(counter.get_total_flops()), None


RUN: dict[str, tuple[str, Callable[[Any, Any], Printed]]] = {  # by counter: its package, and how it is run
    "fvcore": ("fvcore", _fvcore),
    "ptflops": ("ptflops", _ptflops),
    "ptflops-aten": ("ptflops", _ptflops_aten),
    "thop": ("thop", _thop),
    "ultralytics-thop": ("ultralytics-thop", _thop),
    "torchinfo": ("torchinfo", _torchinfo),
    "torchprofile": ("torchprofile", _torchprofile),
    "torch": ("torch", _torch),
    "calflops": ("calflops", _calflops),  # the last: where it fails, it leaves its functions in place of PyTorch's
}


def installed() -> list[str]:
    """The counters that can be run here."""
    found = []
    for counter, (package, _) in RUN.items():
        with contextlib.suppress(PackageNotFoundError):
            version(package)
            found.append(counter)
    return found


def run(counter: str, module: Any, x: Any) -> Printed | None:
    """What a counter prints for a module in evaluation mode; None where it fails."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            return RUN[counter][1](module.eval(), x)
        except Exception as error:  # whatever a counter does not survive
            print(f"{counter} fails: {error!r}"[:300], file=sys.stderr)  # noqa: T201 # it is a script
            return None


def torchvision_models() -> Any:
    """``torchvision.models``. Of another build than PyTorch's it lacks but its operators' names."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    torchvision_models.library = library  # type: ignore[attr-defined] # the names last as long as it does
    import torchvision.models

    return torchvision.models


def image(name: str) -> Any:
    """An example of the size that the model was published with."""
    return torch.zeros(1, 3, 299, 299) if name == "inception_v3" else torch.zeros(1, 3, 224, 224)


def made(name: str) -> Any:
    """A model of torchvision without its weights."""
    options = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return getattr(torchvision_models(), name)(weights=None, **options).eval()


def main(arguments: list[str]) -> int:
    """Compares, and returns the exit code."""
    import sepcalc
    from sepcalc.conventions import counted

    path = arguments.pop(arguments.index("--printed") + 1) if "--printed" in arguments else ""
    only = arguments.pop(arguments.index("--only") + 1) if "--only" in arguments else ""
    names = [name for name in arguments if not name.startswith("--")] or list(MODELS)
    tools = [name for name in installed() if only in ("", name)]
    printed: dict[str, dict[str, Printed]] = {}
    wrong = 0
    for name in names:
        module, x = made(name), image(name)
        ran = {counter: run(counter, made(name), x) for counter in tools}
        printed[name] = {counter: numbers for counter, numbers in ran.items() if numbers is not None}
        if path:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(printed, file, indent=1)
            continue
        network = sepcalc.from_torch(module, x)
        for counter, (ops, params) in printed[name].items():
            said = counted(network, counter)
            equal = said.value == ops and (params is None or said.params == params)
            wrong += not equal
            print(f"{name:20} {counter:18} {ops:>15,} {params or 0:>12,} {'equal' if equal else said}")  # noqa: T201 # it is a script
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
