"""lm-eval asks our model what it asks its own back end: the same log-likelihoods, accuracies and texts."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness_tasks import RANKED, agree, local, mmlu, own_rows, ready, shared_rows, task_file, theirs
from tokenizer_zoo import byte_fallback, byte_level_bos
from transformers import AutoTokenizer

from didact.base.types import Conversation, Message, Origin
from didact.evals import harness
from didact.evals.options import ranked
from didact.evals.unseen import Question
from didact.models.likelihoods import likelihoods

instance = pytest.importorskip("lm_eval.api.instance", reason="lm-eval is not installed: pip install 'didact[harness]'")
pytestmark = pytest.mark.filterwarnings("ignore")  # what that library and those below it warn of

from didact.evals.harness_model import HarnessModel  # noqa: E402


@pytest.mark.parametrize("name", [*RANKED, "gaps", "endings"])
def test_own_rows_have_the_likelihoods_and_accuracies_of_lm_eval(name: str, tmp_path: Path) -> None:
    agree(local(), task_file(tmp_path, name, own_rows(name)))


@pytest.mark.parametrize("name", RANKED)
def test_public_rows_have_the_likelihoods_and_accuracies_of_lm_eval(name: str, tmp_path: Path, shared: Path) -> None:
    file = task_file(tmp_path, name, shared_rows(name, shared), mmlu(shared, "dev", 5))
    agree(local(tokens=ready(AutoTokenizer.from_pretrained(shared / "models" / "tokenizers" / "gpt2"))), file)


@pytest.mark.parametrize("name", RANKED)
def test_our_own_rank_classification_takes_the_same_choices_on_the_same_prompts(name: str, tmp_path: Path) -> None:
    model = local("plain")
    file = task_file(tmp_path, name, own_rows(name))
    (rows,) = theirs(model, file)["samples"].values()
    asked = harness.evaluate({"base": model}, file).rows["base"]
    # The format `plain` moves the space at a prompt's end into the answer, where lm-eval has its delimiter.
    said = [Conversation((Message("user", f"{row.prompt} "),), Origin(name, row.example)) for row in asked]
    found = ranked(
        model,
        [
            Question(replace(row, logprobs=(), ranked={}), model.tokeniser.prompt(one, 4096).input_ids, 0, ending=" ")
            for row, one in zip(asked, said, strict=True)
        ],
    )
    for expected, row in zip(rows, found, strict=True):
        assert row.logprobs == pytest.approx([resp[0][0] for resp in expected["resps"]], abs=1e-3)
        assert row.scores["rank_accuracy_sum"] == 100 * expected["acc"]
        assert row.scores["rank_accuracy_per_byte"] == 100 * expected["acc_bytes"]


@pytest.mark.parametrize("batch_size", [1, 3])
def test_written_answers_are_those_of_lm_eval_up_to_the_first_stop_string(batch_size: int, tmp_path: Path) -> None:
    model = local("plain", seed=3)
    file = task_file(tmp_path, "sums", own_rows("sums") * 3)
    (rows,) = theirs(model, file, batch_size)["samples"].values()
    ours = harness.ask(model, file)
    expected = [row["resps"][0][0] for row in rows if row["filter"] == "words"]
    assert [sample.answers[0] for sample in ours.samples] == expected
    assert all("\n" not in text for text in expected) and any(expected)
    assert ours.own["mine_sums"]["exact_match,words"] == 0


def test_stop_strings_are_cut_where_they_begin(tmp_path: Path) -> None:
    model = local("plain", seed=3)
    free = harness.ask(model, task_file(tmp_path, "sums", own_rows("sums"))).samples[0].answers[0]
    stop = free[3:6]
    file = Path(task_file(tmp_path, "sums", own_rows("sums")))
    file.write_text(file.read_text().replace('["\\n", "the g"]', json.dumps(["\n", stop])))
    assert harness.ask(model, str(file)).samples[0].answers[0] == free[: free.index(stop)]


def test_perplexities_of_texts_are_those_of_lm_eval_in_windows_too(tmp_path: Path) -> None:
    model = local(max_position_embeddings=16)  # each text is longer than what the model sees at once
    file = task_file(tmp_path, "texts", own_rows("texts"))
    found, ours = theirs(model, file)["results"]["mine_texts"], harness.evaluate({"base": model}, file)
    for metric in ("word_perplexity,none", "bits_per_byte,none"):
        assert ours.own["base"]["mine_texts"][metric] == pytest.approx(found[metric], rel=1e-4)
    assert ours.sets == () and ours.rows["base"] == ()  # a perplexity is no score of a row


@pytest.mark.parametrize("family", [byte_level_bos, partial(byte_fallback, "first"), partial(byte_fallback, "prepend")])
def test_no_beginning_token_stands_twice(family: Any, tmp_path: Path) -> None:
    model = local(tokens=ready(family()))
    tokens, asked = model.tokeniser, HarnessModel(model)
    assert tokens.adds_bos
    for text in ("The cat sleeps", f"{tokens.tokenizer.bos_token}The cat sleeps"):
        assert asked.tok_encode(text)[0] == tokens.bos_id
        assert asked.tok_encode(text).count(tokens.bos_id) == 1
    assert asked.tok_encode("The cat sleeps") == tokens.tokenizer.encode("The cat sleeps")
    assert tokens.bos_id not in asked.tok_encode("The cat sleeps", add_special_tokens=False)
    agree(model, task_file(tmp_path, "arc", own_rows("arc")))


def test_a_prompt_that_is_cut_keeps_its_beginning_token() -> None:
    model = local(tokens=ready(byte_level_bos()), max_position_embeddings=24)
    asked, context, choices = HarnessModel(model), "The cat sleeps. " * 20 + "Where?", (" In the house.", " No.")
    found = asked.loglikelihood([instance.Instance("loglikelihood", {}, (context, choice), 0) for choice in choices])
    ids = [np.array(asked.tok_encode(choice, add_special_tokens=False), np.int32) for choice in choices]
    prompt, room = np.array(asked.tok_encode(context), np.int32), 24 + 1 - max(map(len, ids))
    cut = np.concatenate([prompt[:1], prompt[len(prompt) - room + 1 :]])  # the same for both choices
    assert asked.num_cut == {context: len(prompt) - room}
    assert [value for value, _ in found] == pytest.approx([value.logprob for value in likelihoods(model, [cut], [ids])[0]], abs=1e-4)
