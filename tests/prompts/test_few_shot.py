"""Few-shot: how demonstrations stand, which are drawn, and which give way."""

from collections import Counter
from random import Random

import pytest

from didact.base.types import Example, Message
from didact.prompts.few_shot import FEW, LAYOUTS, Layout, Said, draw_shots, fitted, joined, same_text
from didact.tasks.task import Task

Q_A = Layout("x", "Q: ", "\nA: ")
ONE, TWO = Said("1 + 1?", "2"), Said("1 + 2?", "3")


def row(number: int, text: str = "") -> Example:
    return Example(f"row {number}", {"q": text or f"question {number}"}, (f"answer {number}",))


POOL = tuple(row(number) for number in range(200))
OWN = tuple(Example(f"own {number}", {"q": f"shown {number}"}, ("yes",), rationale="because") for number in range(3))


# Layouts


def test_demonstrations_stand_before_the_question_with_their_answers() -> None:
    assert joined([ONE, TWO], "2 + 2?", Q_A) == "Q: 1 + 1?\nA: 2\n\nQ: 1 + 2?\nA: 3\n\nQ: 2 + 2?\nA:"
    assert joined([ONE], "2 + 2?", Layout("blank")) == "1 + 1?\n2\n\n2 + 2?"
    assert joined([ONE], "2 + 2?", Layout("ruled", between="\n---\n")) == "1 + 1?\n2\n---\n2 + 2?"
    numbered = Layout("numbered", "Example {n}\n", "\nAnswer {n}: ")
    assert joined([ONE], "Is {n} odd?", numbered) == "Example 1\n1 + 1?\nAnswer 1: 2\n\nExample 2\nIs {n} odd?\nAnswer 2:"


def test_prompts_with_labels_of_their_own_keep_them() -> None:
    assert joined([Said("Text: a", "x")], "Text: b", Q_A) == "Text: a\nAnswer: x\n\nText: b\nAnswer:"
    assert joined([Said("Sum of 1 and 1:", "2")], "Sum of 1 and 2:", Q_A) == "Q: Sum of 1 and 1: 2\n\nQ: Sum of 1 and 2:"
    # One that looks like a label by chance is not one as long as the others have none.
    assert joined([ONE], "B: We had them. Is it so?", Q_A) == "Q: 1 + 1?\nA: 2\n\nQ: B: We had them. Is it so?\nA:"


def test_layouts_differ_and_none_ends_in_white_space() -> None:
    texts = [joined([ONE, TWO], "2 + 2?", layout) for layout in LAYOUTS]
    assert len(set(texts)) == len(LAYOUTS) >= 20
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS)
    assert all(text == text.rstrip() and text.index("1 + 1?") < text.index("1 + 2?") < text.index("2 + 2?") for text in texts)


@pytest.mark.parametrize(("limit", "num_kept"), [(12, 2), (11, 1), (8, 1), (7, 0), (1, 0)])
def test_the_first_demonstrations_give_way_until_the_text_fits(limit: int, num_kept: int) -> None:
    # In words: each demonstration has "1 + 1? 2" = 4, the question 3 + "?" joined: "2 + 2?" = 3; 11 in all, and 12 with one spare.
    def fits(text: str) -> bool:
        return len(text.split()) < limit

    text, kept = fitted([ONE, TWO], "2 + 2?", Layout("blank"), fits)
    assert kept == num_kept
    assert text == joined([ONE, TWO][2 - kept :], "2 + 2?", Layout("blank"))


# Drawing


def test_demonstrations_never_are_the_row_or_its_text_and_differ_from_each_other() -> None:
    twins = tuple(row(1000 + number, f" QUESTION  {number}. ") for number in range(200))
    pool = (*POOL, *twins)
    task = Task("t", pool)
    for number in range(3000):
        example = pool[number % len(pool)]
        shots = draw_shots(Random(number), task, example, 3, pool)
        assert len(shots) == 3
        assert example.id not in {shot.id for shot in shots}
        assert len({same_text(example), *(same_text(shot) for shot in shots)}) == 4


def test_every_other_row_is_drawn_about_equally_often() -> None:
    task = Task("t", POOL, positive=OWN)
    drawn = Counter(shot.id for seed in range(4000) for shot in draw_shots(Random(seed), task, POOL[0], 2, POOL))
    # 8,000 draws over 199 rows: 40.2 each with a standard deviation of 6.3; none of the task's own is needed.
    assert set(drawn) == {example.id for example in POOL[1:]}
    assert all(abs(count - 40.2) < 32 for count in drawn.values())


def test_the_tasks_own_demonstrations_come_first_where_rows_are_few() -> None:
    few = POOL[: FEW - 1]
    for seed in range(50):
        shots = draw_shots(Random(seed), Task("t", few, positive=OWN), few[0], 4, few)
        assert {shot.id for shot in shots[:3]} == {"own 0", "own 1", "own 2"}
        assert shots[3] in few[1:]
    assert [shot.id for shot in draw_shots(Random(0), Task("t", (), positive=OWN[:1]), OWN[0], 2, ())] == []


def test_own_demonstrations_step_in_where_no_row_will_do() -> None:
    shots = draw_shots(Random(0), Task("t", POOL, positive=OWN), POOL[0], 2, POOL, lambda example: bool(example.rationale))
    assert {shot.id for shot in shots} < {"own 0", "own 1", "own 2"}


def test_conversations_and_rows_without_an_answer_are_no_demonstrations() -> None:
    pool = (Example("1", {"q": "a"}), Example("2", messages=(Message("user", "hi"),), targets=("x",)), Example("3", {"q": "c"}, ("x",)))
    assert [shot.id for shot in draw_shots(Random(0), Task("t", pool), POOL[0], 3, pool)] == ["3"]


def test_texts_are_the_same_up_to_case_blanks_and_marks_at_the_ends_of_words() -> None:
    assert same_text(Example("1", {"q": 'He said: "No."'})) == same_text(Example("2", {"q": "he  said\nNO"}))
    assert same_text(Example("1", {"q": "5 + 3"})) != same_text(Example("2", {"q": "5 - 3"}))
    assert same_text(Example("1", {"q": "( [ <"})) != same_text(Example("2", {"q": "( [ {"}))
