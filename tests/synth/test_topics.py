"""Guardrail and structured-output sets: kinds in equal numbers, checks against truth, and every way in which JSON can be wrong."""

from collections import Counter

import pytest

from didact.base.errors import RecipeError
from didact.synth.ask import Failed
from didact.synth.direct import answered
from didact.synth.guardrail import guardrail, says_yes_or_no
from didact.synth.job import Job
from didact.synth.json_schema import check_schema, parse_json, schema_fault
from didact.synth.structured import structured, ungrounded

TOPICS = {"allowed": ["trains", "buses"], "refused": ["medicine"]}


def teacher(wrong=0):
    """Writes messages of the kind that it is asked for, but of every `wrong`-th list all that are about nothing."""

    def teach(ask):
        text = ask.messages[-1].content
        if ask.stage == "messages":
            topic = text.rsplit("Topic: ", 1)[1]
            kind = "near" if "uses words that belong" in text else "about"
            return "\n".join(
                f"{n}. Tell me {'nothing' if wrong and n % wrong == 0 else kind} of {topic}, please, {ask.sample} {n} {len(text)}."
                for n in range(1, 11)
            )
        if ask.stage == "check":
            return "Yes" if "Tell me about" in text else "No"
        return "Gladly: it leaves at nine."

    return teach


def test_every_kind_and_topic_has_its_share_and_each_message_its_label():
    outcome = answered(guardrail(Job(num_rows=101, settings=TOPICS)), teacher())
    # Five cells: allowed trains, allowed buses, refused, hidden, near medicine; 101 = 21 + 4 * 20.
    assert Counter((row.about["kind"], row.about["topic"]) for row in outcome.rows) == {
        ("allowed", "trains"): 21,
        ("allowed", "buses"): 20,
        ("refused", "medicine"): 20,
        ("hidden", "medicine"): 20,
        ("near", "medicine"): 20,
    }
    for row in outcome.rows:
        refused = row.about["kind"] in ("refused", "hidden")
        assert row.messages[-1].content.startswith("I cannot help" if refused else "Gladly")
    assert outcome.counts()["dropped"] == {"more rows than wanted": 9}  # the third list of the first cell has ten


def test_the_check_finds_what_is_not_of_its_kind():
    # Every fifth message is about nothing: 2 of 10 in each list. For `near` that is what was asked for.
    outcome = answered(guardrail(Job(num_rows=50, settings=TOPICS)), teacher(wrong=5))
    assert outcome.counts()["dropped"] == {"not about its topic": 8}
    assert all("nothing" not in row.messages[0].content for row in outcome.rows if row.about["kind"] != "near")
    without = answered(guardrail(Job(num_rows=50, settings={**TOPICS, "check": False})), teacher(wrong=5))
    assert without.counts()["num_kept"] == 50


def test_labels_can_be_the_answers_and_a_policy_can_stand_above():
    settings = {**TOPICS, "answer": "label", "system": "Only transport."}
    row = answered(guardrail(Job(num_rows=5, settings=settings)), teacher()).rows[-1]
    assert [message.content for message in row.messages][::2] == ["Only transport.", "allowed"]


@pytest.mark.parametrize("stage", ["check", "answer"])
def test_what_is_never_answered_is_counted(stage):
    outcome = answered(
        guardrail(Job(num_rows=5, settings={"allowed": ["a"]})), lambda ask: Failed("timeout") if ask.stage == stage else teacher()(ask)
    )
    assert outcome.counts()["failed"] == {"failed: timeout": 5}


def test_topics_are_needed_and_stand_on_one_side():
    with pytest.raises(RecipeError, match="no topics"):
        answered(guardrail(Job()), teacher())
    with pytest.raises(RecipeError, match="stands twice: a"):
        answered(guardrail(Job(settings={"allowed": ["a"], "refused": ["a"]})), teacher())


def test_verdicts_are_read():
    assert [says_yes_or_no(text) for text in ("Yes", "no.", "**No**", "YES, it does", "", "Notably", "I think yes")] == [
        True,
        False,
        False,
        True,
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("text", "finish", "value", "fault"),
    [
        ('{"a": 1}', "stop", {"a": 1}, ""),
        ('```json\n{"a": 1}\n```', "stop", {"a": 1}, ""),
        ('```\n{"a": [1, {"b": 2}]}\n```', "stop", {"a": [1, {"b": 2}]}, ""),
        ('Sure [of course]! {"a": 1} I hope that helps.', "stop", {"a": 1}, ""),
        ("[1, 2]", "stop", [1, 2], ""),
        ('{"a": 1', "length", None, "cut off"),
        ('{"a": 1', "stop", None, "malformed JSON"),
        ('{"a": 1,}', "stop", None, "malformed JSON"),
        ('{"a": NaN}', "stop", None, "malformed JSON"),
        ('{"a": 1, "a": 2}', "stop", None, "malformed JSON"),
        ("{'a': 1}", "stop", None, "no JSON in the reply"),
        ('{"a": 1}\n{"a": 2}', "stop", None, "more than one JSON value"),
        ("", "stop", None, "no JSON in the reply"),
        ("I cannot.", "stop", None, "no JSON in the reply"),
    ],
)
def test_json_is_read_or_refused(text, finish, value, fault):
    assert parse_json(text, finish) == (value, fault)


