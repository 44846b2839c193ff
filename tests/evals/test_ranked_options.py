"""The likeliest of a row's choices: golden rows where the norms differ, tokens as training has them, ties, names of items."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tiny import MODELS, VOCABULARY, random_model, tokeniser
from transformers import T5Config, T5ForConditionalGeneration

from didact.base.errors import DataError
from didact.base.roles import RESPONSE
from didact.base.types import Conversation, Example, Message, Origin, Prediction
from didact.evals.options import NORMS, answered, continuations, has_names, prompt_alone, ranked
from didact.evals.unseen import Question, questions
from didact.models.likelihoods import Likelihood
from didact.models.load import Loaded
from didact.models.local import LocalModel
from didact.prompts.formats import Format
from didact.prompts.options import STYLES, OptionsFormat
from didact.prompts.template import Template
from didact.tasks.task import Task, TaskSet

CPU = torch.device("cpu")


def row(*choices: str, references: tuple[str, ...] = (), options: tuple[str, ...] = (), prompt: int = 5) -> Question:
    made = Prediction("colours", "1", "my/x", "", "", references, "length", 0, choices=choices, options=options)
    return Question(made, np.arange(3, 3 + prompt, dtype=np.int32), 0)


def local(model: Any = None, chat_format: str = "chatml") -> LocalModel:
    return LocalModel(Loaded(random_model(MODELS["llama"], scale=2.0) if model is None else model, tokeniser(chat_format)), CPU, "fp32")


def test_sum_takes_the_short_choice_and_per_token_the_long_one() -> None:
    asked = row("no", "not at all", references=("not at all",))
    # Sums: log 0.2 = -1.609 against three tokens of 0.5 each, -2.079. A token: -1.609 against -0.693.
    likely = [Likelihood(np.log(0.2), 1, False), Likelihood(3 * np.log(0.5), 3, True)]
    found = answered(asked, likely, {"no": np.log(0.3), "not at all": np.log(0.01)}, "sum")
    # A byte: -1.609 / 2 = -0.805 against -2.079 / 10 = -0.208. PMI: log 0.2/0.3 < 0 < log 0.125/0.01.
    assert dict(found.ranked) == {"sum": 0, "per_token": 1, "per_byte": 1, "pmi": 1}
    assert found.completion == "no" and found.scores["rank_accuracy"] == found.scores["rank_accuracy_sum"] == 0
    assert found.scores["rank_accuracy_per_token"] == found.scores["rank_accuracy_pmi"] == 100
    assert found.logprobs == pytest.approx((-1.609, -2.079), abs=1e-3)
    assert (found.asked, found.stop, found.num_tokens, found.extractor) == ("rank", "stop", 1, "")
    other = answered(asked, likely, {"no": -1.0, "not at all": -4.0}, "per_token")
    assert (other.completion, other.num_tokens, other.scores["rank_accuracy"]) == ("not at all", 3, 100)


def test_bytes_are_those_of_utf_8() -> None:
    likely = [Likelihood(-3.0, 1, False), Likelihood(-4.0, 1, False)]
    found = answered(row("abc", "äöü"), likely, {"abc": 0.0, "äöü": 0.0}, "per_byte")
    assert found.completion == "äöü"  # -3/3 = -1 against -4/6: six bytes, though three letters


def test_of_equally_likely_choices_the_first_is_taken_and_the_tie_is_counted() -> None:
    likely = [Likelihood(-2.0, 1, False), Likelihood(-1.0, 1, False), Likelihood(-1.0 + 1e-7, 1, False)]
    found = answered(row("a", "b", "c"), likely, dict.fromkeys("abc", 0.0), "sum")
    assert found.completion == "b" and found.scores["rank_tie"] == 100
    assert answered(row("a", "b"), likely[:2], dict.fromkeys("ab", 0.0), "sum").scores["rank_tie"] == 0
    twice = ranked(local(), [row("the cat", "the cat", "a dog")])[0]
    assert twice.logprobs[0] == twice.logprobs[1] and twice.ranked["sum"] != 1


def test_a_letter_is_compared_by_the_token_in_which_the_names_differ() -> None:
    asked = row("(A)", "(B)", references=("(B)",), options=("yes", "no"))
    # With its bracket "(A)" is likelier; of the letters B is.
    likely = [Likelihood(-2.0, 3, False), Likelihood(-2.5, 3, False), Likelihood(-1.9, 2, False), Likelihood(-1.2, 2, False)]
    found = answered(asked, likely, {"(A)": 0.0, "(B)": 0.0}, "letter")
    assert found.ranked["sum"] == 0 and found.ranked["letter"] == 1
    assert found.completion == "(B)" and found.scores["rank_accuracy"] == 100
    assert not has_names(row("yes", "no").unanswered)
    assert all(
        has_names(row(*names, options=("1", "2")).unanswered) for names in (("A", "B"), ("1.", "2."), ("<iv>", "<ix>"), ("a:", "b:"))
    )
    # A row without names has no letter, and is then ranked by its sum.
    plain = answered(row("yes", "no"), likely[:2], {"yes": 0.0, "no": 0.0}, "letter")
    assert "letter" not in plain.ranked and plain.completion == "yes"


def test_the_values_are_those_of_the_model() -> None:
    model = local()
    asked = [row("the cat", "a dog sings", "red"), row("(A)", "(B)", options=("yes", "no"), prompt=8)]
    tokens = continuations(model.tokeniser, ["the cat", "a dog sings", "red", "(A)", "(B)"])

    def logprob(prompt: np.ndarray, answer: np.ndarray) -> float:
        ids = torch.from_numpy(np.concatenate([prompt, answer]).astype(np.int64))[None]
        with torch.no_grad():
            found = torch.log_softmax(model.network(input_ids=ids).logits[0].double(), -1)
        return sum(float(found[len(prompt) - 1 + place, token]) for place, token in enumerate(answer.tolist()))

    for question, found in zip(asked, ranked(model, asked), strict=True):
        choices = question.unanswered.choices
        sums = [logprob(question.prompt, tokens[choice]) for choice in choices]
        alone = [logprob(prompt_alone(model.tokeniser), tokens[choice]) for choice in choices]
        assert found.logprobs == pytest.approx(sums, abs=1e-4)
        assert found.ranked["sum"] == int(np.argmax(sums))
        assert found.ranked["per_token"] == int(np.argmax([s / len(tokens[c]) for s, c in zip(sums, choices, strict=True)]))
        assert found.ranked["pmi"] == int(np.argmax(np.subtract(sums, alone)))
    assert tuple(ranked(model, asked)[1].ranked) == NORMS


@pytest.mark.parametrize("chat_format", ["chatml", "plain", "answer", "alpaca"])
@pytest.mark.parametrize("asked", ["the cat", "the cat ", "the cat\n"])
def test_a_choice_has_the_tokens_that_training_gives_it_as_a_response(chat_format: str, asked: str) -> None:
    made = tokeniser(chat_format)
    task = Task("t", (Example("1", {"q": "the cat"}, ("the red house",), ("the red house", "sings")),), kind="rows")
    template = Template("my/x", ("rows",), "{{ q }}" + asked.removeprefix("the cat"))
    (question,) = questions(TaskSet([task]), "unseen", lambda *_: template, made, limit=9, max_length=400, max_prompt_length=400, seed=0)
    said = Conversation((Message("user", asked), Message("assistant", "the red house")), Origin("t", "1"))
    (trained,) = made.tokenise([said], 400)
    assert trained is not None
    tokens = continuations(made, ["the red house"], question.ending)["the red house"]
    whole = np.concatenate([question.prompt, tokens])
    np.testing.assert_array_equal(trained.input_ids[: len(whole)], whole)
    assert (trained.roles[len(question.prompt) : len(whole)] == RESPONSE).all()
    assert int(trained.input_ids[len(whole)]) in (*made.stop_ids, made.eos_id)  # only the end of the turn is left out


def test_options_of_a_worded_task_are_ranked_whatever_their_number() -> None:
    example = Example("1", {"q": "Is it red?"}, ("no",), ("yes", "no"))
    three = replace(example, id="2", choices=("yes", "no", "say it twice"))
    template = Template("my/x", ("rows",), "{{ q }}\n{{ options }}")
    form = Format(template, OptionsFormat(STYLES["(A)"]))
    model, told = local(), list[int]()
    tasks = TaskSet([Task("t", (example, three), kind="rows")])
    asked = questions(tasks, "unseen", lambda *_: form, model.tokeniser, limit=9, max_length=200, max_prompt_length=200, seed=0)
    found = ranked(model, asked, done=told.append)
    assert [len(one.logprobs) for one in found] == [2, 3] and sum(told) == 2
    assert [one.choices for one in found] == [("(A)", "(B)"), ("(A)", "(B)", "(C)")]
    assert all(one.completion in one.choices and "letter" in one.ranked for one in found)
    assert ranked(model, asked[::-1])[::-1] == [replace(one, logprobs=pytest.approx(one.logprobs, abs=1e-4)) for one in found]  # type: ignore[arg-type]


def test_an_encoder_decoder_is_asked_the_same() -> None:
    sizes = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2, "vocab_size": VOCABULARY}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        t5 = T5ForConditionalGeneration(T5Config(**sizes, pad_token_id=1, eos_token_id=0, decoder_start_token_id=1))
    found = ranked(local(t5), [row("the cat", "a dog sings", "red")])[0]
    assert set(found.ranked) == {"sum", "per_token", "per_byte", "pmi"}
    assert len(set(found.logprobs)) == 3 and all(value < 0 for value in found.logprobs)


def test_a_row_without_choices_or_with_an_empty_one_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="a row of task 'colours' has no choices to rank"):
        ranked(local(), [row("yes", "no"), row()])
    with pytest.raises(DataError, match="the choice '' is empty"):
        ranked(local(), [row("yes", "")])
    with pytest.raises(DataError, match="no norm 'loudest'"):
        ranked(local(), [row("yes", "no")], norm="loudest")
    assert ranked(local(), []) == []


def test_a_prompt_that_was_cut_says_so() -> None:
    cut = replace(row("yes", "no"), num_cut=3)
    assert ranked(local(), [cut])[0].faults == ("truncated",)
