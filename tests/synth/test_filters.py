"""Filters: what each drops and why, that nothing is lost, and which switches bring the originals' decisions."""

import json
import random
from collections import Counter

import numpy as np
import pytest

from didact.apps.filtering import NAMES
from didact.base.errors import RecipeError
from didact.base.types import Message
from didact.synth.diversity import DiversitySettings, embedded, too_close
from didact.synth.filters import FILTERS, USUAL, apply_filters, filter_named
from didact.synth.near_rows import near_duplicates
from didact.synth.outcome import Row
from didact.synth.output_rules import repeated_share


def row(instruction="Name a river of Asia.", output="The Indus.", given="", id="") -> Row:
    return Row(id or instruction, about={"instruction": instruction, "input": given, "output": output})


def reason(name, *rows, seeds=(), **settings):
    return [why for _, why in filter_named(name, settings, seeds)(rows)]


def only(name, *rows, **settings):
    return reason(name, *rows, **settings)[-1]


@pytest.mark.parametrize(
    ("name", "settings", "bad", "why"),
    [
        ("length", {}, row("Name a river."), "instruction of fewer than 4 words"),
        ("length", {}, row("go " * 151), "instruction of more than 150 words"),
        ("length", {"least_output_words": 3}, row(output="The Indus."), "output of fewer than 3 words"),
        ("length", {"most_output_words": 1}, row(output="The Indus."), "output of more than 1 words"),
        ("length", {"strict": True}, row("写一首关于雨的短诗"), "instruction of fewer than 4 words"),
        ("keywords", {}, row("Say what the picture shows."), "instruction has 'picture'"),
        ("keywords", {"strict": True}, row("Draw me a map of it."), "instruction has 'draw'"),
        ("keywords", {"strict": True}, row("Write a program that adds."), "instruction begins with 'Write a program'"),
        ("keywords", {"keywords": ["river"]}, row(), "instruction has 'river'"),
        ("punctuation", {}, row("- name a river"), "instruction begins with punctuation"),
        ("punctuation", {}, row("、名前"), "instruction begins with punctuation"),
        ("punctuation", {"strict": True}, row("'Sky': what rhymes with it?"), "instruction begins with punctuation"),
        ("punctuation", {"strict": True}, row("Écris un poème"), "instruction begins with no ASCII letter"),
        ("language", {}, row("Назови большую реку."), "instruction in another script"),
        ("language", {}, row(output="インダス川"), "output in another script"),
        ("language", {"scripts": ["Cyrillic"]}, row(), "instruction in another script"),
        ("instance", {}, row(output="  "), "no output"),
        ("instance", {}, row(" "), "no instruction"),
        ("instance", {}, row(given="Indus", output="Indus "), "output is the input"),
        ("instance", {}, row("Indus", output="Indus"), "output is the instruction"),
        ("instance", {}, row(output="The rivers are:"), "output ends with a colon"),
        ("instance", {}, row(given="The rivers are:"), "input ends with a colon"),
        ("refusals", {}, row(output="Sorry, that I do not know."), "output has 'sorry'"),
        ("refusals", {}, row(output="As an AI, I have no river."), "output has 'as an ai'"),
        ("refusals", {"phrases": ["no idea"]}, row(output="I have no idea"), "output has 'no idea'"),
        ("repetition", {}, row(output="a b c d " * 9), "output repeats itself"),
        ("leaked", {}, row("Solve the given prompt in two steps."), "instruction has 'given prompt'"),
        ("leaked", {}, row(given="<noinput>"), "input has '<noinput>'"),
        ("leaked", {}, row(output="The Indus.<|im_end|>"), "output has a marker of a chat format"),
        ("leaked", {}, row(output="The Indus.\n### Instruction: and now"), "output has a marker of a chat format"),
        ("merged", {}, row(output="The Indus.\n## 18. Instruction: Sing."), "a further task in the output"),
        ("merged", {}, row(output="The Indus.\n4. Output: Sing."), "a further task in the output"),
    ],
)
def test_a_rule_drops_what_it_is_for(name, settings, bad, why):
    assert only(name, bad, **settings) == why


@pytest.mark.parametrize(
    ("name", "settings", "good"),
    [
        ("length", {}, row("Name a long river.")),
        ("length", {}, row("写一首关于雨的短诗")),
        ("keywords", {}, row("Summarise the plot of Kim.")),
        ("keywords", {}, row("Define what a photon is.")),
        ("punctuation", {}, row("'Sky': what rhymes with it?")),
        ("punctuation", {}, row("<b> is what in HTML?")),
        ("punctuation", {}, row("«Ciel» : trouve une rime")),
        ("punctuation", {}, row("$5 in euros is how much?")),
        ("language", {}, row("Name the river Инд in English.")),
        ("language", {}, row("What is 3 + 4?", "7")),
        ("instance", {"colon": False}, row(output="The rivers are:")),
        ("refusals", {}, row(output="Sorry to say, " + "it is long. " * 40)),
        ("refusals", {}, row(output="It fell. " * 24 + "Then he said: as an AI I cannot.")),
        ("refusals", {"strict": True}, row(output="As an AI, I have no river.")),
        ("repetition", {}, row(output="a b c d " * 3)),
        ("repetition", {}, row(output=" ".join(map(str, range(50))))),
        ("leaked", {"markers": False}, row(output="</s> strikes through in HTML 4")),
        ("merged", {}, row(output="1. Instructions were given.\n2. Inputs: two.")),
    ],
)
def test_a_rule_keeps_what_only_looks_like_it(name, settings, good):
    assert only(name, good, **settings) is None


