"""Templates: the files, the checks when loaded, the sandbox, and what is selected for a task."""

from pathlib import Path

import pytest

from didact.base.errors import TemplateError
from didact.base.types import Example, Message
from didact.prompts.kinds import FIELDS, benchmarks_of
from didact.prompts.sandbox import MAX_CHARS, fill
from didact.prompts.template import AS_IS, Template, TemplateSet, check_fields, read_templates
from didact.tasks.task import Task

QUIZ = Task("quiz", (Example("1", {"question": "2 + 2?", "hint": "even"}, ("4",)),), kind="rows")


def write(folder: Path, templates: str, kinds: str = "alpaca", name: str = "mine.yaml", prefix: str = "my") -> Path:
    """Writes a file whose templates begin on line 4."""
    path = folder / name
    path.write_text(f"set: {prefix}\nkinds: [{kinds}]\ntemplates:\n{templates}", encoding="utf-8")
    return path


def refusal(path: Path) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        read_templates(path)
    return caught.value


# Files


def test_a_file_gives_templates_with_its_prefix_kinds_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, "  plain:\n    prompt: '{{ instruction }}'\n  thinking:\n    style: cot\n    prompt: hi\n    tasks: [a*]\n")
    plain, thinking = read_templates(path)
    assert plain == Template("my/plain", ("alpaca",), "{{ instruction }}", where=f"{path}:4")
    assert (thinking.name, thinking.style, thinking.tasks, thinking.response) == ("my/thinking", "cot", ("a*",), "{{ target }}")


def test_an_unknown_variable_names_file_line_template_and_the_nearest_variable(tmp_path: Path) -> None:
    # set 1, kinds 2, templates 3, x 4, prompt 5, then the block: "one" stands on line 6, the variable on line 7.
    error = refusal(write(tmp_path, "  x:\n    prompt: |-\n      one\n      {{ inptu }}\n"))
    assert error.what == "unknown variable 'inptu' in template my/x"
    assert error.where == f"{tmp_path / 'mine.yaml'}:7, template my/x, prompt"
    assert error.expected.startswith("did you mean 'input'?; kind alpaca has: ")


def test_a_wording_beside_its_key_is_counted_from_the_line_of_the_key(tmp_path: Path) -> None:
    assert ":6, template my/x, response" in refusal(write(tmp_path, "  x:\n    prompt: hi\n    response: '{{ targte }}'\n")).where


def test_a_template_for_two_kinds_may_use_only_what_both_have(tmp_path: Path) -> None:
    path = write(tmp_path, "  x:\n    prompt: '{{ input }}'\n", kinds="superni, alpaca")
    assert read_templates(path)[0].for_kinds == ("superni", "alpaca")
    assert "'instruction'" in refusal(write(tmp_path, "  x:\n    prompt: '{{ instruction }}'\n", kinds="superni, alpaca")).what


@pytest.mark.parametrize("part", ["prompt", "system"])
@pytest.mark.parametrize("answer", ["target", "rationale"])
def test_the_answer_cannot_stand_in_what_the_model_reads(tmp_path: Path, part: str, answer: str) -> None:
    other = "" if part == "prompt" else "    prompt: hi\n"
    error = refusal(write(tmp_path, f"  x:\n{other}    {part}: '{{{{ {answer} }}}}'\n"))
    assert error.what == f"'{answer}' in the {part} would give the answer away"


def test_an_inverted_template_may_show_the_answer_but_not_ask_for_it(tmp_path: Path) -> None:
    path = write(tmp_path, "  x:\n    inverted: true\n    prompt: 'Ask for {{ target }}'\n    response: '{{ input }}'\n")
    assert read_templates(path)[0].inverted
    for response, problem in (("", "response"), ("    response: '{{ target }}'\n", "'target' in the response")):
        assert problem in refusal(write(tmp_path, f"  x:\n    inverted: true\n    prompt: hi\n{response}")).what


@pytest.mark.parametrize(
    ("body", "kinds", "problem"),
    [
        ("  x:\n    promt: hi\n", "alpaca", ":5: unknown key 'templates.x.promt'; did you mean 'prompt'?"),
        ("  x:\n    response: hi\n", "alpaca", "give either prompt: or tk_instruct:"),
        ("  x:\n    prompt: hi\n    tk_instruct: {}\n", "superni", "give either prompt: or tk_instruct:"),
        (
            "  x:\n    tk_instruct: {positive: -1}\n",
            "superni",
            ":5: templates.x.tk_instruct.positive: should be greater than or equal to 0",
        ),
        ("  x:\n    tk_instruct: {}\n", "alpaca", "layout for kinds: [superni]"),
        ("  x:\n    prompt: hi\n", "sharegpt", ":2: kinds.0"),
        ("  x:\n    prompt: hi\n", "", "kinds: is empty"),
        ("  x/y:\n    prompt: hi\n", "alpaca", ":4: "),
        ("  x:\n    prompt: hi\n  x:\n    prompt: ho\n", "alpaca", ":6: key 'x' is given twice"),
    ],
)
def test_a_file_of_the_wrong_shape_is_refused_with_its_line(tmp_path: Path, body: str, kinds: str, problem: str) -> None:
    error = refusal(write(tmp_path, body, kinds=kinds))
    assert problem in error.what
    assert error.remedy == f"put right {tmp_path / 'mine.yaml'}"


