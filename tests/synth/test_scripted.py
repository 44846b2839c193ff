"""The scripted teacher: each method's requests are known by our own wordings, and answered in the form that the method reads."""

import json
from dataclasses import replace
from typing import Any

import pytest
from played import play

from didact.synth.ask import Ask, Reply
from didact.synth.fates import starting_rows
from didact.synth.job import Job
from didact.synth.methods import METHODS
from didact.synth.outcome import Row
from didact.synth.scripted import scripted
from didact.synth.scripts.answers import instances, solved
from didact.synth.wire import body_of

TOPICS = {"allowed": ["tickets"], "refused": ["medicine"]}
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 3, "maxLength": 12},
        "age": {"type": "integer", "minimum": 18, "maximum": 20},
        "weight": {"type": "number", "exclusiveMinimum": 40, "maximum": 60},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1},
        "home": {"type": "object", "properties": {"city": {"type": ["string", "null"]}, "garden": {"type": "boolean"}}},
        "other": {"anyOf": [{"const": 7}, {"type": "null"}]},
    },
    "required": ["name", "age", "weight", "tags", "home", "other"],
    "additionalProperties": False,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "unnatural": {"num_paraphrases": 2},
    "magpie": {"num_turns": 2, "threshold": None},
    "guardrail": TOPICS,
    "structured": {"json_schema": SCHEMA},
    "self_chat": {"form": "turns", "most_turns": 3},
    "backtranslate": {"shortest": 20},
}
NAMES = [name for name in METHODS if name != "seed_rows"]  # which asks nothing


def teacher(ask: Ask) -> str | Reply:
    reply = scripted()({**json.loads(body_of(ask, "fake")), "sample": ask.sample})
    return reply if isinstance(reply, str) else replace(reply, model="fake")


def job(name: str, **more: Any) -> Job:
    """A job of 40 rows; texts and answers come from the seed tasks, which have some of each."""
    rows = starting_rows(Job())
    if name == "backtranslate":
        rows = [replace(row, about={"text": row.about["output"]}) for row in rows if len(str(row.about["output"])) > 60]
    return Job(**{"num_rows": 40, "settings": SETTINGS.get(name, {}), "examples": rows, **more})


@pytest.mark.parametrize("strict", [False, True], ids=["better", "strict"])
@pytest.mark.parametrize("name", NAMES)
def test_every_method_gets_rows_from_the_scripts_and_each_row_is_accounted_for(name: str, strict: bool):
    more = {"strict": strict, "settings": {"wave": 4}} if name in ("alpaca", "self_instruct") and strict else {"strict": strict}
    counts = play(METHODS[name](job(name, **more)), teacher).counts()
    assert counts["num_in"] == counts["num_kept"] + sum(counts["dropped"].values()) + sum(counts["failed"].values())
    assert counts["failed"] == {}
    assert counts["num_kept"] >= 10, counts


@pytest.mark.parametrize("name", NAMES)
def test_most_of_what_scripts_write_is_in_the_form_that_the_method_reads(name: str):
    """Slips are one in twelve; a row has a few requests. Where only the best are kept, fewer are."""
    counts = play(METHODS[name](job(name)), teacher).counts()
    unread = [why for why in counts["dropped"] if "cannot be read" in why or "in the reply" in why or "no token" in why or "marker" in why]
    assert sum(counts["dropped"][why] for why in unread) <= counts["num_in"] / 5, counts


def test_an_answer_is_consistent_where_it_has_the_known_one():
    """Of the tasks of the grammar scripts know the answer, of the seed tasks they do not."""
    known = Row("a", about={"instruction": "Convert 7 metres to centimetres.", "input": "", "output": "700 centimetres"})
    other = replace(known, id="b", about={**known.about, "output": "7 centimetres"})
    job = Job(num_rows=2, settings={"keep": "consistent"}, examples=[known, other])
    outcome = play(METHODS["explain"](job), teacher)
    assert ([row.parents for row in outcome.rows], [one.row.parents for one in outcome.dropped]) == ([("a",)], [("b",)])


@pytest.mark.parametrize("name", ["magpie", "structured", "evolve", "guardrail", "unnatural"])
def test_there_is_something_for_rules_to_find(name: str):
    assert sum(play(METHODS[name](job(name, num_rows=200)), teacher).counts()["dropped"].values()) >= 1


def test_the_same_request_has_the_same_answer_and_another_draw_or_another_teacher_another_one():
    asked = {"messages": [{"role": "user", "content": "Name a river that nobody knows."}], "sample": 0}
    said = {str(scripted(seed)({**asked, "sample": draw})) for seed in range(4) for draw in range(4)}
    assert scripted()(asked) == scripted()({**asked, "model": "other"})
    assert len(said) > 1


def test_what_scripts_do_not_know_they_say_something_true_of():
    said = scripted()({"messages": [{"role": "user", "content": "Name two rivers."}]})
    assert str(said).startswith("A script answers here: what is asked has 3 words, and ")


def test_scripts_know_the_answer_to_every_instance_that_they_write():
    """7 + 3 is even; the word fox is xof from behind; an input that no script wrote has no answer."""
    task = "Tell me if this sum is even or odd."
    assert len(instances(task)) > 30
    for given, label in instances(task):
        first, second = map(int, given.split(" + "))
        assert label == ("odd" if (first + second) % 2 else "even") == solved(task, given)
    assert solved(task, "1 + 1000") is None
    assert scripted()({"messages": [{"role": "user", "content": "Write the word fox backwards."}]}) == "xof"


def test_a_rating_is_told_in_the_probabilities_of_its_last_token_only_where_they_are_asked_for():
    from didact.synth.wordings import wordings

    words = wordings("backtranslate")
    text = f"{words['rate']}{words['rate_reasons']}\n\n{words['rate_pair'].format(instruction='Sing.', output='La.')}"
    asked = {"messages": [{"role": "user", "content": text}]}
    plain, told = scripted()(asked), scripted()({**asked, "top_logprobs": 20})
    assert isinstance(plain, Reply)
    assert isinstance(told, Reply)
    assert plain.top_logprobs == ()
    assert "".join(max(place, key=lambda token: place[token]) for place in told.top_logprobs) == told.text
    assert told.text[-1] in "35"
