"""Adapters in every family of models: all linear layers of every block are targets, the base stays as it is, what was saved comes back."""

import pytest
import torch
import transformers
from tiny import VOCABULARY, Steps, random_rows, tokeniser

from didact.base.errors import ModelError
from didact.base.recipe import AdapterSection, ModelSection, Objective, TrainSection
from didact.models.adapter import inject
from didact.models.architecture import logits_of
from didact.models.load import adapted, load_base, load_checkpoint, merged, save
from didact.models.targets import targets_of
from didact.train.loop import tune

pytest.importorskip("peft")
IDS = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
SHAPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, **IDS}
GROUPED = {**SHAPE, "num_key_value_heads": 2, "head_dim": 8}
OLD = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, **IDS}
ATTENTION, GATED = {"q_proj", "k_proj", "v_proj", "o_proj"}, {"gate_proj", "up_proj", "down_proj"}
FUSED = {"query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"}
FAMILIES = {
    "llama": (transformers.LlamaConfig(**GROUPED), ATTENTION | GATED),
    "mistral": (transformers.MistralConfig(**GROUPED), ATTENTION | GATED),
    "qwen2": (transformers.Qwen2Config(**GROUPED), ATTENTION | GATED),
    "qwen3": (transformers.Qwen3Config(**GROUPED), ATTENTION | GATED),
    "gemma": (transformers.GemmaConfig(**GROUPED), ATTENTION | GATED),
    "gemma2": (transformers.Gemma2Config(**GROUPED), ATTENTION | GATED),
    "gemma3_text": (transformers.Gemma3TextConfig(**GROUPED), ATTENTION | GATED),
    "olmo2": (transformers.Olmo2Config(**GROUPED), ATTENTION | GATED),
    "smollm3": (transformers.SmolLM3Config(**GROUPED), ATTENTION | GATED),
    "phi3": (transformers.Phi3Config(**GROUPED), {"qkv_proj", "o_proj", "gate_up_proj", "down_proj"}),
    "gpt_neox": (transformers.GPTNeoXConfig(**SHAPE), FUSED),
    "falcon": (transformers.FalconConfig(**SHAPE), FUSED),
    "bloom": (transformers.BloomConfig(**{**IDS, "hidden_size": 32, "n_layer": 2, "n_head": 4}), FUSED),
    "gpt2": (transformers.GPT2Config(**OLD), {"c_attn", "c_proj", "c_fc"}),
    "opt": (
        transformers.OPTConfig(**{**SHAPE, "ffn_dim": 64, "word_embed_proj_dim": 32, "max_position_embeddings": 64}),
        {"q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"},
    ),
    # The experts of a mixture are one block of numbers and no linear layers: attention alone has targets.
    "mixtral": (transformers.MixtralConfig(**GROUPED, num_local_experts=4), ATTENTION),
}


def family(folder, name):
    """A folder with a random base of a family, whose tokenizer knows chatml."""
    config, _ = FAMILIES[name]
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.mul_(5)
    model.save_pretrained(folder)
    tokeniser().tokenizer.save_pretrained(folder)
    return folder


def logits(loaded):
    with torch.no_grad():
        return logits_of(loaded.model.eval()(input_ids=torch.arange(3, 15)[None]))


@pytest.mark.parametrize("name", FAMILIES)
def test_two_steps_train_every_target_and_nothing_else_and_come_back(tmp_path, name):
    section = ModelSection(base=str(family(tmp_path / "base", name)), adapter=AdapterSection(kind="lora", rank=2))
    untouched = load_base(section, tokeniser(), (), positions=64, seed=0)
    wanted = FAMILIES[name][1]
    assert {target.rpartition(".")[2] for target in targets_of(untouched.model, "auto")} == wanted
    loaded = adapted(untouched, section, 0)
    before = {key: tensor.clone() for key, tensor in loaded.model.named_parameters()}
    rows = random_rows(4)
    settings = TrainSection(learning_rate=0.01, precision="fp32", log_every=1)
    given = {"objective": Objective(), "settings": settings, "packed": False, "seed": 0, "folder": tmp_path / "run"}
    tune(loaded, Steps([[rows, rows]]), 2, **given)
    changed = {key for key, tensor in loaded.model.named_parameters() if not torch.equal(tensor, before[key])}
    # B begins at zero, so A has a gradient from the second step on.
    assert changed == {key for key in before if ".lora_A." in key or ".lora_B." in key}
    assert {key.split(".lora_")[0].rpartition(".")[2] for key in changed} == wanted
    again = load_checkpoint(tmp_path / "run" / "checkpoints" / "step_00000002")
    tuned = logits(loaded)
    assert torch.equal(logits(again), tuned)
    whole = merged(again)
    torch.testing.assert_close(logits(whole), tuned, rtol=1e-5, atol=float(1e-5 * tuned.abs().max()))
    save(whole, tmp_path / "whole")
    torch.testing.assert_close(logits(load_checkpoint(tmp_path / "whole")), logits(whole), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["Mamba", "Mamba2"])
def test_a_state_space_model_is_refused_with_the_layers_that_it_calls(name):
    more = {"num_heads": 8, "head_dim": 8, "n_groups": 1} if name == "Mamba2" else {}
    config = getattr(transformers, f"{name}Config")(vocab_size=64, hidden_size=32, num_hidden_layers=2, state_size=4, **more)
    model = transformers.AutoModelForCausalLM.from_config(config)
    with pytest.raises(ModelError, match=r"without calling it(.|\n)*next: model\.adapter\.targets=\[in_proj\]"):
        inject(model, AdapterSection(kind="lora"), (), 0)
    inject(model, AdapterSection(kind="lora", targets=["in_proj"]), (), 0)
    trained = [key for key, parameter in model.named_parameters() if parameter.requires_grad]
    assert len(trained) == 2 * 2
