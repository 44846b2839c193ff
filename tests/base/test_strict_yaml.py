"""YAML 1.2 scalars, refusals with file and line, and text that is read back as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didact.base.errors import RecipeError
from didact.base.strict_yaml import Document, parse_yaml, read_yaml, scalar, to_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("1e-5", 0.00001),
        (".5", 0.5),
        ("1.", 1.0),
        ("-3", -3),
        ("+3", 3),
        ("0o7", 7),
        ("0o10", 8),
        ("0x1F", 31),
        ("010", 10),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2001-12-14", "2001-12-14"),
        (".", "."),
        ("e5", "e5"),
        ("0o8", "0o8"),
        ("null", None),
        ("~", None),
        ("nULL", "nULL"),
        ("true", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_plain_scalars_are_those_of_yaml_1_2(text, value):
    found = scalar(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["'3'", '"3"', "|-\n  3", ">-\n  3"])
def test_a_quoted_or_block_scalar_is_always_a_text(text):
    assert parse_yaml(f"key: {text}", "x.yaml").data == {"key": "3"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", ["x.yaml:3: key 'a' is given twice; the first is at x.yaml:1"]),
        ("a: {b: 1, b: 2}\nc: 1\nc: 2", ["x.yaml:1: key 'b' is given twice", "x.yaml:3: key 'c' is given twice", "2 problems"]),
        ("a: 1\n'a': 2", ["key 'a' is given twice"]),
        ("a: &x 1\nb: *x", ["x.yaml:1: anchor &x", "x.yaml:2: alias *x", "2 problems"]),
        ("a: !!python/object:os.system {}", ["x.yaml:1: tag !!python/object:os.system"]),
        ("a: !!str 3", ["x.yaml:1: tag !!str"]),
        ("a: !mine [1]", ["x.yaml:1: tag !mine"]),
        ("? [a, b]\n: 1", ["x.yaml:1: a key has to be a word"]),
        ("a: 1\n\tb: 2", ["x.yaml:2", "tab"]),
        ("a:\n\tb: 2", ["x.yaml:2", "a tab where spaces belong"]),
        ("a:\n   b: 1\n  c: 2", ["x.yaml:3", "not YAML"]),
        ("a: [1, 2", ["not YAML"]),
        ("a: b: c", ["x.yaml:1", "not YAML"]),
        ('a: "\\UFFFFFFFF"', ["x.yaml", "not YAML"]),
        ("a: \x00", ["x.yaml", "not YAML"]),
        ("[1, 2]", ["x.yaml:1", "not a mapping"]),
        ("a: 1\n---\nb: 2", ["not YAML"]),
        ("[" * 100_000, ["x.yaml:1", "nested more than 50 deep"]),
        ("a: " + "{b: " * 5000 + "1" + "}" * 5000, ["x.yaml:1", "nested more than 50 deep"]),
        ("\n".join(" " * depth + "b:" for depth in range(60)), ["x.yaml:51", "nested more than 50 deep"]),
    ],
)
def test_what_is_not_read_is_refused_with_file_and_line(text, said):
    with pytest.raises(RecipeError) as caught:
        parse_yaml(text, "x.yaml")
    assert [part for part in said if part not in str(caught.value)] == []
    assert caught.value.remedy


def test_an_empty_file_is_an_empty_mapping():
    assert parse_yaml("# nothing\n", "x.yaml").data == {}


def test_every_value_knows_its_line():
    document = parse_yaml("a:\n  b: 1\n  c:\n    - 2\n    - {d: 3}\n", "x.yaml")
    where = [document.where(location) for location in [("a",), ("a", "b"), ("a", "c", 1, "d"), ("a", "z"), ("z",)]]
    assert where == ["x.yaml:1", "x.yaml:2", "x.yaml:5", "x.yaml:1", "x.yaml:1"]


def test_a_key_at_the_beginning_of_a_place_gets_its_line_and_anything_else_stays():
    document = Document({}, {(): "x.yaml:1", ("tasks", "sources", 0): "x.yaml:3"})
    assert document.placed("tasks.sources[0].path: looked for y") == "x.yaml:3, tasks.sources[0].path: looked for y"
    assert document.placed("tasks.sources[1].path") == "tasks.sources[1].path"
    assert document.placed("rows.json, row 3") == "rows.json, row 3"
    assert document.placed("") == ""


def test_a_file_that_is_missing_or_not_utf8_is_named(tmp_path):
    (tmp_path / "demo.yaml").write_bytes(b"name: \xff\n")
    with pytest.raises(RecipeError, match=r"demo\.yaml, byte 6"):
        read_yaml(tmp_path / "demo.yaml")
    with pytest.raises(RecipeError, match=r"did you mean 'demo\.yaml'\?"):
        read_yaml(tmp_path / "dmo.yaml")


PLAIN = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(
    st.dictionaries(
        st.text(min_size=1), st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
    )
)
def test_what_is_written_is_read_back_equal(data):
    for flow in (False, True):
        assert parse_yaml(to_yaml(data, flow=flow), "x.yaml").data == data


@pytest.mark.parametrize(
    "text", ["no", "1e5", "0o7", "0x1f", ".5", "null", "~", "", "true", "12:30", "*x", "&x", "!x", "a: b", "a #b", "- x", "é\n\n x"]
)
def test_a_text_that_looks_like_something_else_stays_a_text(text):
    assert parse_yaml(to_yaml({"key": text, "list": [text]}), "x.yaml").data == {"key": text, "list": [text]}
