"""Models of transformers and diffusers, at small sizes from configuration: all of them run, all of them counted. In an
environment of their own (.ci/run), where PyTorch and these packages are; elsewhere they are skipped."""

import os
from collections.abc import Callable
from typing import Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

torch = pytest.importorskip("torch", reason="needs PyTorch")
transformers = pytest.importorskip("transformers", reason="needs transformers==4.57.*")
diffusers = pytest.importorskip("diffusers", reason="needs diffusers")

from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import sepcalc

pytestmark = pytest.mark.filterwarnings("default")  # theirs, which are many

SMALL = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 96, "max_position_embeddings": 64, "pad_token_id": 0,
}  # fmt: skip
LANGUAGE: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {},
    "qwen2": {},
    "gemma": {"head_dim": 8},
    "phi": {},
    "gpt_neox": {},
    "mixtral": {"num_local_experts": 4},
    "qwen3": {"head_dim": 8},
    "gemma2": {"head_dim": 8},
    "phi3": {},
    "olmoe": {"num_experts": 4, "num_experts_per_tok": 2},
}
TOKENS = 7


def language(kind: str, attention: str = "eager") -> Any:
    configuration = transformers.AutoConfig.for_model(kind, **SMALL, **LANGUAGE[kind])
    return transformers.AutoModelForCausalLM.from_config(configuration, attn_implementation=attention).eval()


def counted_by_pytorch(module: Any, inputs: dict[str, Any]) -> int:
    unfused = sdpa_kernel(SDPBackend.MATH)  # whose products it sees
    with unfused, torch.inference_mode(), FlopCounterMode(display=False) as counter:
        module(**inputs)
    return int(counter.get_total_flops()) // 2


ATTENTIONS = [(kind, how) for kind in LANGUAGE for how in ("eager", "sdpa", "flex_attention")]
ATTENTIONS.remove(("olmoe", "flex_attention"))  # which transformers does not have for it


@pytest.mark.parametrize(("kind", "attention"), ATTENTIONS)
def test_a_language_model_is_counted(kind: str, attention: str) -> None:
    ids = torch.arange(TOKENS)[None]
    net = sepcalc.from_torch(language(kind, attention), {"input_ids": ids})
    whole = language(kind)
    assert net.stopped is None
    assert net.params == sum(one.numel() for one in whole.parameters())
    assert net.macs == counted_by_pytorch(whole, {"input_ids": ids})
    alike = sepcalc.from_torch(whole, input_ids=f"1x{TOKENS}")
    assert (alike.macs, alike.params) == (net.macs, net.params)


def test_a_mask_of_tokens_is_looked_at() -> None:
    ids, mask = torch.ones(1, 5, dtype=torch.int64), torch.ones(1, 5, dtype=torch.int64)
    plain = sepcalc.from_torch(language("llama", "sdpa"), {"input_ids": ids})
    net = sepcalc.from_torch(language("llama", "sdpa"), {"input_ids": ids, "attention_mask": mask})
    assert (net.macs, net.stopped) == (plain.macs, None)


def unet() -> Any:
    return diffusers.UNet2DModel(
        sample_size=8, block_out_channels=(32, 32), layers_per_block=1, norm_num_groups=8,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip


def conditioned() -> Any:
    return diffusers.UNet2DConditionModel(
        sample_size=8, block_out_channels=(32, 32), layers_per_block=1, norm_num_groups=8, cross_attention_dim=16,
        attention_head_dim=8, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip


def autoencoder() -> Any:
    return diffusers.AutoencoderKL(
        block_out_channels=(32, 32), norm_num_groups=8, down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip


def transformer() -> Any:
    return diffusers.DiTTransformer2DModel(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=8, num_layers=2, sample_size=8,
        num_embeds_ada_norm=10, norm_num_groups=4,
    )  # fmt: skip


DIFFUSION: dict[Callable[[], Any], Callable[[], dict[str, Any]]] = {
    unet: lambda: {"sample": torch.ones(1, 3, 8, 8), "timestep": torch.tensor([5])},
    conditioned: lambda: {
        "sample": torch.ones(1, 4, 8, 8), "timestep": 5, "encoder_hidden_states": torch.ones(1, 5, 16),
    },
    autoencoder: lambda: {"sample": torch.ones(1, 3, 16, 16)},
    transformer: lambda: {
        "hidden_states": torch.ones(1, 4, 8, 8), "timestep": torch.tensor([3]), "class_labels": torch.tensor([1]),
    },
}  # fmt: skip


@pytest.mark.parametrize("make", DIFFUSION)
def test_a_diffusion_model_is_counted_and_left_as_it_was(make: Callable[[], Any]) -> None:
    model, inputs = make().train(), DIFFUSION[make]()
    configuration, weights = dict(model.config), {name: one.clone() for name, one in model.state_dict().items()}
    net = sepcalc.from_torch(model, inputs)
    assert (net.complete, net.params) == (True, sum(one.numel() for one in model.parameters()))
    assert net.macs == counted_by_pytorch(model.eval(), inputs)
    assert (dict(model.config), model.config.get("no such")) == (configuration, None)
    for name, value in weights.items():
        assert torch.equal(value, model.state_dict()[name])


@pytest.mark.parametrize("make", DIFFUSION)
def test_a_diffusion_model_that_is_refused_is_left_as_it_was(make: Callable[[], Any]) -> None:
    model = make().train()
    configuration, attributes = dict(model.config), [dict(vars(one)) for one in model.modules()]
    with pytest.raises(sepcalc.InputError):
        sepcalc.from_torch(model, torch.ones(1, 5, 7))
    assert (dict(model.config), all(one.training for one in model.modules())) == (configuration, True)
    assert [dict(vars(one)) for one in model.modules()] == attributes