def test_repeated_pieces_are_those_that_stood_there_before():
    # a b c | b c a | c a b | a b c | b c a : two of five.
    assert repeated_share("a b c a b c a", 3) == pytest.approx(0.4)
    assert repeated_share("", 3) == 0


def test_one_input_with_different_outputs_loses_all_its_rows():
    rows = [
        row("Find the noun.", "dog", "The dog ran."),
        row("Find the noun.", "ran", "The dog ran."),
        row("Find the noun.", "cat", "The cat ran."),
        row("Name a river.", "Indus"),
        row("Name a river.", "Danube"),  # Without an input, two answers are as it should be.
    ]
    assert reason("conflicts", *rows) == ["one input with different outputs"] * 2 + [None] * 3
    assert reason("conflicts", rows[0], rows[0]) == [None, None]


def test_a_copy_is_a_copy_whatever_its_case_and_blanks():
    talk = Row("t", (Message("user", "Hi"), Message("assistant", "Hello")))
    shouted = Row("u", (Message("user", "HI "), Message("assistant", " hello")))
    other = Row("v", (Message("assistant", "Hi"), Message("user", "Hello")))
    assert reason("duplicates", talk, shouted, other, row(), row(output="the indus."), row(output="the Po.")) == [
        *(None, "a copy of an earlier row", None),
        *(None, "a copy of an earlier row", None),
    ]


def test_rouge_names_what_a_row_is_like_and_how_much():
    rows = [row("Name a big river of Asia."), row("Name a big lake of Asia."), row("Sing a song about rain."), row("Add two and two.")]
    judged = list(filter_named("rouge", {}, ["Sing one song about the rain"])(rows))
    # 5 of 6 and 6 words: 10/12; "sing song about rain" is 4 of 5 and 6 words: 8/11.
    assert [why for _, why in judged] == [None, "like an earlier row", "like a seed task", None]
    assert judged[1][0].scores["rouge_l"] == pytest.approx(5 / 6)
    assert judged[1][0].about["similar_to"] == "Name a big river of Asia."
    assert judged[2][0].scores["rouge_l"] == pytest.approx(8 / 11)


def test_rouge_keeps_further_instances_of_an_instruction_and_strict_does_not():
    rows = [row("Translate the word.", "Brot", "bread"), row("Translate the word.", "Haus", "house"), row("Translate the word.", "Hm", "")]
    more = row("Translate the words.", "Hm", "milk")
    assert reason("rouge", *rows, more, threshold=0.6) == [None, None, "like an earlier row", "like an earlier row"]
    assert reason("rouge", *rows, strict=True) == [None, "like an earlier row", "like an earlier row"]


def test_rouge_can_write_the_nearest_beside_each_row():
    rows = [row("name a river"), row("name a lake in the north"), row("sing")]
    near = [one.about["most_similar"] for one, _ in filter_named("rouge", {"nearest": 1})(rows)]
    # "name a" is 2 of 3 and 6 words: 4/9.
    assert near[0] == {"name a lake in the north": pytest.approx(4 / 9)}
    assert near[1] == {"name a river": pytest.approx(4 / 9)}


def exact_near(texts, similarity):
    """What `near_duplicates` should find, by comparing everything."""
    sets, kept, found = [], [], []
    for text in texts:
        said = text.split()
        own = set(zip(said, said[1:], said[2:], strict=False))
        near = [len(own & sets[k]) / len(own | sets[k]) for k in kept if len(own) >= 5 and len(sets[k]) >= 5]
        sets.append(own)
        found.append(max(near, default=0) >= similarity)
        kept += [] if found[-1] else [len(sets) - 1]
    return found


def test_near_duplicates_are_those_of_comparing_everything(monkeypatch):
    monkeypatch.setattr("didact.synth.near_rows._AT_ONCE", 50)  # Sets are made in several parts.
    chance = random.Random(0)
    vocabulary = [f"w{n}" for n in range(500)]
    texts = [" ".join(chance.choices(vocabulary, k=chance.randint(3, 40))) for _ in range(120)]
    for text in list(texts):
        said = text.split()
        said[chance.randrange(len(said))] = "changed"
        texts.append(" ".join(said))
    chance.shuffle(texts)
    found = near_duplicates(texts, 0.8)
    assert [near is not None for near in found] == exact_near(texts, 0.8)
    assert 20 < sum(near is not None for near in found) < 110
    assert all(near[0] < number and near[1] >= 0.8 for number, near in enumerate(found) if near)


