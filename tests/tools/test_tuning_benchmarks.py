"""The tuning benchmarks count what they say they count, refuse to compare what is not equal, and refuse a machine without a GPU."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from transformers import AutoModelForCausalLM

from didact.base.errors import PrerequisiteError

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ROWS = [{"ids": [7, 8, 9], "roles": [1, 2, 2]}, {"ids": [5, 6, 7, 11], "roles": [1, 1, 1, 2]}, {"ids": [1, 2], "roles": [1, 2]}]


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def spec(folder, **more):
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    return {"rows": str(folder / "rows.jsonl"), "vocabulary": 10, "rows_per_step": 1, "num_steps": 3, "pack": 0, **more}


def test_without_a_gpu_the_gpu_benchmark_says_what_measures_here(monkeypatch):
    import gpu_tuning

    monkeypatch.setattr(gpu_tuning.torch.cuda, "is_available", lambda: False)
    with pytest.raises(PrerequisiteError, match=r"torch sees none here(.|\n)*make bench-tuning"):
        gpu_tuning.check_gpu()


def test_every_system_reads_the_same_steps_and_ids_of_a_small_vocabulary_are_taken_modulo(tmp_path):
    from peers.rows import steps_of

    assert [[row["ids"] for line in step for row in line] for step in steps_of(spec(tmp_path))] == [[[7, 8, 9]], [[5, 6, 7, 1]], [[1, 2]]]


def test_packed_lines_hold_whole_rows_in_order(tmp_path):
    from peers.rows import steps_of

    # 3 tokens; 3 + 4 are too many for a line of 6; 4 + 2 are not.
    steps = steps_of(spec(tmp_path, pack=6, num_steps=2))
    assert [[len(row["ids"]) for row in line] for step in steps for line in step] == [[3], [4, 2]]


def test_supervised_tokens_are_the_answers_and_with_a_prompt_weight_all_but_the_first(tmp_path):
    from peers.rows import columns_of, num_supervised, steps_of

    steps = steps_of(spec(tmp_path, pack=9, num_steps=1))
    assert num_supervised(steps, 0.0) == 2 + 1 + 1
    assert num_supervised(steps, 1.0) == 2 + 3 + 1
    ignored = -100
    assert columns_of(steps[0][0], 0.0) == {
        "input_ids": [7, 8, 9, 5, 6, 7, 1, 1, 2],
        "labels": [ignored, 8, 9, ignored, ignored, ignored, 1, ignored, 2],
        "seq_lengths": [3, 4, 2],
    }


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen2"])
def test_a_shapes_flops_are_counted_from_the_matrices_that_the_model_has(kind):
    from peers.shapes import Shape, config_of

    shape = Shape(32, 2, 4, 4 if kind == "gpt2" else 2, 64, 50, kind)
    model = AutoModelForCausalLM.from_config(config_of(shape))
    matrices = {name: weight for name, weight in model.named_parameters() if weight.ndim == 2}
    blocks = sum(weight.numel() for weight in matrices.values() if weight.shape[0] != 50 and weight.shape != (1024, 32))
    assert shape.block_parameters == blocks
    assert shape.head_parameters == model.get_output_embeddings().weight.numel()


@pytest.mark.parametrize(("vocabulary", "size"), [(49_152, 49_152), (50_257, 50_257), (151_936, 50_257)])
def test_a_shapes_tokenizer_has_no_token_that_its_table_lacks(shared, vocabulary, size):
    from peers.rows import tokenizer_in
    from peers.shapes import END, cut

    tokenizer = cut(tokenizer_in(shared), vocabulary)
    assert tokenizer.get_vocab_size() == size
    assert tokenizer.token_to_id(END) == size - 1
    text = "Instructions are followed: naïve 東京"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


@pytest.mark.parametrize("theirs", [(2.0, 3.1), (2.0, float("nan"))])
def test_unequal_losses_end_the_comparison(theirs):
    from peers.child import Run, apart

    ours = Run(1.0, 1.0, 1.0, 1.0, (2.0, 3.0), {})
    with pytest.raises(SystemExit, match="nothing to compare"):
        apart(Run(1.0, 1.0, 1.0, 1.0, theirs, {}), ours, 0.01, "a peer")


def test_equal_losses_tell_how_far_they_are_apart():
    from peers.child import Run, apart

    one, other = (Run(1.0, 1.0, 1.0, 1.0, losses, {}) for losses in ((2.0, 4.0), (2.01, 4.0)))
    assert apart(one, other, 0.01, "a peer") == pytest.approx(0.01 / 2)


@pytest.mark.parametrize(
    ("name", "shapes", "parents", "expected"),
    [
        ("aten::mm", [[7, 256], [256, 50_257]], [], "head"),
        ("aten::mm", [[7, 256], [256, 256]], [], "attention"),
        ("aten::addmm", [[1024], [7, 256], [256, 1024]], [], "mlp"),
        ("aten::mul", [[4, 4, 7, 64], []], [], "attention"),
        ("aten::native_layer_norm", [[4, 7, 256], [256]], [], "other operators"),
        ("aten::_foreach_mul_", [], [], "optimiser"),
        ("aten::mul_", [[50_257, 256]], ["Optimizer.step#AdamW.step"], "optimiser"),
        ("aten::to", [[4, 7]], ["collation"], "collation"),
        ("aten::mm", [[4096, 7], [7, 256]], ["_HeadLoss"], "head"),
    ],
)
def test_an_operator_stands_under_the_heading_of_what_it_works_on(name, shapes, parents, expected):
    from peers.profiling import heading

    parent = None
    for above in parents:
        parent = SimpleNamespace(name=above, cpu_parent=parent)
    event = SimpleNamespace(name=name, input_shapes=shapes, cpu_parent=parent)
    assert heading(event, {"vocabulary": 50_257, "mlp": 1024}) == expected


def test_a_profile_leaves_out_steps_that_warm_up_and_the_last_one():
    import torch
    from peers.profiling import HEADINGS, Profile

    spec = {"profile": True, "num_steps": 5, "vocabulary": 1000, "mlp": 900}
    profile, head, mlp = Profile(spec), torch.ones(1000, 1000), torch.ones(900, 900)
    for number in range(5):
        given = head if number in (2, 3) else mlp
        torch.mm(given, given)  # milliseconds: what is told is rounded to one
        profile.step_ended()
    assert tuple(profile.seconds) == HEADINGS
    assert profile.seconds["head"] > 0.0 == profile.seconds["mlp"]
    silent = Profile({**spec, "profile": False})
    for _ in range(5):
        silent.step_ended()
    assert silent.seconds == {}
