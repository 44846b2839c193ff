"""Structured-output sets: texts and the records in them, from a JSON schema and a list of topics; every record is checked."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from didact.base.config import Section
from didact.base.files import fingerprint
from didact.base.types import Message
from didact.synth.ask import Ask, Chain, Failed, Program, Sampling
from didact.synth.fates import lost, outcome_of
from didact.synth.job import Job, settings_of
from didact.synth.json_schema import check_schema, parse_json, schema_fault
from didact.synth.outcome import Dropped, Row
from didact.synth.wordings import wordings

Topic = Annotated[str, Field(min_length=1)]


class StructuredSettings(Section):
    """What a structured-output set can be told."""

    json_schema: dict[str, Any]
    """The schema of the records, as JSON Schema has it."""
    topics: tuple[Topic, ...] = ("anything",)
    """What the texts are about, by turns."""
    grounded: bool = True
    """Drop a record with a word or a number that its text does not have; values of an `enum`, and true and false, need not be there."""
    max_tokens: Annotated[int, Field(ge=1)] = 1024
    """A reply is cut after so many tokens."""
    temperature: Annotated[float, Field(ge=0)] = 1.0
    """Of examples."""


def structured(job: Job) -> Program:
    """Returns the program: record first, then the text that it is in, so that rare values are as frequent as the schema lets them be.

    Source: ours; record before text for the reason that Self-Instruct has labels before inputs: Wang et al. (2022), arXiv 2212.10560,
    section 2.2.
    """
    settings = settings_of(job, StructuredSettings)
    check_schema(settings.json_schema, "json_schema")
    ended = yield {f"structured-{number}": _example(settings, number) for number in range(job.num_rows)}
    return outcome_of(ended.values())


def ungrounded(value: Any, text: str, schema: Mapping[str, Any]) -> str:
    """Returns the first value of a record that its text does not have, empty where it has all.

    >>> ungrounded({"name": "Ada", "age": 36}, "Ada turned 36 in May.", {}), ungrounded({"name": "Ida"}, "Ada turned 36.", {})
    ('', 'Ida')
    """
    low = " ".join(text.casefold().split())
    return next((said for said in _values(value, schema) if " ".join(said.casefold().split()) not in low), "")


def _values(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    if "enum" in schema or "const" in schema or isinstance(value, bool) or value is None or value == "":
        return
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _values(one, schema.get("properties", {}).get(key, {}))
    elif isinstance(value, list):
        for one in value:
            yield from _values(one, schema.get("items", {}))
    else:
        yield f"{value:g}" if isinstance(value, float) else str(value)


def _example(settings: StructuredSettings, number: int) -> Chain:
    schema, said = settings.json_schema, wordings("topics")
    shown, topic = json.dumps(schema, ensure_ascii=False), settings.topics[number % len(settings.topics)]
    row = Row(f"structured-{number}", operation="structured", prompt_hash=fingerprint(said["record"], schema), about={"topic": topic})
    asked_for = {
        "type": "object",
        "properties": {"record": schema, "text": {"type": "string", "minLength": 1}},
        "required": ["record", "text"],
    }
    wording = said["record"].format(topic=topic, number=number + 1, schema=shown)
    sampling = Sampling(settings.temperature, max_tokens=settings.max_tokens)
    reply = yield Ask("record", (Message("user", wording),), sampling=sampling, schema={**asked_for, "additionalProperties": False})
    if isinstance(reply, Failed):
        return lost(row, reply)
    row = Row(row.id, (), (), row.operation, row.prompt_hash, reply.model, about={**row.about, "reply": reply.text})
    found, fault = parse_json(reply.text, reply.finish)
    if fault:
        return Dropped(row, fault)
    if fault := schema_fault(found, asked_for):
        return Dropped(row, "not as its schema: " + re.sub(r"\[\d+\]", "[]", fault))  # by kind, so that reasons can be counted
    if settings.grounded and ungrounded(found["record"], found["text"], schema):
        return Dropped(row, "a value is not in the text")
    instruction, output = said["extract"].format(schema=shown).strip(), json.dumps(found["record"], ensure_ascii=False)
    turns = (Message("user", f"{instruction}\n\nText:\n{found['text']}"), Message("assistant", output))
    about = {"topic": topic, "instruction": instruction, "input": found["text"], "output": output}
    return Row(row.id, turns, (), row.operation, row.prompt_hash, reply.model, about=about)
