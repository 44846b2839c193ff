"""Wordings that only print variables are joined without Jinja; what comes out is what Jinja writes."""

import jinja2
import pytest

from didact.base.errors import TemplateError
from didact.prompts.sandbox import PLAIN, _plain_parts, fill

ROWS = [
    {"input": "2 + 2", "hint": ""},
    {"input": "", "hint": "{{ input }}"},
    {"input": " ", "hint": "a\n", "list": ("x",)},
]
JOINED = [
    "",
    "plain",
    "{{ input }}",
    "{{ input }}{% if hint %}\n\n{{ hint }}{% endif %}\n",
    "{% if hint -%}  {{ hint }}!{% else %}no hint{%- endif %}: {{ input }}",
    "{% if input %}{% endif %}{% if hint %}{{ input }}{{ hint }}{% endif %}",
    "{% if list %}{{ input }}{% endif %}",
]
NOT_JOINED = [
    "{{ input|upper }}",
    "{% if input and hint %}both{% endif %}",
    "{% if not input %}nothing{% endif %}",
    "{% if input %}a{% elif hint %}b{% else %}c{% endif %}",
    "{% if input %}{% if hint %}both{% endif %}{% endif %}",
    "{% for one in input %}{{ one }}.{% endfor %}",
    "{% set input = hint %}{{ input }}",
]


def jinja(wording: str, row: dict[str, object]) -> str | None:
    """Returns what Jinja itself writes; None where it asks for what is not there."""
    try:
        return jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True).from_string(wording).render(row)
    except jinja2.UndefinedError:
        return None


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("wording", JOINED + NOT_JOINED)
def test_a_wording_says_what_jinja_says(wording, row):
    expected = jinja(wording, row)
    if expected is None:
        with pytest.raises(TemplateError, match="'list' is undefined"):
            fill(wording, row, "here")
    else:
        assert fill(wording, row, "here") == expected


@pytest.mark.parametrize("wording", JOINED)
def test_printing_and_choosing_by_one_variable_goes_without_jinja(wording):
    assert _plain_parts(wording, PLAIN) is not None


@pytest.mark.parametrize("wording", NOT_JOINED)
def test_all_else_is_left_to_jinja(wording):
    assert _plain_parts(wording, PLAIN) is None


def test_a_variable_that_is_no_text_is_written_as_jinja_writes_it():
    assert fill("{{ n }}{% if n %}!{% endif %}", {"n": 3}, "here") == "3!"
    assert fill("{{ n }}{% if n %}!{% endif %}", {"n": 0}, "here") == "0"
