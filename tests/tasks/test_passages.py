"""Passages hold every character of a document except the blank lines between them."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from didact.tasks.passages import passages


def gaps(document: str, cut: list[str]) -> list[str]:
    """Returns what the passages leave out, in order: before, between and after them."""
    left, place = [], 0
    for passage in cut:
        # Between passages only blank lines may be missing, so each is the next text that is not white space, or follows at once.
        start = place if document.startswith(passage, place) else document.index(passage, place)
        left.append(document[place:start])
        place = start + len(passage)
    return [*left, document[place:]]


def test_paragraphs_share_a_passage_while_they_fit() -> None:
    document = "aaaa\n\nbbbb\n\n\ncccc"
    assert passages(document, 10) == ["aaaa\n\nbbbb", "cccc"]  # 4 + 2 + 4 = 10 characters; with three newlines more it is 17.
    assert passages(document, 17) == [document]
    assert passages(document, 9) == ["aaaa", "bbbb", "cccc"]


def test_a_long_paragraph_is_cut_behind_a_sentence_else_a_word_else_at_the_limit() -> None:
    assert passages("One two. Three four.", 12) == ["One two. ", "Three four."]
    assert passages("A. Three four five", 12) == ["A. Three ", "four five"]  # The sentence end fills less than half of the limit.
    assert passages("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert passages("春はあけぼの。夏は夜。", 8) == ["春はあけぼの。", "夏は夜。"]


def test_lines_that_end_with_carriage_returns_and_blank_lines_with_spaces_count() -> None:
    assert passages("one\r\n\r\ntwo", 5) == ["one", "two"]
    assert passages("one\n \t\n  two\n", 7) == ["one", "  two\n"]


def test_blank_lines_at_the_ends_and_white_space_alone_leave_nothing() -> None:
    assert passages("\n\n  \none\n\n\n", 10) == ["one"]
    assert passages(" \n\n\t\n", 10) == []


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.text(alphabet='ab .!"\n\r\té。', max_size=120), st.integers(1, 30))
def test_nothing_but_blank_lines_between_passages_is_lost(document: str, limit: int) -> None:
    cut = passages(document, limit)
    assert all(0 < len(passage) <= limit for passage in cut)
    # Character by character, apart from white space, the document comes back in order.
    assert re.sub(r"\s", "", "".join(cut)) == re.sub(r"\s", "", document)
    left = gaps(document, cut)
    # What is missing is white space that holds a line break, at most one gap around every passage.
    assert all(gap == "" or (not gap.strip() and "\n" in gap) or cut == [] for gap in left)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.text(alphabet="ab. é", min_size=1, max_size=200).filter(str.strip), st.integers(1, 30))
def test_a_single_paragraph_comes_back_byte_for_byte(paragraph: str, limit: int) -> None:
    assert "".join(passages(paragraph, limit)) == paragraph