def test_a_missing_file_is_a_template_error_that_shows_what_is_near(tmp_path: Path) -> None:
    write(tmp_path, "  x:\n    prompt: hi\n")
    assert refusal(tmp_path / "mien.yaml").expected == "did you mean 'mine.yaml'?"


# The sandbox


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ input.__init__.__globals__ }}",
        "{% import 'x' as y %}",
        "{% from 'x' import y %}",
        "{% include '/etc/passwd' %}",
        "{% extends 'x' %}",
        "{% block x %}{% endblock %}",
        "{% macro x() %}{% endmacro %}",
        "{{ range(10**9) | list }}",
        "{{ input | attr('upper') }}",
        "{{ choices | random }}",
        "{{ input is callable }}",
        "{{ input() }}",
        "{{ self }}",
        "{{ lipsum() }}",
        "{% if input %}",
        "{{ input",
    ],
)
def test_what_templates_do_not_have_is_refused_when_loaded(tmp_path: Path, source: str) -> None:
    error = refusal(write(tmp_path, f"  x:\n    prompt: |-\n      fine\n      {source}\n"))
    assert error.where == f"{tmp_path / 'mine.yaml'}:7, template my/x, prompt"


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''['__cla' ~ 'ss__'] }}",
        "{{ range(1000000000) | list }}",
        "{{ 'x' * 1000000000 }}",
        "{{ [0] * 1000000000 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ 'x'.ljust(999999999) }}",
        "{{ (1).to_bytes(999999999) }}",
        "{{ choices.append('x') }}",
        "{{ input.strip }}",
        "{{ nothing }}",
    ],
)
def test_what_shows_only_when_run_is_refused_then(source: str) -> None:
    with pytest.raises(TemplateError) as caught:
        fill(source, {"input": "text", "choices": ["a"]}, "task 't', example '1'")
    assert caught.value.where == "task 't', example '1'"


def test_a_wording_that_never_passed_a_file_is_looked_at_too() -> None:
    with pytest.raises(TemplateError, match="'__class__' is out of reach"):
        fill("{{ ''.__class__ }}", {}, "here")


def test_output_ends_at_a_million_characters() -> None:
    assert len(fill("{{ input }}", {"input": "x" * MAX_CHARS}, "here")) == 1_000_000
    # 100,000 x 100,000 characters would be ten billion; it stops after the first million.
    for source in ("{{ input }}!", "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}"):
        with pytest.raises(TemplateError, match="more than 1,000,000 characters"):
            fill(source, {"input": "x" * MAX_CHARS}, "here")


@pytest.mark.parametrize("text", ["{{ 7 * 7 }}", "{% include 'x' %}", "{# gone #}", "{{ target }}", "<b>&amp;</b>\n\n"])
def test_data_with_template_syntax_stays_text(text: str) -> None:
    assert fill("{{ input }}|{{ input.strip() | length }}", {"input": text, "target": "4"}, "here") == f"{text}|{len(text.strip())}"


def test_plain_jinja_works_and_keeps_its_last_newline() -> None:
    source = "{% for c in choices %}{{ loop.index }}) {{ c | upper }}{% if not loop.last %}, {% endif %}{% endfor %}\n"
    assert fill(source, {"choices": ("a", "b")}, "here") == "1) A, 2) B\n"


# The set


def test_the_library_loads_and_is_sorted() -> None:
    names = [template.name for template in TemplateSet.load()]
    assert names == sorted(names)
    assert [name for name in names if name.startswith("tk/")] == [
        *("tk/def", "tk/def_pos_2", "tk/def_pos_2_expl", "tk/def_pos_2_neg_2", "tk/pos_2"),
    ]


@pytest.mark.parametrize(
    ("kind", "names"), [("superni", ["tk/def_pos_2"]), ("alpaca", ["alpaca/bare"]), ("prompt_completion", ["plain/prompt"])]
)
def test_all_is_every_fitting_template_but_those_not_meant_by_default(kind: str, names: list[str]) -> None:
    assert [template.name for template in TemplateSet.load().select("all", Task("t", (), kind=kind))] == names