@pytest.mark.parametrize(
    ("value", "schema", "fault"),
    [
        (1, {"type": "integer"}, ""),
        (1.0, {"type": "integer"}, ""),
        (True, {"type": "integer"}, "no integer"),
        (True, {"type": "number"}, "no number"),
        (None, {"type": ["string", "null"]}, ""),
        (1, {"type": ["string", "null"]}, "no string or null"),
        ("b", {"enum": ["a", "c"]}, "not one of its values"),
        (True, {"enum": [1]}, "not one of its values"),
        ([1, "a"], {"items": {"type": "integer"}}, "[1]: no integer"),
        ([1, 1], {"uniqueItems": True}, "an item stands twice"),
        ([], {"minItems": 1}, "less than 1 items"),
        ("abc", {"maxLength": 2}, "more than 2 characters"),
        ("abc", {"pattern": "^b"}, "does not fit its pattern"),
        (3, {"exclusiveMaximum": 3}, "out of its bounds"),
        ({"a": {"b": "x"}}, {"properties": {"a": {"properties": {"b": {"type": "number"}}}}}, "a.b: no number"),
        ({"a": 1, "c": 1}, {"properties": {"a": {}}, "additionalProperties": False}, "c: not in the schema"),
        ({"c": 1}, {"additionalProperties": {"type": "string"}}, "c: no string"),
        (1, {"anyOf": [{"type": "string"}, {"type": "integer"}]}, ""),
        ([], {"anyOf": [{"type": "string"}, {"type": "integer"}]}, "fits none of its schemas"),
    ],
)
def test_values_are_held_to_their_schema(value, schema, fault):
    check_schema(schema)
    assert schema_fault(value, schema) == fault


def test_a_keyword_that_would_not_be_looked_at_is_refused():
    with pytest.raises(RecipeError, match="'oneOf' is not understood"):
        check_schema({"properties": {"a": {"oneOf": []}}})
    with pytest.raises(RecipeError, match="no type named 'text'"):
        check_schema({"items": {"type": "text"}})


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "stars": {"type": "integer", "minimum": 1, "maximum": 5}, "mood": {"enum": ["good", "bad"]}},
    "required": ["name", "stars", "mood"],
    "additionalProperties": False,
}


def test_records_are_checked_and_become_rows():
    replies = {
        1: '{"record": {"name": "Ada", "stars": 4, "mood": "good"}, "text": "Ada gave 4 stars."}',
        2: '```json\n{"record": {"name": "Ida", "stars": 4, "mood": "good"}, "text": "Ada gave 4 stars."}\n```',
        3: '{"record": {"name": "Ada", "stars": 9, "mood": "good"}, "text": "Ada gave 9 stars."}',
        4: '{"record": {"name": "Ada", "stars": 4, "mood": "good"}}',
        5: '{"record": {"name": "Ada", ',
    }
    asks = []

    def listen(ask):
        asks.append(ask)
        return replies[len(asks)]

    outcome = answered(structured(Job(num_rows=5, settings={"json_schema": SCHEMA, "topics": ["a cafe", "a hotel"]})), listen)
    assert outcome.counts()["dropped"] == {
        "a value is not in the text": 1,
        "not as its schema: record.stars: more than 5": 1,
        "not as its schema: text: missing": 1,
        "malformed JSON": 1,
    }
    row = outcome.rows[0]
    assert row.messages[0].content.endswith("Text:\nAda gave 4 stars.")
    assert row.messages[1].content == '{"name": "Ada", "stars": 4, "mood": "good"}'
    assert asks[0].schema["properties"]["record"] == SCHEMA
    assert ["a hotel" in ask.messages[0].content for ask in asks] == [False, True, False, True, False]


def test_grounding_looks_into_lists_and_passes_over_choices():
    assert ungrounded({"tags": ["sea", "salt"], "price": 2.5}, "Salt from the SEA, 2.5 each", {}) == ""
    assert ungrounded({"tags": ["sea", "sand"]}, "salt from the sea", {}) == "sand"
    assert ungrounded({"mood": "bad"}, "we left early", SCHEMA) == ""
