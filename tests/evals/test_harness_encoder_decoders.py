"""Encoder-decoders behind lm-eval's interface: the likelihoods and texts of that library's own back end for the same T5."""

from typing import Any

import pytest
import torch
from harness_tasks import CPU, ready
from tiny import TEXTS, tokeniser
from tokenizer_zoo import CORPUS, unigram
from tokenizers import processors
from transformers import T5Config, T5ForConditionalGeneration

from didact.data.tokens import Tokeniser
from didact.models.load import Loaded
from didact.models.local import LocalModel

instance = pytest.importorskip("lm_eval.api.instance", reason="lm-eval is not installed: pip install 'didact[harness]'")
pytestmark = pytest.mark.filterwarnings("ignore")  # what that library and those below it warn of

from didact.evals.harness_model import HarnessModel  # noqa: E402

PAIRS = [
    ("the cat sleeps in", " the red house"),
    ("the cat sleeps in", " the green garden"),
    ("a dog runs to the garden. Where?", " the"),
    ("the cat sleeps in ", "the red house"),  # the white space goes to what follows
    ("a dog runs \n", "to the garden"),
    ("", "the bird sings"),
    ("say it twice: " * 12, "one two three"),
]


def as_ours() -> Tokeniser:
    """A byte-level tokeniser, which writes nothing around a text."""
    return tokeniser("plain")


def as_t5() -> Tokeniser:
    """A tokeniser like T5's: pieces of words, and the end token behind every text."""
    tokenizer = unigram()
    end = tokenizer.eos_token_id
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", end)])
    return ready(tokenizer)


TOKENISERS = {"ours": as_ours, "t5": as_t5}


def t5(tokens: Tokeniser, seed: int = 0) -> LocalModel:
    """A tiny random T5."""
    shape = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4, "dropout_rate": 0.0}
    pad, eos = tokens.tokenizer.pad_token_id, tokens.eos_id
    config = T5Config(**shape, vocab_size=len(tokens.tokenizer), decoder_start_token_id=pad, pad_token_id=pad, eos_token_id=eos)
    torch.manual_seed(seed)
    network = T5ForConditionalGeneration(config)
    with torch.no_grad():
        network.shared.weight.mul_(0.1)  # which is drawn with deviation 1, and is the head too
    return LocalModel(Loaded(network, tokens), CPU, "fp32")


def theirs(model: LocalModel) -> Any:
    from lm_eval.models.huggingface import HFLM

    tokenizer = model.tokeniser.tokenizer
    return HFLM(pretrained=model.network, tokenizer=tokenizer, backend="seq2seq", batch_size=3, device="cpu")


def asked(kind: str, arguments: list[tuple[Any, ...]]) -> list[Any]:
    return [instance.Instance(kind, {}, given, 0) for given in arguments]


@pytest.fixture(params=TOKENISERS)
def model(request: pytest.FixtureRequest) -> LocalModel:
    return t5(TOKENISERS[request.param]())


def test_continuations_have_the_likelihoods_of_lm_eval(model: LocalModel) -> None:
    requests = asked("loglikelihood", PAIRS)
    expected, found = theirs(model).loglikelihood(requests, disable_tqdm=True), HarnessModel(model).loglikelihood(requests)
    assert [value for value, _ in found] == pytest.approx([value for value, _ in expected], abs=1e-3)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]
    assert len({round(value, 3) for value, _ in found}) > 3


def test_what_greedy_decoding_writes_is_told_to_be_greedy() -> None:
    model = t5(as_ours())  # whose texts have the tokens again that they were written with
    said = HarnessModel(model).generate_until(asked("generate_until", [(text, {"until": [], "max_gen_toks": 1}) for text in TEXTS]))
    requests = asked("loglikelihood", [(text, one) for text, one in zip(TEXTS, said, strict=True) if one.strip()])
    found = [greedy for _, greedy in HarnessModel(model).loglikelihood(requests)]
    assert found == [greedy for _, greedy in theirs(model).loglikelihood(requests, disable_tqdm=True)]
    assert any(found)


def test_whole_texts_have_the_likelihoods_of_lm_eval_in_windows_too(model: LocalModel) -> None:
    requests = asked("loglikelihood_rolling", [(text,) for text in (*TEXTS, *CORPUS[:2])])
    for length in (2048, 8):
        reference, ours = theirs(model), HarnessModel(model)
        reference._max_length = ours.max_length = length
        expected = reference.loglikelihood_rolling(requests, disable_tqdm=True)
        assert ours.loglikelihood_rolling(requests) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("stops", [[], ["e"]])
def test_answers_are_those_of_lm_eval(model: LocalModel, seed: int, stops: list[str]) -> None:
    model = t5(model.tokeniser, seed)
    prompts = [*TEXTS, "the cat", "the cat sleeps in ", "say it twice: " * 12]
    given = {"until": stops, "max_gen_toks": 12}
    # Its own limit counts the prompt's tokens too, which stand in the encoder: with 13, the start token and twelve more are said.
    expected = theirs(model).generate_until(asked("generate_until", [(text, {**given, "max_length": 13}) for text in prompts]))
    found = HarnessModel(model).generate_until(asked("generate_until", [(text, given) for text in prompts]))
    assert found == expected
    assert len(set(found)) > 1


def test_a_prompt_that_is_too_long_loses_its_beginning_as_in_lm_eval(model: LocalModel) -> None:
    reference, ours = theirs(model), HarnessModel(model)
    reference._max_length = ours.max_length = 10
    requests = asked("loglikelihood", [("say it twice: " * 12 + "the cat", " sleeps"), ("say it twice: " * 12 + "a dog", " runs")])
    expected = [value for value, _ in reference.loglikelihood(requests, disable_tqdm=True)]
    assert [value for value, _ in ours.loglikelihood(requests)] == pytest.approx(expected, abs=1e-3)
    assert len(ours.num_cut) == 2