def test_near_compares_the_parts_that_are_named():
    long = "one two three four five six seven eight nine ten"
    rows = [row("Say it again now.", long), row("Sing it to me twice, please.", long)]
    assert reason("near", *rows, parts=["output"]) == [None, "almost the words of an earlier row"]
    assert reason("near", *rows, parts=["instruction"]) == [None, None]
    assert near_duplicates([], 0.8) == []


def test_rows_that_hold_a_benchmark_are_found(tmp_path):
    bench = tmp_path / "bench.jsonl"
    question = "A farmer has seventeen sheep and all but nine of them run away across the hill"
    rows = [{"instruction": f"Question {n}: {question if n == 0 else n * 'x '}", "output": "nine"} for n in range(3)]
    bench.write_text("\n".join(map(json.dumps, rows)))
    found = reason("contamination", row(f"Tell me this: {question}, how many stay?"), row(), against=[str(bench)])
    assert found == ["overlaps with a benchmark", None]


def test_rows_of_almost_one_meaning_are_kept_once(monkeypatch):
    monkeypatch.setattr("didact.synth.diversity._BLOCK", 7)
    angles = [0.0, 90.0, 3.0, 45.0, 88.0, 0.5, 180.0, 44.0, 91.0, 47.0, 5.0]
    vectors = np.array([[np.cos(np.radians(a)), np.sin(np.radians(a))] for a in angles], np.float32)
    kept = []
    for angle in angles:  # cos 4 degrees = 0.9976: nearer than that is dropped.
        kept += [angle] if all(abs(angle - other) > 4 for other in kept) else []
    found = too_close(vectors, float(np.cos(np.radians(4))))
    assert [angle for angle, near in zip(angles, found, strict=True) if near is None] == kept == [0.0, 90.0, 45.0, 180.0, 5.0]
    assert found[7] == (3, pytest.approx(np.cos(np.radians(1)), abs=1e-6))


def test_a_bundled_model_finds_the_same_text_and_padding_changes_nothing():
    rows = [row("Find the colour: red fox hall"), row("Say it twice: dog"), row("Find the colour: red fox hall", given=" ")]
    judged = list(filter_named("diversity", {"model": "atlas-decoder", "most_similarity": 0.999})(rows))
    assert [why for _, why in judged] == [None, None, "almost the meaning of an earlier row"]
    texts = ["Find the colour: red fox hall", "Say it twice: dog, and again, and again, and again"]
    settings = {"model": "atlas-decoder"}
    alone = [embedded([text], DiversitySettings(**settings))[0] for text in texts]
    assert np.allclose(embedded(texts, DiversitySettings(**settings)), alone, atol=1e-5)


def test_rows_in_are_rows_kept_and_rows_dropped():
    chance = random.Random(1)
    rows = [
        row(f"Name {chance.choice('abc')} river of {chance.choice(['Asia', 'Peru'])}", chance.choice(["", "Indus"]), id=str(n))
        for n in range(60)
    ]
    kept, dropped = apply_filters(rows, USUAL)
    assert Counter(one.id for one in kept) + Counter(one.row.id for one in dropped) == Counter(map(str, range(60)))
    assert {one.reason.split(":")[0] for one in dropped} == {"instance", "duplicates", "rouge"}
    # What is kept is kept once more.
    assert apply_filters(kept, USUAL) == (kept, [])


def test_filters_see_only_what_those_before_them_kept():
    rows = [row("Name a big river.", "", id="empty"), row("Name a big river.", "Indus", id="full")]
    assert [one.id for one in apply_filters(rows, ["instance", "rouge"])[0]] == ["full"]
    assert [one.id for one in apply_filters(rows, ["rouge", "instance"])[0]] == []


def test_messages_are_read_where_no_parts_are_named():
    talk = Row("a", (Message("system", "Be kind."), Message("user", "Name a river of Asia."), Message("assistant", "Sorry, no.")))
    assert only("refusals", talk) == "output has 'sorry'"
    assert only("length", talk, least_words=6) == "instruction of fewer than 6 words"


def test_every_filter_says_what_it_drops_and_the_help_names_them_all():
    assert tuple(FILTERS) == NAMES
    assert set(USUAL) < set(NAMES)
    for name in FILTERS:
        assert FILTERS[name].what
        assert all(field.description for field in FILTERS[name].settings.model_fields.values())


def test_slips_are_told_before_anything_is_filtered():
    with pytest.raises(RecipeError, match="no filter named 'rogue'") as unknown:
        apply_filters([row()], ["rogue"])
    assert "did you mean 'rouge'?" in unknown.value.expected
    with pytest.raises(RecipeError, match="treshold") as wrong:
        apply_filters([row()], [("rouge", {"treshold": 0.5})])
    assert "filter rouge" in str(wrong.value)
    with pytest.raises(RecipeError, match="no script is called 'Latn2'"):
        apply_filters([row()], [("language", {"scripts": ["Latn2"]})])
    with pytest.raises(RecipeError, match="against"):
        apply_filters([row()], ["contamination"])
