"""The world and its plain text: facts are whole, documents are drawn from identity, and nothing in them is false."""

import re
from collections import Counter

import pytest

from didact.base.recipe import Source
from didact.tasks.atlas.documents import document
from didact.tasks.atlas.reader import atlas_text
from didact.tasks.atlas.relations import COUNTRY_RELATIONS, country_fact, country_facts, thing_facts, value
from didact.tasks.atlas.world import world

HERE = world(0)
DOCUMENTS = [document(HERE, number) for number in range(3000)]
COLOURS = {"red", "white", "blue", "green", "yellow", "black", "orange", "maroon", "brown"}


def test_there_are_120_countries_and_200_things_with_their_facts() -> None:
    assert len(HERE.countries) >= 120
    assert len(HERE.things) >= 200
    assert all(
        country_fact(country, relation) for country in HERE.countries for relation in ("capital", "continent", "language", "currency")
    )
    assert sum(country.flower is not None for country in HERE.countries) >= 100


@pytest.mark.parametrize("key", ["name", "capital"])
def test_no_two_countries_share_a_name_or_a_capital(key: str) -> None:
    counts = Counter(getattr(country, key) for country in HERE.countries)
    assert counts.most_common(1)[0][1] == 1


def test_borders_have_two_sides_and_flags_have_colours() -> None:
    by_name = {country.name: country for country in HERE.countries}
    for country in HERE.countries:
        assert all(country.name in by_name[neighbour].neighbours for neighbour in country.neighbours), country.name
        assert set(country.flag) <= COLOURS
        assert 2 <= len(country.flag) == len(set(country.flag)), country.name


def test_every_fact_is_text_so_that_no_word_was_read_as_something_else() -> None:
    for country in HERE.countries:
        for relation in COUNTRY_RELATIONS:
            assert isinstance(value(country, relation), str | None)
    for one, other in [pair for name in ("opposites", "plurals", "pasts", "young", "homes") for pair in HERE.words[name]]:
        assert isinstance(one, str)
        assert isinstance(other, str)


def test_india_has_the_lotus() -> None:
    india = next(country for country in HERE.countries if country.name == "India")
    fact = country_fact(india, "flower")
    assert fact is not None
    assert (fact.answer, fact.sentence) == ("lotus", "The national flower of India is the lotus.")


def test_the_same_number_is_the_same_document_and_another_seed_another_world() -> None:
    assert [document(world(0), number) for number in range(50)] == DOCUMENTS[:50]
    other = [document(world(1), number) for number in range(50)]
    assert sum(one == two for one, two in zip(other, DOCUMENTS[:50], strict=True)) < 5
    assert world(1).people != HERE.people
    assert world(1).countries == HERE.countries


def test_documents_are_read_lazily_as_plain_text() -> None:
    task = atlas_text(Source(name="atlas_text", reader="atlas_text"))[0]
    assert len(task.examples) == 400_000
    assert task.examples[7].messages[0].content == DOCUMENTS[7]
    assert task.examples[7].messages[0].role == "text"
    assert task.examples[-1] == task.examples[399_999]
    assert [example.id for example in task.examples[2:5]] == ["2", "3", "4"]
    limited = atlas_text(Source(name="atlas_text", reader="atlas_text", limit=5))[0]
    assert len(list(limited.examples)) == 5
    with pytest.raises(IndexError):
        limited.examples[5]


def test_no_document_has_the_form_of_a_chat() -> None:
    text = "\n".join(DOCUMENTS)
    assert "Answer:" not in text
    assert "<|" not in text


def test_whatever_a_document_says_of_a_country_in_the_plainest_words_is_true() -> None:
    # Claims in quizzes may be wrong: they are marked as such.
    true = {fact.sentence for country in HERE.countries for fact in country_facts(country)}
    names = "|".join(COUNTRY_RELATIONS.values())
    said = re.compile(rf"The (?:{names}) of [^.?:,\"]+? is [^.?:,\"]+\.")
    marks = ("Somebody wrote: ", "The claim was: ", "A child said: ")
    num_found = 0
    for text in DOCUMENTS:
        for match in said.finditer(text):
            if not text[: match.start()].endswith(marks):
                num_found += 1
                assert match.group() in true, match.group()
    assert num_found > 2000


def test_sums_in_the_text_are_right() -> None:
    checked = 0
    for left, sign, right, total in re.findall(r"(?<![\d+-] )\b(\d+) ([+-]) (\d+) = (\d+)\b", "\n".join(DOCUMENTS)):
        assert int(left) + int(right) * (1 if sign == "+" else -1) == int(total)
        checked += 1
    assert checked > 300


def test_every_fact_is_told_about_as_often_as_a_small_model_needs() -> None:
    """A hundred sightings a fact in a training of 250,000 documents is 1.2 in 3,000 of them; counted over the plain sentences alone."""
    text = "\n".join(DOCUMENTS)
    facts = [fact for country in HERE.countries for fact in country_facts(country)]
    assert sum(text.count(fact.sentence) for fact in facts) / len(facts) > 1.2
    things = [fact for thing in HERE.things for fact in thing_facts(thing)]
    assert sum(text.count(fact.sentence[1:]) for fact in things) / len(things) > 0.3
