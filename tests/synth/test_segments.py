"""Segments of HTML, Markdown and plain text, and which are refused."""

import pytest

from didact.synth.segments import Segment, repeated_share, segment_fault, segments_of

PAGE = """<html><head><title>Rivers</title><style>p {color: red}</style></head><body>
<nav><h2>Menu</h2><p>Home</p></nav>
<p>Welcome to   the page.</p>
<h1>Rivers &amp; lakes</h1><p>Water flows <b>down</b>hill.</p>
<h2>The Rhine</h2><ul><li>It is long.</li><li>It is <a href="#">wide</a>.</li></ul>
<h1>Contact</h1><p>Write to us.</p><script>var a = "<p>no</p>";</script>
<footer><p>2020</p></footer></body></html>"""


def test_html_is_read_as_people_see_it_without_menus_and_scripts():
    assert segments_of(PAGE, 5, 100) == [
        Segment("", "Welcome to the page."),
        Segment("Rivers & lakes", "Water flows downhill.\n\nIt is long.\n\nIt is wide."),
        Segment("Contact", "Write to us."),
    ]


def test_a_heading_whose_whole_is_too_long_gives_its_parts():
    # 21 + 2 + 11 + 2 + 11 = 47 characters in all.
    assert [one.header for one in segments_of(PAGE, 5, 47)[1:]] == ["Rivers & lakes", "Contact"]
    assert [one.header for one in segments_of(PAGE, 5, 46)[1:]] == ["Rivers & lakes", "The Rhine", "Contact"]


def test_every_character_under_headings_is_in_one_segment():
    page = "".join(f"{'#' * (1 + n % 3)} H{n}\n\nParagraph number {n}.\n\n" for n in range(12))
    for longest in (10, 50, 100, 1000):
        found = "\n\n".join(one.text for one in segments_of(page, 1, longest))
        assert found == "\n\n".join(f"Paragraph number {n}." for n in range(12))


def test_a_sharp_sign_in_a_fence_is_no_heading():
    assert segments_of("# Code\n```\n# a comment\nx = 1\n```\n", 1, 100) == [Segment("Code", "```\n# a comment\nx = 1\n```")]


def test_plain_text_is_cut_between_paragraphs():
    assert [one.text for one in segments_of("One.\n\nTwo.\n \nThree.", 9, 12)] == ["One.\n\nTwo.", "Three."]
    assert segments_of("", 1, 10) == segments_of("\n\n", 1, 10) == []


@pytest.mark.parametrize(
    ("header", "text", "fault"),
    [
        ("The Rhine", "It is long and wide.", ""),
        (None, "It is long and wide.", ""),
        ("", "It is long and wide.", "empty heading"),
        ("  ", "It is long and wide.", "empty heading"),
        ("THE RHINE", "It is long and wide.", "heading in capitals"),
        ("DNA", "It is long and wide.", ""),
        ("Leave a Comment", "It is long and wide.", "heading of a menu"),
        ("Related posts:", "It is long and wide.", "heading of a menu"),
        ("The Rhine", "It is.", "shorter than 10 characters"),
        ("The Rhine", "It is long and wide." * 3, "longer than 50 characters"),
        ("The Rhine", "Buy it now here. Buy it now here.", "repeats itself"),
        ("Rhein", "今日は晴れです。今日は晴れです。", "repeats itself"),
    ],
)
def test_what_makes_a_segment_no_answer(header, text, fault):
    text = text.replace("。", "。 ")
    assert segment_fault(Segment(header, text.strip()), 10, 50) == fault


def test_the_papers_bounds_are_included():
    assert [segment_fault(Segment("A", "x" * length)) != "" for length in (599, 600, 3000, 3001)] == [True, False, False, True]


def test_repetition_is_counted_by_sentences():
    assert repeated_share("") == 0
    assert repeated_share("The sun is up. The sun is up today. The moon is not.") == pytest.approx(1 / 3)  # 2 of 3 triples shared
