"""Requests and replies in OpenAI's language: the JSON that is sent for an `Ask`, and the `Reply` in the JSON that comes back."""

import json
import re
from collections.abc import Mapping
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Message
from didact.models.endpoint import Retry
from didact.synth.ask import Ask, Reply

_FINISHES = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
"""Servers' words for why a reply ended, and ours."""
_FINAL = re.compile(
    r"<\|channel\|>final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>(.*?)(?=<\|end\|>|<\|return\|>|<\|start\|>|<\|call\|>|\Z)", re.DOTALL
)
# Source: the harmony format of gpt-oss: <|channel|>NAME<|message|>TEXT<|end|>; people are meant to see only the channel named final.


def canonical(value: Any) -> bytes:
    r"""Returns JSON that is the same byte for byte for the same value, whatever signs are in it.

    >>> canonical({"b": 1, "a": "é"})
    b'{"a":"\\u00e9","b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def body_of(ask: Ask, model: str) -> bytes:
    """Returns what is sent for a request.

    Args:
        ask: The request.
        model: The model's name at the server.

    Raises:
        DataError: It has neither messages nor a prompt, or both.

    >>> body_of(Ask("test", prompt="1, 2,"), "m")
    b'{"max_tokens":512,"model":"m","prompt":"1, 2,","temperature":0.0}'
    """
    if (ask.prompt is None) == (not ask.messages):
        raise DataError(f"a request of the stage '{ask.stage}' has messages and a prompt, or neither", expected="one of them")
    sampling, chat = ask.sampling, ask.prompt is None
    body: dict[str, Any] = {"model": model, "temperature": sampling.temperature, "max_tokens": sampling.max_tokens}
    if chat:
        body["messages"] = [_message(message) for message in ask.messages]
    else:
        body["prompt"] = ask.prompt
    if (
        sampling.temperature > 0 and sampling.top_p < 1
    ):  # at temperature 0 it says nothing, and 0, as the originals have it, is refused by some
        body["top_p"] = sampling.top_p
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    for name in ("presence_penalty", "frequency_penalty"):
        if getattr(sampling, name):
            body[name] = getattr(sampling, name)
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if sampling.top_logprobs:
        body |= {"logprobs": True, "top_logprobs": sampling.top_logprobs} if chat else {"logprobs": sampling.top_logprobs}
    if ask.schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": dict(ask.schema)}}
    return canonical(body)


def _message(message: Message) -> dict[str, Any]:
    if message.role == "text":
        raise DataError("plain text stands in a chat request", expected="Ask.prompt for text that belongs to nobody")
    said: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        said["tool_calls"] = [dict(call) for call in message.tool_calls]
    return said | ({"name": message.name} if message.name else {})


def schema_in_words(asked: dict[str, Any]) -> None:
    """Changes what is sent in place: the schema of structured output is asked for in words.

    >>> asked = {"prompt": "Go.", "response_format": {"json_schema": {"schema": {"type": "object"}}}}
    >>> schema_in_words(asked)
    >>> asked["prompt"].splitlines()[-1]
    '{"type": "object"}'
    """
    form = asked.pop("response_format", None)
    if form is None:
        return
    words = "\n\nAnswer with one JSON object and nothing else. It follows this JSON schema:\n" + json.dumps(form["json_schema"]["schema"])
    if "prompt" in asked:
        asked["prompt"] += words + "\n"
    else:
        asked["messages"][-1]["content"] += words


def reply_of(found: Mapping[str, Any]) -> Reply:
    """Returns the reply in what a server answered.

    Raises:
        Retry: There is none in it.

    >>> reply_of({"choices": [{"text": " 3", "finish_reason": "stop"}], "usage": {"completion_tokens": 2}})
    Reply(text=' 3', finish='stop', prompt_tokens=0, completion_tokens=2, model='', hash='', top_logprobs=(), batched=False)
    """
    try:
        choice, usage = found["choices"][0], found.get("usage") or {}
        text, told = _text(choice), _logprobs(choice.get("logprobs") or {})
        tokens = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        finish = _FINISHES.get(str(choice.get("finish_reason")), "unknown")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise Retry("malformed reply") from None
    return Reply(text, finish, *tokens, str(found.get("model") or ""), top_logprobs=told)


def _text(choice: Mapping[str, Any]) -> str:
    if "message" not in choice:
        return str(choice["text"])
    said = choice["message"]
    return str(said.get("content") or said.get("refusal") or "")


def _logprobs(told: Mapping[str, Any]) -> tuple[Mapping[str, float], ...]:
    if told.get("content"):  # a chat's
        return tuple({str(one["token"]): finite(one["logprob"]) for one in place["top_logprobs"] or [place]} for place in told["content"])
    return tuple({str(token): finite(value) for token, value in (place or {}).items()} for place in told.get("top_logprobs") or ())


def finite(value: Any) -> float:
    """Returns a log-probability; servers write minus infinity, and NaN, in ways of their own."""
    return max(float(value), -9999.0) if float(value) == float(value) else -9999.0


def final_channel(text: str) -> str:
    """Returns what a person is meant to see of a reply: all of it, or the channel named final where the raw text has channels.

    >>> final_channel("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Four.<|return|>")
    'Four.'
    >>> final_channel("<|channel|>analysis<|message|>Hm"), final_channel("Four.")
    ('', 'Four.')
    """
    if "<|channel|>" not in text:
        return text
    return "".join(_FINAL.findall(text))
