"""vLLM in this process: what waits at the same time is handed to it together; the extra `vllm`, and a GPU, are needed."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from didact.base.chance import seed_of
from didact.base.errors import ModelError, missing_extra
from didact.models.endpoint import Refused
from didact.synth.ask import Ask, Reply
from didact.synth.request_log import request_hash
from didact.synth.together import Together
from didact.synth.wire import body_of, finite

_NEEDED = "vLLM >= 0.11"  # Source: its release notes: StructuredOutputsParams took the place of GuidedDecodingParams there.


class Vllm:
    """A model that vLLM has loaded.

    Args:
        model: vLLM's `LLM`.
        params: Its `SamplingParams`.
        schema_params: Its `StructuredOutputsParams`.
        name: What the model is called in the log and in replies.
        seed: What is drawn by chance is drawn from it and from the request, whoever stands beside it.
    """

    def __init__(self, model: Any, params: Callable[..., Any], schema_params: Callable[..., Any], name: str, seed: int = 0) -> None:
        self._model, self._params, self._schema_params, self._name, self._seed = model, params, schema_params, name, seed
        self._together = Together(self.answers)

    @property
    def address(self) -> str:
        """The model's name, and the seed that it draws from."""
        return f"vllm:{self._name}:{self._seed}"

    def wire(self, ask: Ask) -> bytes:
        """Returns what a server would be sent."""
        return body_of(ask, self._name)

    async def send(self, body: bytes, sample: int = 0) -> Reply:
        """Returns the reply, worked out together with those of other requests.

        Raises:
            Refused: vLLM does not take the request: the prompt is too long, or the schema has what it cannot keep to.
        """
        return await self._together.send(body, sample)

    async def close(self) -> None:
        """Waits for what is being worked on."""
        await self._together.close()

    def answers(self, asked: Sequence[tuple[bytes, int]]) -> list[Reply | Exception]:
        """Returns the reply to each (body, sample), or why there is none."""
        wanted = [json.loads(body) for body, _ in asked]
        found: dict[int, Reply | Exception] = {}
        for is_chat in (True, False):
            numbers = [number for number, one in enumerate(wanted) if ("messages" in one) == is_chat]
            params = [self._sampling(wanted[number], request_hash(self.address, *asked[number])) for number in numbers]
            texts = [wanted[number]["messages" if is_chat else "prompt"] for number in numbers]
            found |= zip(numbers, self._written(self._model.chat if is_chat else self._model.generate, texts, params), strict=True)
        return [found[number] for number in range(len(asked))]

    def _written(self, write: Callable[..., list[Any]], texts: list[Any], params: list[Any]) -> list[Reply | Exception]:
        """Returns what vLLM writes; it takes all or none, so that those which hold a bad one are halved until that stands alone."""
        if not texts:
            return []
        try:
            outputs = write(texts, params, use_tqdm=False)
        except (ValueError, TypeError) as error:
            if len(texts) == 1:
                return [Refused("vllm refuses it", str(error))]
            middle = len(texts) // 2
            return self._written(write, texts[:middle], params[:middle]) + self._written(write, texts[middle:], params[middle:])
        if len(outputs) != len(texts):
            raise ModelError(f"vLLM has answered {len(outputs)} of {len(texts)} requests", expected=_NEEDED, remedy="pip install -U vllm")
        return [self._reply(output) for output in outputs]

    def _sampling(self, wanted: dict[str, Any], name: str) -> Any:
        same = ("temperature", "top_p", "max_tokens", "stop", "presence_penalty", "frequency_penalty")
        chosen = {key: wanted[key] for key in same if key in wanted}
        if wanted["temperature"]:
            chosen["seed"] = wanted.get("seed", seed_of(self._seed, "synth", "vllm", name) % 2**31)
        if told := wanted.get("top_logprobs") or ("prompt" in wanted and wanted.get("logprobs")):
            chosen["logprobs"] = told
        if form := wanted.get("response_format"):
            chosen["structured_outputs"] = self._schema_params(json=form["json_schema"]["schema"])
        return self._params(**chosen)

    def _reply(self, output: Any) -> Reply:
        one = output.outputs[0]
        told = tuple({str(token.decoded_token): finite(token.logprob) for token in place.values()} for place in one.logprobs or ())
        finish = one.finish_reason if one.finish_reason in ("stop", "length") else "unknown"
        read, written = len(output.prompt_token_ids or ()), len(one.token_ids)
        return Reply(one.text, finish, read, written, self._name, top_logprobs=told)


def open_vllm(name: str, *, revision: str | None = None, seed: int = 0) -> Vllm:
    """Returns a model that vLLM has loaded into this process.

    Args:
        name: A hub id, or a folder such as `didact export` writes.
        revision: Branch, tag or commit of a hub id.
        seed: What is drawn by chance is drawn from it.

    Raises:
        PrerequisiteError: vLLM is not installed, or is too old.
        ModelError: vLLM cannot load the model.
    """
    try:
        from vllm import LLM, SamplingParams
        from vllm.sampling_params import StructuredOutputsParams
    except ImportError as error:
        problem = missing_extra("teacher.backend=vllm", "vllm")
        problem.expected = f"{_NEEDED} ({error})"
        raise problem from None
    try:
        model = LLM(model=name, revision=revision, seed=seed)
    except (ValueError, RuntimeError, OSError) as error:
        raise ModelError(f"vLLM cannot load '{name}'", expected=str(error), remedy="another model, or teacher.backend=local") from None
    return Vllm(model, SamplingParams, StructuredOutputsParams, f"{name}@{revision}" if revision else name, seed)
