"""What Evol-Instruct reads from replies, and what its eliminator refuses: replies of every shape that models write."""

import pytest

from didact.synth.evolve_rules import answer_fault, evolution_fault, parse_evolved, says_equal

TASK = "Name two rivers of Europe and say where each ends."


@pytest.mark.parametrize(
    "reply",
    [
        TASK,
        f"  {TASK}\n\n",
        f"New task: {TASK}",
        f"**New Task:** {TASK}",
        f"#Rewritten Prompt#:\n{TASK}",
        f"#Rewritten Prompt#: {TASK}",
        f"#Given Prompt#: Name a river.\n\n#New Prompt#:\n{TASK}",
        f"Sure! Here is a harder version:\n\n{TASK}",
        f"Certainly, here is the new task:\n{TASK}",
        f"Here's the rewritten question: {TASK}",
        f'"{TASK}"',
        f"“{TASK}”",
        f"```\n{TASK}\n```",
        f"```text\nNew task: {TASK}\n```",
        f"As an AI language model, {TASK}",
        f"**{TASK}**",
    ],
)
def test_what_models_put_around_a_task_is_taken_away(reply):
    assert parse_evolved(reply) == (TASK, "")


@pytest.mark.parametrize(
    "task",
    [
        "Here lies a stone. Describe it.",
        'Say "yes" and "no" in Dutch.',
        '"Sea" or "lake"',
        "**Bold** and **loud**",
        "The new bridge: name its architect.",
        "```python\nx = 1\n```\nWhat does it print?",
        "Certainty is rare. Explain why.",
    ],
)
def test_what_belongs_to_a_task_stays(task):
    assert parse_evolved(task) == (task, "")


def test_strict_takes_nothing_away():
    assert parse_evolved(f"New task: {TASK}\n", strict=True) == (f"New task: {TASK}", "")


@pytest.mark.parametrize("reply", ["", " \n", "New task:", "Sure, here is the new task:\n", "#Rewritten Prompt#:"])
def test_replies_without_a_task_are_refused(reply):
    assert parse_evolved(reply) == ("", "no task in the reply")


def test_a_reply_that_was_cut_is_refused_with_what_there_is_of_it():
    assert parse_evolved("New task: Name tw", "length") == ("Name tw", "cut off")


@pytest.mark.parametrize(
    ("said", "equal"),
    [
        ("Equal", True),
        ("equal.", True),
        ("**Equal**", True),
        ("They are equal.", True),
        ("Not Equal", False),
        ("Not equal", False),
        ("NOT EQUAL.", False),
        ("not-equal", False),
        ("NotEqual", False),
        ("Unequal", False),
        ("These two are not really equal.", False),
        ("They aren't equal", False),
        ("They are different.", False),
        ("", None),
        ("The first one is longer.", None),
        ("Yes", None),
    ],
)
def test_a_verdict_is_read_in_every_form(said, equal):
    assert says_equal(said) is equal


@pytest.mark.parametrize(
    ("new", "fault"),
    [
        ("Rewrite the given prompt so that it rhymes.", "leaks the wording"),
        ("#Rewritten Prompt# Name three rivers.", "leaks the wording"),
        ("Do the original task, but in French.", "leaks the wording"),
        ("name a  river.", "unchanged"),
        ("How can I assist you with rivers?", "speaks as an assistant"),
        ("Rhine\nElbe\nOder", "no task but a list"),
        ("Name a river that ends in a lake.\n\nAnswer: the Volga.", "holds its own answer"),
        ("Name a river.\n**Solution:** the Rhine", "holds its own answer"),
        ("Name a river that ends in a lake.", ""),
        ("Answer in one word: which river is longest?", ""),
    ],
)
def test_an_evolution_is_refused_for_what_it_is(new, fault):
    assert evolution_fault(new, "Name a river.") == fault


def test_words_that_the_old_task_has_are_no_leak_but_are_one_for_strict():
    old, new = "What is a rewritten prompt?", "What is a rewritten prompt, and who reads it?"
    assert evolution_fault(new, old) == ""
    assert evolution_fault(new, old, strict=True) == "leaks the wording"
    assert evolution_fault(old, old, strict=True) == "leaks the wording"
    assert evolution_fault("Name a river.", "Name a river.", strict=True) == ""  # that nothing is gained is for the judge to say


@pytest.mark.parametrize(
    ("answer", "task", "default", "strict"),
    [
        ("I'm sorry, but I cannot help with that.", "Name a river.", "refusal", "refusal"),
        ("I’m sorry, I can’t do this.", "Name a river.", "refusal", "refusal"),
        ("As an AI, I do not travel.", "Name a river.", "refusal", ""),
        ("I cannot provide that.", "Name a river.", "refusal", ""),
        ("Dear Ada, I am sorry that I was late, but I could not find a taxi.", "Write an apology for coming late.", "", "refusal"),
        ("She felt sorry for the fox.", "Write a sentence with 'sorry' in it.", "", "refusal"),
        ("The word 'sorry' comes from 'sore'.", "Where does the word come from?", "", "refusal"),
        ("I'm sorry, but I cannot. " + 80 * "Rivers run. ", "Name a river.", "", ""),
        ("...", "Name a river.", "says nothing", "says nothing"),
        ("", "Name a river.", "says nothing", "says nothing"),
        ("It is the", "Name a river.", "says nothing", "says nothing"),
        ("No.", "Is four odd?", "", "says nothing"),
        ("Before", "Before or after?", "", "says nothing"),
        ("4", "2 + 2?", "", ""),
        ("ライン川", "Name a river in Japanese.", "", ""),
    ],
)
def test_answers_that_refuse_or_say_nothing(answer, task, default, strict):
    assert answer_fault(answer, task) == default
    assert answer_fault(answer, task, strict=True) == strict


def test_an_answer_that_was_cut_is_refused_but_not_by_strict():
    assert answer_fault("The Rhine and", "Name rivers.", "length") == "answer cut off"
    assert answer_fault("The Rhine and", "Name rivers.", "length", strict=True) == ""
