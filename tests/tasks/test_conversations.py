"""ShareGPT turns and OpenAI messages become checked Messages, or are refused with a reason."""

import json
from typing import Any

import pytest

from didact.base.errors import DataError
from didact.base.types import Message
from didact.tasks.conversations import messages_example, sharegpt_example, tool_call, tool_definitions

ASK, ANSWER = {"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}
CALL = {"name": "add", "arguments": {"a": 1}}
OPENAI_CALL = {"type": "function", "function": CALL}


def turns(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"from": speaker, "value": value} for speaker, value in pairs]


@pytest.mark.parametrize("human", ["human", "user"])
@pytest.mark.parametrize("gpt", ["gpt", "assistant", "chatgpt", "bard", "bing"])
def test_every_sharegpt_name_of_a_speaker_is_known(human: str, gpt: str) -> None:
    example = sharegpt_example({"conversation": turns((human, "1+1?"), (gpt, "2"))})
    assert example.messages == (Message("user", "1+1?"), Message("assistant", "2"))


@pytest.mark.parametrize("called", ["function_call", "tool_call"])
@pytest.mark.parametrize("result", ["observation", "tool", "function_response"])
def test_sharegpt_tool_calls_are_parsed_and_their_results_named(called: str, result: str) -> None:
    row = {"conversations": turns(("human", "?"), (called, json.dumps(CALL)), (result, "1"), (result, "2"), ("gpt", "3"))}
    example = sharegpt_example({**row, "system": "Be brief.", "tools": json.dumps([{"name": "add"}])})
    assert example.messages == (
        Message("system", "Be brief."),
        Message("user", "?"),
        Message("assistant", "", tool_calls=(OPENAI_CALL,)),
        Message("tool", "1", name="add"),
        Message("tool", "2", name="add"),
        Message("assistant", "3"),
    )
    assert example.tools == ({"type": "function", "function": {"name": "add"}},)


def test_several_calls_of_one_turn_stay_together_and_leave_the_result_unnamed() -> None:
    row = {"conversations": turns(("human", "?"), ("function_call", json.dumps([CALL, CALL])), ("observation", "1"), ("gpt", "3"))}
    messages = sharegpt_example(row).messages
    assert (messages[1].tool_calls, messages[2].name) == ((OPENAI_CALL, OPENAI_CALL), "")


def test_an_assistant_turn_that_opens_a_conversation_is_context() -> None:
    row = {"conversations": turns(("system", "Be brief."), ("gpt", "Hello."), ("human", "1+1?"), ("gpt", "2"))}
    assert [message.train for message in sharegpt_example(row).messages] == [True, False, True, True]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, "no conversation"),
        ({"conversations": "text"}, "conversations is not a list"),
        ({"conversations": []}, "no turns"),
        ({"conversations": [{"role": "user", "content": "?"}]}, "turn without from and value"),
        ({"conversations": [{"from": "human", "value": None}]}, "turn is not text"),
        ({"conversations": [{"from": ["human"], "value": "?"}]}, "unknown role '['human']'"),
        ({"conversations": turns(("robot", "?"))}, "unknown role 'robot'"),
        ({"conversations": turns(("human", "?"))}, "no assistant turn"),
        ({"conversations": turns(("gpt", "Hello."))}, "no assistant turn to train on"),
        ({"conversations": turns(("human", "?"), ("gpt", "!"), ("human", "?"))}, "does not end with an assistant turn"),
        ({"conversations": turns(("human", "?"), ("gpt", " \n"))}, "empty turn"),
        ({"conversations": turns(("human", "?"), ("human", "?"), ("gpt", "!"))}, "two user turns in a row"),
        ({"conversations": turns(("human", "?"), ("gpt", "!"), ("gpt", "!"))}, "two assistant turns in a row"),
        ({"conversations": turns(("human", "?"), ("system", "s"), ("gpt", "!"))}, "system turn after the start"),
        ({"conversations": turns(("system", "s"), ("human", "?"), ("gpt", "!")), "system": "s"}, "two system texts"),
        ({"conversations": turns(("human", "?"), ("gpt", "!")), "system": 3}, "system is not text"),
        ({"conversations": turns(("human", "?"), ("gpt", "!")), "tools": "[{"}, "tools: not JSON"),
        ({"conversations": turns(("human", "?"), ("gpt", "!")), "tools": ["add"]}, "tools is not a list of objects"),
        ({"conversations": turns(("human", "?"), ("function_call", "add(1)"))}, "tool call: not JSON"),
        ({"conversations": turns(("human", "?"), ("function_call", '{"a": 1, "a": 2}'))}, "tool call: a key given twice in one object"),
    ],
)
def test_sharegpt_refuses(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError) as error:
        sharegpt_example(row)
    assert error.value.what == reason


