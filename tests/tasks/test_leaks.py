"""Leaks: overlaps counted by hand, constant wording ignored, dropped, refused."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from didact.base.errors import DataError, LeakError
from didact.base.files import to_json
from didact.base.recipe import Leaks
from didact.base.types import Example, Message
from didact.tasks.leaks import LeakReport, find_leaks, settle, without_leaks
from didact.tasks.task import LazyExamples, Task, TaskSet
from didact.tasks.words import words

FOX = "The quick brown fox jumps over the lazy dog"


def task(name: str, texts: Sequence[str]) -> Task:
    return Task(name, [Example(f"{i:03}", {"input": text}) for i, text in enumerate(texts)])


def tasks(**texts: Sequence[str]) -> TaskSet:
    return TaskSet(task(name, rows) for name, rows in texts.items())


def leaking(report: LeakReport) -> list[tuple[str, str]]:
    return sorted(report.leaking)


def test_overlaps_are_counted_by_hand() -> None:
    seen = tasks(
        a=[
            "Look: the QUICK brown fox ran",  # shares "the quick brown fox", 4 words, with u 000
            "brown fox jumps, over a wall",  # "brown fox jumps over", 4 words, with u 000
            "the lazy cat over there now",  # nothing: "the lazy" are 2 words
        ],
        b=["Is it time to go?", "nothing to see here at all"],  # the whole of u 001; nothing
    )
    unseen = tasks(u=[FOX, "is it  time to go", "quite another thing"], v=["and the quick brown fox again"])
    report = find_leaks(seen, unseen, ngram=4)
    assert (report.num_seen, report.num_unseen) == (5, 4)
    assert leaking(report) == [("a", "000"), ("a", "001"), ("b", "000")]
    assert (report.num_seen_leaking, report.num_unseen_leaking) == (3, 3)
    # The five words of "is it time to go" are both a whole input and hold two 4-grams.
    assert report.by_kind == {"exact input": (1, 1), "4-gram": (3, 3)}
    assert report.by_pair == {("a", "u"): 2, ("a", "v"): 1, ("b", "u"): 1}
    assert next(iter(report.by_pair)) == ("a", "u")
    assert report.emptied == ()
    shown = [(leak.kind, leak.seen_task, leak.seen_example, leak.unseen_task, leak.unseen_example, leak.text) for leak in report.leaks]
    assert shown == [
        ("4-gram", "a", "000", "u", "000", "the quick brown fox"),
        ("4-gram", "a", "000", "v", "000", "the quick brown fox"),
        ("exact input", "b", "000", "u", "001", "Is it time to go?"),
        ("4-gram", "a", "001", "u", "000", "brown fox jumps over"),  # the second of a pair comes after the first of every pair
    ]


@pytest.mark.parametrize(("ngram", "num_leaking"), [(8, 1), (9, 1), (10, 0)])
def test_one_word_more_than_is_shared_is_no_leak(ngram: int, num_leaking: int) -> None:
    # Nine words are shared; the tenth differs.
    assert find_leaks(tasks(a=[FOX + " twice"]), tasks(u=[FOX + " once"]), ngram=ngram).num_seen_leaking == num_leaking


def test_an_overlap_may_not_jump_over_a_word() -> None:
    assert find_leaks(tasks(a=["one two three x four"]), tasks(u=["one two three four"]), ngram=4).num_seen_leaking == 0


def test_seen_and_unseen_are_symmetric() -> None:
    random = Random(0)

    def texts(number: int) -> list[str]:
        return [" ".join(random.choices("abc", k=random.randrange(8))) for _ in range(number)]

    first, second = tasks(a=texts(30), b=texts(3)), tasks(c=texts(40), d=texts(4))
    there, back = find_leaks(first, second, ngram=5), find_leaks(second, first, ngram=5)
    assert 0 < there.num_seen_leaking < there.num_seen
    assert (there.num_seen_leaking, there.num_unseen_leaking) == (back.num_unseen_leaking, back.num_seen_leaking)
    assert set(there.by_pair) == {(one, other) for other, one in back.by_pair}
    assert (there.num_too_short, there.num_ignored) == (back.num_too_short, back.num_ignored)


def test_fast_search_agrees_with_comparing_every_pair() -> None:
    random = Random(1)
    num_leaking = num_ignored = 0
    for letters in ("ab", "abcd", "abcdef") * 20:
        sides = [[" ".join(random.choices(letters, k=random.randrange(14))) for _ in range(random.randrange(1, 12))] for _ in range(2)]

        def grams(text: str) -> set[tuple[str, ...]]:
            found = words(text)
            return {tuple(found[i : i + 3]) for i in range(len(found) - 2)}

        def own(rows: list[str]) -> list[set[tuple[str, ...]]]:
            every = [grams(text) for text in rows]
            holders = {gram: sum(gram in one for one in every) for one in every for gram in one}
            constant = {gram for gram, count in holders.items() if count >= 5 and count > len(rows) / 2}
            return [one - constant for one in every]

        seen, unseen = own(sides[0]), own(sides[1])
        expected = {
            f"{i:03}"
            for i, one in enumerate(seen)
            for j, other in enumerate(unseen)
            if one & other or (sides[0][i] == sides[1][j] and len(words(sides[0][i])) >= 3)
        }
        report = find_leaks(tasks(a=sides[0]), tasks(u=sides[1]), ngram=3)
        assert {example for _, example in report.leaking} == expected
        assert report.by_pair.get(("a", "u"), 0) == report.num_seen_leaking == len(expected)
        num_leaking, num_ignored = num_leaking + len(expected), num_ignored + report.num_ignored
    assert num_leaking > 50
    assert num_ignored > 5


def test_constant_wording_of_a_task_is_ignored_on_either_side() -> None:
    frame = "decide which of the two words below fits: {} or {}"
    # The first eight words stand in all 6 rows, so its 5 different 4-grams are constant; ("two", "words", "below", "fits") is the last.
    constant = [frame.format(f"u{i}", f"w{i}") for i in range(6)]
    one = ["please decide which of the two words below fits best here"]
    for seen, unseen in ((tasks(a=one), tasks(u=constant)), (tasks(a=constant), tasks(u=one))):
        report = find_leaks(seen, unseen, ngram=4)
        # "decide which of the two words below fits" has 8 words: 8 - 4 + 1 = 5 4-grams.
        assert (report.num_seen_leaking, report.num_ignored) == (0, 5)
        assert any("ignored as constant wording" in line and "5 4-grams" in line for line in report.lines())


def test_wording_of_half_a_task_or_of_four_examples_is_not_constant() -> None:
    shared, one = "read the story and answer", ["now read the story and answer me"]
    # In 4 of 4 examples: fewer than 5. In 5 of 10: not more than half. In 6 of 10: constant.
    for num_with, num_rows, num_leaking in ((4, 4, 1), (5, 10, 1), (6, 10, 0), (5, 9, 0)):
        rows = [f"{shared} x{i}" if i < num_with else f"filler {i} of no use" for i in range(num_rows)]
        assert find_leaks(tasks(a=one), tasks(u=rows), ngram=5).num_seen_leaking == num_leaking


def test_wording_that_is_constant_in_one_task_still_leaks_into_another() -> None:
    constant = [f"read the story and answer x{i}" for i in range(6)]
    report = find_leaks(tasks(a=["go read the story and answer"]), tasks(u=constant, v=["we read the story and answer it"]), ngram=5)
    assert report.by_pair == {("a", "v"): 1}
    # "the story and answer x0" and so on stand in one example each and are not constant, but nobody shares them.
    assert (report.num_unseen_leaking, report.num_ignored) == (1, 1)


def test_short_inputs_are_counted_and_not_compared() -> None:
    seen, unseen = tasks(a=["yes", "no no", "yes it is"]), tasks(u=["yes", "Yes, it is.", "", "yes it is"])
    report = find_leaks(seen, unseen)
    assert report.num_too_short == 4
    # "yes, it is" keeps its comma and is another input: only u 003 is the same.
    assert (leaking(report), report.num_unseen_leaking) == ([("a", "002")], 1)


def test_signs_make_whole_inputs_differ() -> None:
    assert find_leaks(tasks(a=["what is 5 - 3?"]), tasks(u=["what is 5 + 3?"])).num_seen_leaking == 0
    assert find_leaks(tasks(a=["What is  5 + 3"]), tasks(u=["what is 5 + 3?"])).num_seen_leaking == 1


def test_letters_of_any_script_are_compared() -> None:
    # Every Chinese letter is a word: 把下面的句子翻译成英文 has 11.
    seen, unseen = tasks(a=["请把下面的句子翻译成英文吧"]), tasks(u=["那么，把下面的句子翻译成英文"])
    assert [find_leaks(seen, unseen, ngram=ngram).num_seen_leaking for ngram in (11, 12)] == [1, 0]
    assert find_leaks(tasks(a=["ＡＢＣ Straße ﬁne"]), tasks(u=["abc STRASSE fine"]), ngram=3).num_seen_leaking == 1


def test_conversations_are_compared_by_what_the_user_says() -> None:
    def chat(name: str, user: str, assistant: str) -> TaskSet:
        return TaskSet([Task(name, [Example("0", messages=(Message("user", user), Message("assistant", assistant)))])])

    assert find_leaks(chat("a", FOX, "x"), chat("u", "y", FOX), ngram=5).num_seen_leaking == 0
    assert find_leaks(chat("a", FOX, "x"), tasks(u=["Hm. " + FOX]), ngram=5).num_seen_leaking == 1


def test_permuting_rows_changes_nothing() -> None:
    random = Random(2)
    rows = {name: [" ".join(random.choices("abcdefgh", k=9)) for _ in range(40)] for name in "abuv"}
    made = {name: task(name, texts) for name, texts in rows.items()}

    def report() -> LeakReport:
        shuffled = {name: one.replace(random.sample(list(one.examples), 40)) for name, one in made.items()}
        return find_leaks(TaskSet([shuffled["b"], shuffled["a"]]), TaskSet([shuffled["v"], shuffled["u"]]), ngram=4)

    first = report()
    assert len(first.leaks) > 20
    assert all(report() == first for _ in range(3))


def test_at_most_twenty_leaks_of_a_pair_and_two_hundred_in_all_are_shown() -> None:
    texts = [f"common words {i} of this row" for i in range(30)]
    one = find_leaks(tasks(a=texts), tasks(u=texts))
    assert (one.num_seen_leaking, len(one.leaks), one.by_pair) == (30, 20, {("a", "u"): 30})
    many = find_leaks(TaskSet(task(f"a{i}", texts) for i in range(5)), TaskSet(task(f"u{i}", texts) for i in range(5)))
    assert (many.num_seen_leaking, len(many.leaks)) == (150, 200)
    # 25 pairs, 200 / 25 = 8 of each.
    assert {sum((leak.seen_task, leak.unseen_task) == pair for leak in many.leaks) for pair in many.by_pair} == {8}


def test_long_inputs_are_cut_in_the_report() -> None:
    text = "a word " * 100
    (leak,) = find_leaks(tasks(a=[text]), tasks(u=[text])).leaks
    assert (leak.kind, len(leak.text), leak.text[-4:]) == ("exact input", 300, " ...")


def test_dropping_leaves_no_leaks_on_a_second_run() -> None:
    random = Random(3)
    rows = {name: [" ".join(random.choices("abcdefgh", k=9)) for _ in range(60)] for name in "abu"}
    seen, unseen = tasks(a=rows["a"], b=rows["b"]), tasks(u=rows["u"])
    cleaned, report = settle(seen, unseen, Leaks(ngram=4, action="drop"))
    again = find_leaks(cleaned, unseen, ngram=4)
    assert report.num_seen_leaking > 0
    assert (again.num_seen_leaking, again.num_seen) == (0, report.num_seen - report.num_seen_leaking)
    left = [(one.name, example.id) for one in cleaned for example in one.examples]
    assert left == [(one.name, example.id) for one in seen for example in one.examples if (one.name, example.id) not in report.leaking]


def test_dropping_is_lazy_and_leaves_out_emptied_tasks() -> None:
    read = []

    def load() -> list[Example]:
        read.append(1)
        return [Example("0", {"q": FOX}), Example("1", {"q": "something else"})]

    report = LeakReport(13, leaking=frozenset({("a", "0"), ("b", "0")}), emptied=("b",))
    seen = TaskSet([Task("a", LazyExamples(load)), Task("b", LazyExamples(load)), Task("c", LazyExamples(load))])
    cleaned = without_leaks(seen, report)
    assert ([one.name for one in cleaned], read) == (["a", "c"], [])
    assert [example.id for example in cleaned.named("a").examples] == ["1"]
    assert cleaned.named("c") is seen.named("c")


def test_stop_names_the_counts_the_worst_pair_and_the_way_out() -> None:
    seen, unseen = tasks(a=[FOX, FOX + " now", "all is well"], b=["say " + FOX]), tasks(u=["why " + FOX])
    with pytest.raises(LeakError) as caught:
        settle(seen, unseen, Leaks(ngram=9))
    text = str(caught.value)
    assert "3 of 4 seen examples overlap with 1 unseen ones" in text
    assert "most in a -> u (2 seen), for example 000 -> 000: 'the quick brown fox jumps over the lazy dog'" in text
    assert "tasks.leaks.action=drop" in text
    assert "tasks.hold_out.task=[a]" in text


def test_report_changes_nothing_and_no_leak_stops_nothing() -> None:
    seen = tasks(a=[FOX])
    assert settle(seen, tasks(u=[FOX]), Leaks(action="report"))[0] is seen
    cleaned, report = settle(seen, tasks(u=["nothing in common here"]), Leaks())
    assert cleaned is seen
    assert report.lines() == ["no leaks: 1 seen and 1 unseen examples share no 13 words in a row and no whole input"]


def test_dropping_everything_is_refused() -> None:
    with pytest.raises(LeakError, match="leaves nothing to train on"):
        settle(tasks(a=[FOX]), tasks(u=[FOX]), Leaks(action="drop"))


def test_without_unseen_tasks_nothing_is_read() -> None:
    def load() -> list[Example]:
        raise AssertionError("read")

    assert find_leaks(TaskSet([Task("a", LazyExamples(load))]), TaskSet([])) == LeakReport(13)
    assert find_leaks(TaskSet([]), tasks(u=[FOX])).num_unseen == 1
    assert find_leaks(tasks(a=[FOX]), TaskSet([Task("u", ())])).num_seen == 1


def test_an_overlap_of_one_word_is_refused() -> None:
    with pytest.raises(DataError, match="of 1 words says nothing"):
        find_leaks(tasks(a=[FOX]), tasks(u=[FOX]), ngram=1)


def test_the_report_is_plain_json_and_plain_lines() -> None:
    report = find_leaks(tasks(a=[FOX, "x y"], b=["my " + FOX]), tasks(u=[FOX]), ngram=5)
    plain = json.loads(to_json(report.to_dict()))
    assert plain["leaking"] == {"a": ["000"], "b": ["000"]}
    assert plain["by_pair"] == [{"seen": "a", "unseen": "u", "num_seen": 1}, {"seen": "b", "unseen": "u", "num_seen": 1}]
    assert plain["by_kind"] == {"exact input": {"seen": 1, "unseen": 1}, "5-gram": {"seen": 2, "unseen": 1}}
    assert (plain["num_seen"], plain["num_too_short"], plain["emptied"], len(plain["leaks"])) == (3, 1, ["b"], 2)
    assert report.lines(num_pairs=1) == [
        "leaks: 2 seen examples overlap with 1 unseen ones (of 3 seen and 1 unseen examples)",
        "  exact input: 1 seen, 1 unseen",
        "  5-gram: 2 seen, 1 unseen",
        "  a -> u: 1 seen",
        "  ... and 1 more pairs of tasks",
        "  every example of b leaks",
        f"  for example 000 -> 000: {FOX!r}",
        "  not compared as whole inputs: 1 examples of fewer than 3 words",
    ]


def test_a_planted_copy_is_found_in_real_tasks(shared: Path) -> None:
    folder = shared / "superni" / "tasks"

    def real(name: str, extra: Sequence[str] = ()) -> Task:
        rows = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["Instances"]
        return task(name, [*(row["input"] for row in rows), *extra])

    unseen = TaskSet([real("task219_rocstories_title_answer_generation")])
    before = find_leaks(TaskSet([real("task060_ropes_question_generation")]), unseen)
    planted = "Somebody said: " + unseen[0].examples[17].text()
    after = find_leaks(TaskSet([real("task060_ropes_question_generation", [planted])]), unseen)
    assert before.num_seen_leaking == 0
    assert (after.num_seen, after.num_seen_leaking, after.leaks[0].unseen_example) == (before.num_seen + 1, 1, "017")


def test_the_official_split_leaks_where_sources_have_other_names(shared: Path) -> None:
    # All three tasks are made from the Winograd schemas, under three source names, so the rule about sources keeps them apart
    # in vain: the official split trains on the first two and tests on the third.
    def real(name: str) -> Task:
        header = json.loads((shared / "superni" / "tasks" / f"{name}.json").read_text(encoding="utf-8"))
        rows = [Example(row["id"], {"input": row["input"]}) for row in header["Instances"]]
        return Task(name, rows, datasets=tuple(header["Source"]))

    paraphrase, question = real("task275_enhanced_wsc_paraphrase_generation"), real("task489_mwsc_question_generation")
    answer = real("task648_answer_generation")
    assert len({*paraphrase.datasets, *question.datasets, *answer.datasets}) == 3
    report = find_leaks(TaskSet([paraphrase, question]), TaskSet([answer]))
    assert report.by_pair == {(paraphrase.name, answer.name): 115, (question.name, answer.name): 25}
