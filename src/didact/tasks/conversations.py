"""Rows that are conversations already: ShareGPT turns and OpenAI messages become checked Messages.

Every refusal is a DataError whose text is the same for all rows of one kind, so that reasons can be counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from didact.base.errors import DataError
from didact.base.types import Example, Message, Role
from didact.tasks.strict_json import flaw, load_json
from didact.tasks.turn_weights import Spans, detail_spans, part_spans, turn_weight, weighted

_SHAREGPT_ROLES: dict[str, Role] = {
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "bard", "bing", "function_call", "tool_call"), "assistant"),
    **dict.fromkeys(("observation", "tool", "function_response"), "tool"),
    "system": "system",
}
_OPENAI_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


def sharegpt_example(row: Mapping[str, Any]) -> Example:
    """Returns a row of `conversations` (`from`, `value`) with its optional `system` and `tools` as an Example.

    Raises:
        DataError: The row breaks a rule of `checked_messages`, or a turn cannot be read.
    """
    turns = _listed(row, "conversations" if "conversations" in row else "conversation")
    messages = [_sharegpt_message(turn) for turn in turns]
    system = row.get("system")
    if system is not None and not isinstance(system, str):
        raise DataError("system is not text")
    if system and system.strip():
        if messages and messages[0].role == "system":
            raise DataError("two system texts")
        messages.insert(0, Message("system", system))
    return Example("", messages=checked_messages(messages), tools=tool_definitions(row.get("tools")))


def messages_example(row: Mapping[str, Any]) -> Example:
    """Returns a row of OpenAI `messages` with its optional `tools` as an Example. Raises as `sharegpt_example`."""
    return Example("", messages=checked_messages(openai_messages(_listed(row, "messages"))), tools=tool_definitions(row.get("tools")))


def openai_messages(turns: Sequence[Any]) -> list[Message]:
    """Returns OpenAI messages as Messages, not yet checked against one another.

    Raises:
        DataError: A turn has an unknown role, a part that is not text, or a tool call that cannot be read.

    >>> openai_messages([{"role": "developer", "content": [{"type": "text", "text": "Be brief."}]}])[0].role
    'system'
    """
    call_names: dict[str, str] = {}
    return [_openai_message(turn, call_names) for turn in turns]


def checked_messages(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Returns the turns of a conversation that can be trained on; an assistant turn that opens it is kept as context.

    Raises:
        DataError: No turns; an empty turn; two turns in a row of one role other than tool; a system turn after the start; no
            assistant turn, none that is trained on, or another turn after the last.

    >>> [m.train for m in checked_messages([Message("assistant", "Hello"), Message("user", "2+2?"), Message("assistant", "4")])]
    [False, True, True]
    """
    if not messages:
        raise DataError("no turns")
    if any(not message.content.strip() and not message.tool_calls for message in messages):
        raise DataError("empty turn")
    for before, after in pairwise(messages):
        if before.role == after.role != "tool":
            raise DataError(f"two {after.role} turns in a row")
        if after.role == "system":
            raise DataError("system turn after the start")
    if not any(message.role == "assistant" for message in messages):
        raise DataError("no assistant turn")
    if messages[-1].role != "assistant":
        raise DataError("does not end with an assistant turn")
    first = 1 if messages[0].role == "system" else 0
    turns = list(messages)
    if turns[first].role == "assistant":
        turns[first] = replace(turns[first], train=False)
    if not any(message.role == "assistant" and message.train for message in turns):
        raise DataError("no assistant turn to train on")
    return tuple(_named_results(turns))


def tool_definitions(value: Any) -> tuple[Mapping[str, Any], ...]:
    """Returns tool definitions in the OpenAI shape, from a list or its JSON text; bare functions are wrapped.

    Raises:
        DataError: They are not a list of objects.

    >>> tool_definitions('[{"name": "add"}]')
    ({'type': 'function', 'function': {'name': 'add'}},)
    """
    if isinstance(value, str):
        value = _parsed(value, "tools") if value.strip() else None
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(tool, Mapping) for tool in value):
        raise DataError("tools is not a list of objects")
    return tuple({"type": "function", "function": tool} if "name" in tool and "function" not in tool else tool for tool in value)


