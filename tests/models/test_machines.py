"""Machines that somebody might train on: their words, what fits there, and what to turn first where it does not."""

import pytest
from transformers import LlamaConfig

from didact.base.errors import RecipeError
from didact.models.machines import fit, machine_named
from didact.models.needs import Wanted
from didact.models.plan import Trained, plan_of

GB = 10**9


def llama_1b() -> LlamaConfig:
    """Llama 3.2 1B: 1.236 billion weights, 128,256 tokens, tied."""
    shape = {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8}
    return LlamaConfig(**shape, vocab_size=128_256, head_dim=64, tie_word_embeddings=True)


@pytest.fixture(scope="module")
def plan():
    wanted = Wanted(max_length=512, micro_batch_tokens=8192, batch_tokens=65_536, precision="bf16")
    return plan_of(llama_1b(), wanted, Trained(num_tokens=10**7, num_steps=153, num_examples=50_000))


def there(plan, words: str, **options):
    return fit(plan, machine_named(words, 16 * GB), llama_1b(), "bf16", **{"may_checkpoint": True, "adapter": 0.01, **options})


@pytest.mark.parametrize(
    ("words", "device", "number", "each"), [("1x24GB", "cuda", 1, 24 * GB), ("80gb", "cuda", 1, 80 * GB), ("cpu", "cpu", 1, 16 * GB)]
)
def test_a_machine_is_known_by_its_words(words: str, device: str, number: int, each: int) -> None:
    found = machine_named(words, 16 * GB)
    assert (found.device, found.num_devices, found.each) == (device, number, each)


@pytest.mark.parametrize("words", ["", "24", "0x24GB", "8x0GB", "H100", "two GPUs"])
def test_other_words_are_refused_with_what_to_type(words: str) -> None:
    with pytest.raises(RecipeError, match="no machine is written") as refused:
        machine_named(words, None)
    assert refused.value.remedy == "1x24GB"


def test_weights_gradients_and_moments_of_a_billion_weights_leave_a_small_gpu_little(plan) -> None:
    # 16 bytes for each of 1.236 billion: 19.8 GB of 24 before anything is kept. Layers computed again are not enough.
    small = there(plan, "1x24GB")
    assert small.plan.memory.weights + small.plan.memory.gradients + small.plan.memory.optimiser == 16 * 1_235_814_400
    assert small.plan.wanted.checkpointing
    assert small.fits is False
    assert small.changed <= 24 * GB < small.plan.memory.total
    assert small.lines()[1].startswith(f"1x24GB: first turn {small.change[0]}")


def test_eight_large_ones_have_room_for_a_copy_each(plan) -> None:
    large = there(plan, "8x80GB")
    assert (large.fits, large.change, large.plan.wanted.shard, large.plan.wanted.checkpointing) == (True, (), False, False)
    assert large.lines()[0].startswith("8x80GB (bf16, a copy on each): fits, ")
    assert large.to_dict()["fits"] is True


def test_eight_small_ones_are_told_to_share(plan) -> None:
    shared = there(plan, "8x16GB")
    assert shared.fits is False
    assert "train.shard=true" in shared.change


def test_a_processor_whose_memory_nobody_knows_gets_the_bytes_alone(plan) -> None:
    found = fit(plan, machine_named("cpu", None), llama_1b(), "fp32", may_checkpoint=True, adapter=None)
    assert found.fits is None
    assert found.lines()[0].startswith("cpu (fp32): takes, ".replace(",", "")) or "takes" in found.lines()[0]


def test_hours_are_told_only_where_a_speed_is_given(plan) -> None:
    large = there(plan, "8x80GB")
    assert len(large.lines()) == 1
    # Ten million tokens at a thousand a second: 10,000 s.
    assert large.lines(1000, 36)[1] == "8x80GB: time: about 2.8 h at 1,000 tokens/s, 100.00 at 36 an hour"


def test_a_recipe_that_forbids_it_is_not_planned_with_layers_computed_again(plan) -> None:
    assert not there(plan, "1x24GB", may_checkpoint=False).plan.wanted.checkpointing
