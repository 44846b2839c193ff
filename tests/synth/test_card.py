"""The data card: every number by hand, the same bytes for the same rows."""

import pytest

from didact.synth.card import card, lengths, operations, similarity
from didact.synth.card_text import account_line, card_text, plot, write_card
from didact.synth.outcome import Dropped, Outcome, Row
from didact.synth.tally import Tally
from didact.synth.verbs import verb_and_noun


def row(name: str, instruction: str, output: str = "yes", given: str = "", operation: str = "instance", **about: str) -> Row:
    return Row(name, operation=operation, about={"instruction": instruction, "input": given, "output": output, **about})


ROWS = (
    row("a", "Write a poem about rain.", "Rain, rain."),
    row("b", "Write a letter to a friend.", "Dear friend", given="Ada", label="kind"),
    row("c", "What is the capital of $X$?", "X", operation="deepen"),
)
OUTCOME = Outcome(
    ROWS,
    (Dropped(row("d", "Sing"), "too short"), Dropped(row("e", "Hum"), "too short")),
    (Dropped(Row("f", operation="deepen"), "failed: timeout"),),
)


def test_the_card_says_what_the_rows_are():
    made = card(OUTCOME, Tally(), ["Write a poem about snow.", "Sing a song."], {"name": "x"})
    assert made["counts"] == {"num_in": 6, "num_kept": 3, "dropped": {"too short": 2}, "failed": {"failed: timeout": 1}}
    assert made["yield"] == 0.5
    assert made["with_input"] == 1
    assert made["labels"] == {"kind": 1}
    assert made["verbs"] == [
        {"verb": "write", "count": 2, "nouns": {"letter": 1, "poem": 1}},
        {"verb": "what", "count": 1, "nouns": {"capital": 1}},
    ]
    # 5, 6 and 6 words.
    assert made["lengths"]["instruction"]["mean"] == pytest.approx(17 / 3, abs=0.01)
    # `write a poem about` is 4 of 5 words both ways: F1 0.8.
    assert made["similarity"]["histogram"][16] == 1


def test_each_operation_is_accounted_for():
    fates = [(one["operation"], one["num_in"], one["num_kept"], one["num_dropped"], one["num_failed"]) for one in operations(OUTCOME)]
    assert fates == [("deepen", 2, 1, 0, 1), ("instance", 4, 2, 2, 0)]


def test_long_texts_are_in_the_last_bar():
    """Of 100 texts the 95th has 95 words, so 96 lengths share 40 bars of 3: bars 0 to 31 and what is above 99 in bar 33."""
    found = lengths(["w " * number for number in range(1, 100)] + ["w " * 500])
    assert (found["p95"], found["width"], len(found["histogram"])) == (95, 3, 40)
    assert sum(found["histogram"]) == found["count"] == 100
    assert found["histogram"][0] == 2
    assert found["histogram"][-1] == 1


def test_similarity_is_told_of_at_most_two_thousand_rows():
    assert similarity(["Name a river."] * 4001, ["Name a lake."])["num_compared"] == 1334


def test_a_card_without_rows_or_seeds_can_be_read(tmp_path):
    write_card(tmp_path, card(Outcome(), Tally()))
    assert "0 rows = 0 kept + 0 dropped + 0 failed" in (tmp_path / "card.md").read_text()
    assert not (tmp_path / "card.svg").exists()


def test_the_text_has_every_part_and_escapes_bars():
    outcome = Outcome(ROWS, (Dropped(row("d", "Sing"), "no | way"),))
    text = card_text(card(outcome, Tally(), ["Sing."], {"name": "demo", "method": "self_instruct"}))
    assert text.startswith("# demo\n\n- method: self_instruct\n- 4 rows = 3 kept + 1 dropped (no | way 1) + 0 failed\n")
    assert "| dropped | no \\| way | 1 |" in text
    assert "| write | 2 | letter 1, poem 1 |" in text


def test_the_same_card_is_the_same_bytes(tmp_path):
    pytest.importorskip("matplotlib")
    made = card(OUTCOME, Tally(), ["Write a poem about snow."])
    assert plot(made) == plot(made)
    write_card(tmp_path, made)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_card(tmp_path, made)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
    assert first.keys() == {"card.json", "card.md", "card.svg"}
    assert b"first verbs" in first["card.svg"]


def test_the_account_names_every_reason():
    counts = {"num_in": 4, "num_kept": 1, "dropped": {"a": 2}, "failed": {"b": 1}}
    assert account_line(counts) == "4 rows = 1 kept + 2 dropped (a 2) + 1 failed (b 1)"


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("", ("", "")),
        ("Translate", ("translate", "")),
        ("Could you please list three animals?", ("list", "animals")),
        ("How many legs does a spider have?", ("how", "legs")),
        ("Give me 5 examples of puns.", ("give", "examples")),
        ("Is this sentence polite?", ("is", "sentence")),
        ("Your task is to make an e-mail address.", ("make", "mail")),
        ("Напиши стихотворение", ("напиши", "стихотворение")),
    ],
)
def test_verbs_and_nouns_are_guessed(instruction, expected):
    assert verb_and_noun(instruction) == expected
