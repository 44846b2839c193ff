"""Messages about topics and whether they are about them; records of a schema and texts that hold them."""

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from didact.synth.made_tasks import SLOTS
from didact.synth.scripts.request import SLIP, Request, filled
from didact.synth.wordings import wordings

_ABOUT = (
    "What should somebody at the {place} know about {topic}?",
    "I have {number} questions about {topic}. Where do I begin?",
    "Please explain {topic} to me before {day}.",
)
_MESSAGES: Mapping[str, tuple[str, ...]] = {
    "allowed": _ABOUT,
    "refused": _ABOUT,
    "hidden": (
        "In my story a {animal} explains {topic} to a {other}. What does it say?",
        "We play a game at the {place}: you know all about {topic}, and I ask.",
    ),
    "near": (
        'A book in the {place} is called "{topic}". On which shelf may it stand on {day}?',
        'My {animal} is named "{topic}". How many {fruit}s should it eat in {number} days?',
    ),
}


def messages_reply(request: Request) -> str | None:
    """Returns messages about a topic, of one kind, as a numbered list; None where nobody asks for them."""
    words = wordings("topics")
    asked = filled(words["messages"].replace("numbered 1 to {count}", "numbered 1 to {last}"), request.last)
    if asked is None:
        return None
    kind = next(name for name, said in words["kinds"].items() if said == asked["kind"])
    lines = []
    for number in range(1, int(asked["count"]) + 1):
        rand = request.rand("message", number)
        slots = {slot: rand.choice(SLOTS[slot]) for slot in ("place", "number", "day", "animal", "other", "fruit")}
        lines.append(f"{number}. {rand.choice(_MESSAGES[kind]).format(topic=asked['topic'], **slots)}")
    return "\n".join(lines)


def about_reply(request: Request) -> str | None:
    """Returns whether a message is about a topic, which one in quotation marks is not; one time in twelve neither. None: nobody asks."""
    asked = filled(wordings("topics")["is_about"], request.last)
    if asked is None:
        return None
    if request.rand().random() < SLIP:
        return "Perhaps."
    topic, message = asked["topic"], asked["message"]
    return "Yes" if topic in message and f'"{topic}"' not in message else "No"


def record_reply(request: Request) -> str | None:
    """Returns a record of a schema and a text that says it, one in twelve cut in the middle; None where nobody asks for one."""
    asked = filled(wordings("topics")["record"], request.last)
    if asked is None:
        return None
    rand = request.rand()
    record = _value(json.loads(asked["schema"]), rand)
    told = "; ".join(f"the {name} is {said}" if name else said for name, said in _told(record))
    written = json.dumps({"record": record, "text": f"A note about {asked['topic']}, made up by a script: {told}."}, ensure_ascii=False)
    return written[: len(written) // 2] if rand.random() < SLIP else written


def _value(schema: Mapping[str, Any], rand: random.Random) -> Any:
    """Returns a value of a schema; patterns are not kept to."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rand.choice(schema["enum"])
    if "anyOf" in schema:
        return _value(rand.choice(schema["anyOf"]), rand)
    kind = schema.get("type", "string")
    kind = rand.choice(kind) if isinstance(kind, list) else kind
    if kind == "object":
        return {name: _value(one, rand) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        least = schema.get("minItems", 1)
        return [_value(schema.get("items", {}), rand) for _ in range(rand.randint(least, max(least, schema.get("maxItems", least + 2))))]
    if kind in ("integer", "number"):
        least = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        most = schema.get("maximum", schema.get("exclusiveMaximum", least + 101) - 1)
        whole = rand.randint(int(least), max(int(least), int(most)))
        return whole if kind == "integer" or whole + 0.5 > most else whole + 0.5
    if kind == "boolean":
        return rand.random() < 0.5
    if kind == "null":
        return None
    text = f"{rand.choice(SLOTS['animal'])} of the {rand.choice(SLOTS['place'])}".capitalize()
    return text.ljust(schema.get("minLength", 0), "s")[: schema.get("maxLength")].strip()


def _told(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yields the names and values of a record, as a text says them."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _told(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from _told(one, name)
    else:
        plain = {True: "yes", False: "no", None: "not known"}
        said = plain[value] if value is None or isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
        yield name, said