def tool_call(value: Any) -> Mapping[str, Any]:
    r"""Returns one call in the OpenAI shape, its arguments as an object, from an object or its JSON text.

    Raises:
        DataError: It has no name, or its arguments are not an object.

    >>> tool_call('{"name": "add", "arguments": "{\\"a\\": 1}"}')["function"]
    {'name': 'add', 'arguments': {'a': 1}}
    """
    call = _parsed(value, "tool call") if isinstance(value, str) else value
    function = (call.get("function") or call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        raise DataError("tool call is not an object")
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or not name.strip():
        raise DataError("tool call without a name")
    if isinstance(arguments, str):
        arguments = _parsed(arguments, "arguments of a tool call") if arguments.strip() else {}
    if not isinstance(arguments or {}, Mapping):
        raise DataError("arguments of a tool call are not an object")
    identity = {"id": call["id"]} if isinstance(call.get("id"), str) else {}
    return {**identity, "type": "function", "function": {"name": name, "arguments": arguments or {}}}


def _sharegpt_message(turn: Any) -> Message:
    if not isinstance(turn, Mapping) or not {"from", "value"} <= turn.keys():
        raise DataError("turn without from and value")
    speaker, value = str(turn["from"]), turn["value"]
    if speaker not in _SHAREGPT_ROLES:
        raise DataError(f"unknown role '{speaker}'")
    if not isinstance(value, str):
        raise DataError("turn is not text")
    if speaker in ("function_call", "tool_call"):
        calls = _parsed(value, "tool call")
        calls = tuple(map(tool_call, calls if isinstance(calls, list) else [calls]))
        return weighted(Message("assistant", "", tool_calls=calls), turn_weight(turn))
    role = _SHAREGPT_ROLES[speaker]
    return weighted(Message(role, value), turn_weight(turn, answers=role == "assistant"), detail_spans(turn, value))


def _openai_message(turn: Any, call_names: dict[str, str]) -> Message:
    """Returns one turn; `call_names` remembers which function each call id stands for, for the results that follow."""
    if not isinstance(turn, Mapping) or "role" not in turn:
        raise DataError("turn without a role")
    role = _OPENAI_ROLES.get(str(turn["role"]))
    if role is None:
        raise DataError(f"unknown role '{turn['role']}'")
    text, spans, calls = _content(turn.get("content"), role)
    stated = turn.get("tool_calls") or ([turn["function_call"]] if turn.get("function_call") else [])
    if not isinstance(stated, list):
        raise DataError("tool_calls is not a list")
    calls = [*calls, *map(tool_call, stated)]
    if role != "assistant" and calls:
        raise DataError(f"reasoning or tool call in a {role} turn")
    call_names.update({call["id"]: call["function"]["name"] for call in calls if "id" in call})
    name = turn.get("name") or call_names.get(str(turn.get("tool_call_id")), "")
    message = Message(role, text, tool_calls=tuple(calls), name=str(name) if role == "tool" else "")
    return weighted(message, turn_weight(turn, answers=role == "assistant"), spans or detail_spans(turn, text))


def _content(content: Any, role: Role) -> tuple[str, Spans, list[Mapping[str, Any]]]:
    """Returns the text of a turn's content, reasoning first, where parts of it have weights, and the tool calls."""
    if content is None or isinstance(content, str):
        return content or "", (), []
    if not isinstance(content, list) or not all(isinstance(part, Mapping) for part in content):
        raise DataError("content is neither text nor a list of parts")
    thoughts, texts, calls = list[tuple[str, float]](), list[tuple[str, float]](), list[Mapping[str, Any]]()
    for part in content:
        kind, value = part.get("type"), part.get("text", part.get("value"))
        if kind not in ("text", "reasoning", "tool_call"):
            raise DataError(f"content part of type {kind}")
        if kind == "tool_call":
            calls.append(tool_call(value))
        elif not isinstance(value, str):
            raise DataError("content part without text")
        elif kind == "reasoning":
            thoughts.append((f"<think>\n{value}\n</think>\n\n", turn_weight(part)))
        else:
            texts.append((value, turn_weight(part)))
    if thoughts and role != "assistant":
        raise DataError(f"reasoning or tool call in a {role} turn")
    return "".join(text for text, _ in thoughts + texts), part_spans(thoughts + texts), calls


def _named_results(messages: Iterable[Message]) -> Iterable[Message]:
    """Yields the turns; a tool result without a name gets that of the call before it, where there was only one."""
    name = ""
    for message in messages:
        if message.role == "assistant":
            name = message.tool_calls[0]["function"]["name"] if len(message.tool_calls) == 1 else ""
        yield replace(message, name=name) if message.role == "tool" and not message.name else message


def _listed(row: Mapping[str, Any], key: str) -> list[Any]:
    turns = row.get(key)
    if turns is None:
        raise DataError(f"no {key}")
    if not isinstance(turns, list):
        raise DataError(f"{key} is not a list")
    return turns


def _parsed(text: str, what: str) -> Any:
    try:
        value = load_json(text)
    except DataError:
        raise DataError(f"{what}: not JSON") from None
    if reason := flaw(value):
        raise DataError(f"{what}: {reason}")
    return value