def test_openai_roles_old_and_new_are_known() -> None:
    row = [{"role": "developer", "content": "Be brief."}, ASK, {"role": "assistant", "content": None, "function_call": CALL}]
    example = messages_example({"messages": [*row, {"role": "function", "name": "sum", "content": "2"}, ANSWER]})
    assert [message.role for message in example.messages] == ["system", "user", "assistant", "tool", "assistant"]
    assert (example.messages[2].tool_calls, example.messages[3].name) == ((OPENAI_CALL,), "sum")


def test_a_result_is_named_by_the_id_of_its_call() -> None:
    calls = [{"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": "{}"}} for n, name in enumerate(("add", "sub"))]
    results = [{"role": "tool", "tool_call_id": "c1", "content": "0"}, {"role": "tool", "tool_call_id": "c0", "content": "2"}]
    example = messages_example({"messages": [ASK, {"role": "assistant", "content": None, "tool_calls": calls}, *results, ANSWER]})
    assert [message.name for message in example.messages] == ["", "", "sub", "add", ""]
    assert example.messages[1].tool_calls[0] == {"id": "c0", "type": "function", "function": {"name": "add", "arguments": {}}}


def test_a_weight_of_0_keeps_an_assistant_turn_as_context() -> None:
    row = [ASK, {**ANSWER, "weight": 0}, {**ASK, "loss_weight": 0.0}, {**ANSWER, "weight": 1}, ASK, {**ANSWER, "loss_weight": 0.0}]
    # Turns of others are never trained on as responses: their weight says nothing.
    assert [message.train for message in messages_example({"messages": row}).messages] == [True, False, True, True, True, False]


def test_parts_of_text_are_joined_and_reasoning_stands_before_them() -> None:
    parts = [{"type": "text", "text": "two"}, {"type": "reasoning", "value": "1+1 is 2."}, {"type": "text", "value": "."}]
    example = messages_example({"messages": [ASK, {"role": "assistant", "content": parts}]})
    assert example.messages[1].content == "<think>\n1+1 is 2.\n</think>\n\ntwo."


def test_a_tool_call_part_becomes_a_tool_call() -> None:
    parts = [{"type": "reasoning", "value": "Add."}, {"type": "tool_call", "value": json.dumps(CALL)}]
    example = messages_example({"messages": [ASK, {"role": "assistant", "content": parts}]})
    assert example.messages[1] == Message("assistant", "<think>\nAdd.\n</think>\n\n", tool_calls=(OPENAI_CALL,))


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (None, "no messages"),
        ([ASK, "text"], "turn without a role"),
        ([ASK, {"role": "robot", "content": "2"}], "unknown role 'robot'"),
        ([ASK, {"role": "assistant", "content": None}], "empty turn"),
        ([ASK, {"role": "assistant", "content": {"text": "2"}}], "content is neither text nor a list of parts"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}, ANSWER], "content part of type image_url"),
        ([{"role": "user", "content": [{"type": "text", "text": None}]}, ANSWER], "content part without text"),
        ([{"role": "user", "content": [{"type": "reasoning", "text": "x"}]}, ANSWER], "reasoning or tool call in a user turn"),
        ([ASK, {**ANSWER, "weight": -0.5}], "weight is not a number of 0 or more"),
        ([ASK, {**ANSWER, "weight": 0}], "no assistant turn to train on"),
        ([ASK, {**ANSWER, "tool_calls": "add"}], "tool_calls is not a list"),
        ([ASK, ANSWER, ASK], "does not end with an assistant turn"),
    ],
)
def test_messages_refuses(messages: Any, reason: str) -> None:
    with pytest.raises(DataError) as error:
        messages_example({"messages": messages})
    assert error.value.what == reason


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("[1]", "tool call is not an object"),
        ({"arguments": {}}, "tool call without a name"),
        ({"name": "add", "arguments": "a=1"}, "arguments of a tool call: not JSON"),
        ({"name": "add", "arguments": [1]}, "arguments of a tool call are not an object"),
    ],
)
def test_a_tool_call_that_cannot_be_read_is_refused(call: Any, reason: str) -> None:
    with pytest.raises(DataError) as error:
        tool_call(call)
    assert error.value.what == reason


def test_tools_in_the_openai_shape_stay_as_they_are_and_none_is_none() -> None:
    wrapped = {"type": "function", "function": {"name": "add"}}
    assert tool_definitions([wrapped, {"name": "sub"}]) == (wrapped, {"type": "function", "function": {"name": "sub"}})
    assert tool_definitions("[]") == tool_definitions(" ") == tool_definitions(None) == ()
