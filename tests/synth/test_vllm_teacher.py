"""vLLM in this process, as far as it can be seen without it: a stand-in has the same names and takes the same arguments."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from verbs import didact

from didact.base.errors import PrerequisiteError
from didact.base.synth_section import Teacher
from didact.base.types import Message
from didact.models.endpoint import Refused
from didact.synth.ask import Ask, Reply, Sampling
from didact.synth.teachers import backend_of
from didact.synth.vllm import Vllm

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


@dataclass
class StructuredOutputsParams:
    """Source: vllm/sampling_params.py: the fields that are used here."""

    json: str | dict[str, Any] | None = None


@dataclass
class SamplingParams:
    """Source: vllm/sampling_params.py: the fields that are used here, with their defaults."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int | None = 16
    stop: str | list[str] | None = None
    seed: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logprobs: int | None = None
    structured_outputs: StructuredOutputsParams | None = None

    def __post_init__(self) -> None:
        if not 0 < self.top_p <= 1:
            raise ValueError("top_p must be in (0, 1]")


@dataclass
class LLM:
    """Source: vllm/entrypoints/llm.py: the arguments that are used here. Writes what it was given back, in capitals."""

    model: str
    revision: str | None = None
    seed: int = 0
    heard: list[tuple[str, list[Any], Sequence[SamplingParams]]] = field(default_factory=list)

    def generate(self, prompts: list[str], sampling_params: Sequence[SamplingParams] | None = None, *, use_tqdm: bool = True) -> list[Any]:
        return self._run("generate", prompts, sampling_params, prompts)

    def chat(self, messages: list[Any], sampling_params: list[SamplingParams] | None = None, use_tqdm: bool = True) -> list[Any]:
        return self._run("chat", messages, sampling_params, [said[-1]["content"] for said in messages])

    def _run(self, verb: str, asked: list[Any], params: Sequence[SamplingParams] | None, texts: list[str]) -> list[Any]:
        assert params is not None
        assert len(params) == len(asked)
        self.heard.append((verb, asked, params))
        for text in texts:
            if len(text) > 400:
                raise ValueError(f"The prompt is longer ({len(text)}) than the maximum model length of 400")
        return [self._output(text, one) for text, one in zip(texts, params, strict=True)]

    def _output(self, text: str, params: SamplingParams) -> Any:
        words = f"{text.upper()} {params.seed}".split()
        cut = params.max_tokens is not None and len(words) > params.max_tokens
        written = words[: params.max_tokens]
        place = {5: SimpleNamespace(logprob=-0.5, rank=1, decoded_token="A"), 6: SimpleNamespace(logprob=float("-inf"), decoded_token="B")}
        one = SimpleNamespace(
            text=" ".join(written),
            token_ids=list(range(len(written))),
            finish_reason="length" if cut else "stop",
            logprobs=[place] if params.logprobs else None,
        )
        return SimpleNamespace(prompt_token_ids=list(range(len(text.split()))), outputs=[one], finished=True)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    package, params = ModuleType("vllm"), ModuleType("vllm.sampling_params")
    package.LLM, package.SamplingParams, params.StructuredOutputsParams = LLM, SamplingParams, StructuredOutputsParams
    monkeypatch.setitem(sys.modules, "vllm", package)
    monkeypatch.setitem(sys.modules, "vllm.sampling_params", params)


def replies(model: Vllm, *asks: Ask) -> list[Reply | BaseException]:
    async def run() -> list[Reply | BaseException]:
        return await asyncio.gather(*(model.send(model.wire(ask), ask.sample) for ask in asks), return_exceptions=True)

    return asyncio.run(run())


def chat(text: str, sample: int = 0, schema: dict[str, Any] | None = None, **sampling: Any) -> Ask:
    return Ask("s", (Message("user", text),), sampling=Sampling(**sampling), sample=sample, schema=schema)


def test_what_waits_at_the_same_time_is_handed_over_together_and_each_hears_its_own(installed):
    model = backend_of(Teacher(backend="vllm", model="m", revision="main"), seed=7)
    found = replies(model, *(chat(f"say {number}") for number in range(20)), Ask("s", prompt="go on"))
    assert [reply.text for reply in found] == [f"SAY {number} None" for number in range(20)] + ["GO ON None"]
    assert [(verb, len(asked)) for verb, asked, _ in model._model.heard] == [("chat", 20), ("generate", 1)]
    assert (model._model.model, model._model.revision, model._model.seed) == ("m", "main", 7)
    assert (found[0].prompt_tokens, found[0].completion_tokens, found[0].finish, found[0].model) == (2, 3, "stop", "m@main")
    assert model.address == "vllm:m@main:7"


def test_a_request_is_drawn_as_it_says(installed):
    model = backend_of(Teacher(backend="vllm", model="m"))
    sampling = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 3, "stop": ("END",), "presence_penalty": 1.0, "frequency_penalty": 0.5}
    found = replies(model, chat("a b c d", schema=SCHEMA, seed=11, top_logprobs=2, **sampling))[0]
    params = model._model.heard[0][2][0]
    assert params == SamplingParams(
        **{**sampling, "stop": ["END"]}, seed=11, logprobs=2, structured_outputs=StructuredOutputsParams(SCHEMA)
    )
    assert (found.text, found.finish, found.top_logprobs) == ("A B C", "length", ({"A": -0.5, "B": -9999.0},))


def test_draws_of_one_request_differ_and_do_not_depend_on_who_stands_beside_it(installed):
    model = backend_of(Teacher(backend="vllm", model="m"))
    asks = [chat("hm", sample=number, temperature=1.0) for number in range(3)]
    together = replies(model, *asks)
    assert len({reply.text for reply in together}) == 3
    assert [replies(model, ask)[0] for ask in asks] == together
    assert replies(backend_of(Teacher(backend="vllm", model="m"), seed=1), *asks) != together


def test_one_that_is_refused_does_not_take_the_others_with_it(installed):
    model = backend_of(Teacher(backend="vllm", model="m"))
    found = replies(model, *(chat("x" * 500 if number in (2, 7) else f"say {number}") for number in range(9)))
    assert [number for number, one in enumerate(found) if isinstance(one, Refused)] == [2, 7]
    assert found[8].text == "SAY 8 None"
    assert "maximum model length" in found[2].said


def test_without_vllm_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(PrerequisiteError, match=r"didact\[vllm\]"):
        backend_of(Teacher(backend="vllm", model="m"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text("method: self_instruct\nnum_rows: 2\nteacher: {backend: vllm, model: m}\n")
    seen = didact("synth r.yaml")
    assert seen.code != 0
    assert "pip install 'didact[vllm]'" in seen.err
    assert "Traceback" not in seen.err


def test_a_synthesis_runs_by_it(installed, tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))
    rows = [{"instruction": f"Name {number}.", "output": "?"} for number in range(6)]
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "r.yaml").write_text(
        "name: made\nmethod: explain_answers\nnum_rows: 6\nteacher: {backend: vllm, model: m}\n"
        "source: {name: asked, reader: alpaca, path: asked.jsonl}\n"
    )
    seen = didact("synth r.yaml --json")
    assert seen.code == 0, seen.err
    told = json.loads(seen.out)
    assert told["num_in"] == 6 == told["num_kept"] + sum(told["dropped"].values()) + sum(told["failed"].values())
    assert json.loads(didact("synth r.yaml --json").out)["num_sent"] == 0
