"""Requests become the JSON that servers know, and whatever servers answer becomes a reply or a try again."""

import json

import pytest

from didact.base.errors import DataError
from didact.base.types import Message
from didact.models.endpoint import Retry
from didact.synth.ask import Ask, Sampling
from didact.synth.wire import body_of, final_channel, reply_of

USER = (Message("user", "hi"),)


def sent(ask: Ask) -> dict:
    return json.loads(body_of(ask, "m"))


def test_a_chat_is_sent_with_what_differs_from_the_servers_own_ways():
    asked = Ask(
        "s", (Message("system", "be brief"), Message("user", "hi")), sampling=Sampling(0.7, 0.5, 9, ("\n\n", "16."), 2.0, 0.5, 7, 5)
    )
    assert sent(asked) == {
        "model": "m",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
        "temperature": 0.7,
        "top_p": 0.5,
        "max_tokens": 9,
        "stop": ["\n\n", "16."],
        "presence_penalty": 2.0,
        "frequency_penalty": 0.5,
        "seed": 7,
        "logprobs": True,
        "top_logprobs": 5,
    }


def test_at_temperature_zero_top_p_is_left_out():
    assert "top_p" not in sent(Ask("s", USER, sampling=Sampling(temperature=0.0, top_p=0.0)))


def test_a_prompt_is_sent_as_plain_completion():
    assert sent(Ask("s", prompt="Once", sampling=Sampling(top_logprobs=3))) == {
        "model": "m",
        "prompt": "Once",
        "temperature": 0.0,
        "max_tokens": 512,
        "logprobs": 3,
    }


def test_a_schema_is_sent_as_structured_output():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert sent(Ask("s", USER, schema=schema))["response_format"]["json_schema"]["schema"] == schema


def test_tool_calls_are_sent_on():
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = (Message("user", "hi"), Message("assistant", "", tool_calls=(call,)), Message("tool", "4", name="f"))
    assert sent(Ask("s", said))["messages"][1:] == [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "4", "name": "f"},
    ]


def test_the_same_request_is_the_same_bytes_whatever_signs_are_in_it():
    asked = Ask("s", (Message("user", "é \ud83d \u2028"),))
    assert body_of(asked, "m") == body_of(Ask("other stage", asked.messages), "m")
    assert json.loads(body_of(asked, "m"))["messages"][0]["content"] == "é \ud83d \u2028"


@pytest.mark.parametrize("ask", [Ask("s"), Ask("s", USER, "x"), Ask("s", (Message("text", "x"),))])
def test_a_request_without_a_shape_is_our_own_mistake(ask: Ask):
    with pytest.raises(DataError):
        body_of(ask, "m")


def chat(**choice: object) -> dict:
    return {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop", **choice}]}


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        (None, "unknown"),
        ("weird", "unknown"),
    ],
)
def test_why_a_reply_ended_is_told_in_one_language(said: str | None, ours: str):
    assert reply_of(chat(finish_reason=said)).finish == ours


def test_a_reply_without_content_is_empty_or_its_refusal():
    assert reply_of(chat(message={"content": None})).text == ""
    assert reply_of(chat(message={"content": None, "refusal": "I will not"})).text == "I will not"


def test_log_probabilities_come_in_two_shapes():
    place = {"token": "5", "logprob": -0.1, "top_logprobs": [{"token": "5", "logprob": -0.1}, {"token": "4", "logprob": float("-inf")}]}
    assert reply_of(chat(logprobs={"content": [place]})).top_logprobs == ({"5": -0.1, "4": -9999.0},)
    plain = {"choices": [{"text": "5", "finish_reason": "stop", "logprobs": {"top_logprobs": [{"5": -0.1, "4": -2.5}, None]}}]}
    assert reply_of(plain).top_logprobs == ({"5": -0.1, "4": -2.5}, {})


def test_usage_and_model_are_taken_over():
    reply = reply_of({**chat(), "usage": {"prompt_tokens": 7, "completion_tokens": None}, "model": "m-2"})
    assert (reply.prompt_tokens, reply.completion_tokens, reply.model) == (7, 0, "m-2")


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"choices": []},
        {"choices": None},
        {"choices": [{}]},
        {"choices": ["x"]},
        {"choices": [{"message": None}]},
        chat(logprobs={"content": [{"token": "5"}]}),
    ],
)
def test_an_answer_without_a_reply_is_asked_for_again(found: dict):
    with pytest.raises(Retry, match="malformed reply"):
        reply_of(found)


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("plain <|end|>", "plain <|end|>"),
        ("<|channel|>final<|message|>Four.", "Four."),
        ("<|channel|>analysis<|message|>Two and\ntwo.<|end|><|start|>assistant<|channel|>final<|message|>Four\n.<|return|>", "Four\n."),
        ('<|channel|>final <|constrain|>json<|message|>{"a": 4}<|return|>', '{"a": 4}'),
        ("<|channel|>commentary to=functions.f<|message|>{}<|call|>", ""),
        ("<|channel|>analysis<|message|>I am not done", ""),
    ],
)
def test_of_channels_only_the_final_one_is_seen(raw: str, seen: str):
    assert final_channel(raw) == seen