def test_every_kind_of_the_library_has_at_least_three_wordings_where_asked() -> None:
    templates = TemplateSet.load()
    assert len(templates.select("ni/*", Task("t", (), kind="superni"))) >= 3
    assert len(templates.select("alpaca/*", Task("t", (), kind="alpaca"))) >= 4
    # Made worlds, whose columns are known with the data, have templates too.
    made = {"atlas", "composing", "rewriting"}
    worded = {kind for template in templates for kind in template.for_kinds} - set(AS_IS.for_kinds)
    assert set(FIELDS) | made == {kind for kind in worded if not benchmarks_of(kind)}


def test_globs_and_names_select_marked_templates_too_each_once() -> None:
    picked = TemplateSet.load().select(["alpaca/standard", "all", "alpaca/*ar*"], Task("t", (), kind="alpaca"))
    assert [template.name for template in picked] == ["alpaca/bare", "alpaca/standard"]


@pytest.mark.parametrize("kind", ["sharegpt", "messages", "text"])
def test_conversations_and_text_need_no_template(kind: str) -> None:
    assert TemplateSet.load().select("tk/*", Task("t", (), kind=kind)) == (AS_IS,)


def test_a_pattern_that_names_nothing_shows_the_nearest_name() -> None:
    with pytest.raises(TemplateError) as caught:
        TemplateSet.load().select(["alpaca/*", "tk/def_pos2"], Task("t", (), kind="alpaca"))
    assert (caught.value.what, caught.value.expected) == ("no template named 'tk/def_pos2'", "did you mean 'tk/def_pos_2'?")


def test_nothing_that_fits_names_the_task_its_kind_and_what_would() -> None:
    with pytest.raises(TemplateError) as caught:
        TemplateSet.load().select(["tk/*", "ni/*"], Task("sums", (), kind="prompt_completion"))
    assert caught.value.where == "task 'sums', kind prompt_completion"
    assert caught.value.expected == "what fits: plain/prompt"


def test_rows_without_a_template_are_told_their_columns() -> None:
    with pytest.raises(TemplateError) as caught:
        TemplateSet.load().select("all", QUIZ)
    assert "question, hint" in caught.value.expected
    assert "kinds: [rows]" in caught.value.remedy


def test_rows_get_the_templates_whose_variables_are_their_columns(tmp_path: Path) -> None:
    body = "  ask:\n    prompt: '{{ question }}'\n  hint:\n    prompt: '{{ question }} {{ hint }}'\n  other:\n    prompt: '{{ text }}'\n"
    templates = TemplateSet.load([write(tmp_path, body, kinds="rows")])
    assert [template.name for template in templates.select("all", QUIZ)] == ["my/ask", "my/hint"]
    with pytest.raises(TemplateError, match="unknown variable 'text' in template my/other"):
        templates.select(["my/other"], QUIZ)


def test_columns_are_checked_against_the_first_example_all_at_once() -> None:
    template = Template("my/x", ("rows",), "{{ qestion }} {{ hint }}", "{{ target }} {{ because }}", where="mine.yaml:4")
    with pytest.raises(TemplateError) as caught:
        check_fields(template, QUIZ)
    assert caught.value.what == "unknown variables 'because', 'qestion' in template my/x"
    assert caught.value.where == "mine.yaml:4, for task 'quiz'"
    assert "did you mean 'question'?" in caught.value.expected
    assert check_fields(template, Task("empty", ())) is None
    assert check_fields(template, Task("talk", (Example("1", messages=(Message("user", "hi"),)),))) is None


def test_a_template_may_be_for_some_tasks_only(tmp_path: Path) -> None:
    templates = TemplateSet.load([write(tmp_path, "  x:\n    prompt: hi\n    tasks: ['code/*']\n")])
    assert [template.name for template in templates.select(["my/*", "all"], Task("code/py", (), kind="alpaca"))] == ["alpaca/bare", "my/x"]
    assert [template.name for template in templates.select(["my/*", "all"], Task("talk", (), kind="alpaca"))] == ["alpaca/bare"]


def test_a_name_given_twice_names_both_files(tmp_path: Path) -> None:
    one = write(tmp_path, "  x:\n    prompt: hi\n", name="one.yaml")
    two = write(tmp_path, "  y:\n    prompt: hi\n  x:\n    prompt: hi\n", name="two.yaml")
    with pytest.raises(TemplateError) as caught:
        TemplateSet.load([one, two])
    assert (caught.value.what, caught.value.where) == ("two templates are named 'my/x'", f"{one}:4 and {two}:6")
