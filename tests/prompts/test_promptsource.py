"""promptsource: all its files load as data, every wording renders on rows of our own, and nothing in a file is run."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from didact.base.errors import TemplateError
from didact.base.prompts_section import PromptsSection
from didact.base.types import Example
from didact.prompts.formats import draw_format, sort_wordings
from didact.prompts.promptsource import Wording, as_column, columns_of, say, word
from didact.prompts.promptsource_file import is_promptsource, promptsource_templates, read_promptsource
from didact.prompts.render import choices_in_words, references, render
from didact.prompts.template import Template, TemplateSet
from didact.tasks.benchmarks.reader import sample_tasks
from didact.tasks.cells import answers, as_text
from didact.tasks.task import Task

LETTERED = {"label": ["A", "B", "C", "D"], "text": ["wind", "sun", "salt", "song"]}
NLI = {"premise": "A boy runs.", "hypothesis": "A child moves.", "label": 0}
PAIR = {"sentence1": "It rains.", "sentence2": "Rain falls.", "label": 1}
ARC = {"question": "What warms a stone?", "choices": LETTERED, "answerKey": "B"}
ROWS: dict[str, dict[str, Any]] = {
    "ag_news": {"text": "They won the cup.", "label": 1},
    "ai2_arc/ARC-Challenge": ARC,
    "ai2_arc/ARC-Easy": ARC,
    "anli": NLI,
    "app_reviews": {"package_name": "org.notes", "review": "It works well.", "star": 4},
    "cnn_dailymail/3.0.0": {"article": "A storm came. Nobody was hurt.", "highlights": "Storm hurts nobody ."},
    "common_gen": {"concepts": ["dog", "ball"], "target": "A dog runs after a ball."},
    "commonsense_qa": {
        "question": "Where is milk?",
        "choices": {"label": list("ABCDE"), "text": ["oven", "fridge", "bed", "pan", "hat"]},
        "answerKey": "B",
    },
    "cos_e/v1.11": {
        "question": "Where is milk?",
        "choices": ["oven", "fridge", "bed"],
        "answer": "fridge",
        "abstractive_explanation": "fridges are cold",
    },
    "dbpedia_14": {"title": "Lund", "content": "Lund is a town.", "label": 7},
    "dream": {"dialogue": ["M: Hello.", "W: Goodbye."], "question": "Who leaves?", "choice": ["Mia", "Tom", "Bo"], "answer": "Mia"},
    "gigaword": {"document": "a storm hit the coast on sunday .", "summary": "storm hits coast"},
    "glue/ax": NLI,
    "glue/cola": {"sentence": "He sleeps.", "label": 1},
    "glue/mnli": NLI,
    "glue/mnli_matched": NLI,
    "glue/mnli_mismatched": NLI,
    "glue/mrpc": PAIR,
    "glue/qnli": {"question": "Who won?", "sentence": "Mia won.", "label": 0},
    "glue/qqp": {"question1": "Who is she?", "question2": "What is her name?", "label": 1},
    "glue/rte": PAIR,
    "glue/sst2": {"sentence": "a joy", "label": 1},
    "glue/stsb": PAIR | {"label": 3.79},
    "glue/wnli": PAIR,
    "hellaswag": {
        "ctx": "Baking: He kneads dough. He",
        "ctx_a": "Baking: He kneads dough.",
        "ctx_b": "He",
        "endings": ["lets it rise.", "paints it.", "sings.", "sleeps."],
        "activity_label": "Baking",
        "label": "0",
    },
    "imdb": {"text": "A joy from start to end.", "label": 1},
    "openbookqa/main": {"question_stem": "A stone is warmed by", "choices": LETTERED, "answerKey": "B"},
    "paws/labeled_final": PAIR,
    "piqa": {"goal": "Stop a door", "sol1": "Use a wedge.", "sol2": "Use a feather.", "label": 0},
    "qasc": {
        "question": "What warms a stone?",
        "choices": {"label": list("ABCDEFGH"), "text": ["wind", "sun", "salt", "song", "rain", "ice", "fog", "tea"]},
        "fact1": "The sun is hot.",
        "fact2": "Heat warms stones.",
        "combinedfact": "The sun warms stones.",
        "answerKey": "B",
    },
    "quail": {"context": "Mia left.", "question": "Who left?", "answers": ["Tom", "Mia", "Bo", "Ann"], "correct_answer_id": 1},
    "quartz": {
        "para": "More sun, more heat.",
        "question": "More sun makes a stone _____ ?",
        "choices": {"label": ["A", "B"], "text": ["warmer", "colder"]},
        "answerKey": "A",
    },
    "quoref": {
        "context": "Mia left. She was late.",
        "question": "Who was late?",
        "title": "Mia",
        "answers": {"answer_start": [0], "text": ["Mia"]},
    },
    "ropes": {"background": "Sun warms.", "situation": "A is in the sun.", "question": "Which is warm?", "answers": {"text": ["A"]}},
    "rotten_tomatoes": {"text": "a joy", "label": 1},
    "samsum": {"dialogue": "A: Hello\nB: Goodbye", "summary": "B leaves."},
    "sciq": {
        "question": "What is melted rock?",
        "support": "Melted rock is magma.",
        "distractor1": "sand",
        "distractor2": "chalk",
        "distractor3": "coal",
        "correct_answer": "magma",
    },
    "snli": NLI,
    "social_i_qa": {
        "context": "Tom broke a cup.",
        "question": "What will he do?",
        "answerA": "swim",
        "answerB": "say sorry",
        "answerC": "sing",
        "label": "2",
    },
    "squad": {"context": "Mia lives in Lund.", "question": "Where does Mia live?", "answers": {"answer_start": [13], "text": ["Lund"]}},
    "squad_v2": {
        "title": "Mia",
        "context": "Mia lives in Lund.",
        "question": "Where does Mia live?",
        "answers": {"answer_start": [13], "text": ["Lund"]},
    },
    "super_glue/axb": PAIR | {"label": 0},
    "super_glue/axg": NLI,
    "super_glue/boolq": {"passage": "Ice is cold.", "question": "is ice cold", "label": 1},
    "super_glue/cb": NLI,
    "super_glue/copa": {"premise": "It rained.", "choice1": "It got wet.", "choice2": "It got dry.", "question": "effect", "label": 0},
    "super_glue/multirc": {"paragraph": "Mia left.", "question": "Who left?", "answer": "Mia", "label": 1},
    "super_glue/record": {
        "passage": "Mia met Tom in Lund.",
        "query": "@placeholder lives in Lund.",
        "entities": ["Mia", "Tom"],
        "answers": ["Mia"],
    },
    "super_glue/rte": NLI,
    "super_glue/wic": {"word": "bank", "sentence1": "A river bank.", "sentence2": "A bank of money.", "label": 0},
    "super_glue/wsc.fixed": {
        "text": "Mia left as she was late.",
        "span1_text": "Mia",
        "span2_text": "she",
        "span2_index": 3,
        "label": 1,
    },
    "trec": {"text": "Who wrote it ?", "coarse_label": 3, "fine_label": 28},
    "wiki_qa": {"question": "Where is Lund?", "document_title": "Lund", "answer": "Lund is in Sweden.", "label": 1},
    "winogrande/winogrande_xl": {
        "sentence": "Ada thanked Eve because _ had helped.",
        "option1": "Ada",
        "option2": "Eve",
        "answer": "2",
    },
    "xsum": {"document": "A storm came. Nobody was hurt.", "summary": "A storm hurt nobody."},
}
NO_ANSWER_ALONE = {"app_reviews": "star", "sciq": "correct_answer", "trec": "fine_label", "super_glue/multirc": "label"}
"""The answer's column where it is not the one that the file's wordings have first."""


@pytest.fixture(scope="module")
def files(shared: Path) -> dict[str, Path]:
    root = shared / "promptsource_templates"
    if not root.is_dir():
        pytest.skip("shared/data/promptsource_templates is not here")
    return {path.parent.relative_to(root).as_posix(): path for path in sorted(root.rglob("templates.yaml"))}


def as_example(row: dict[str, Any], target: str) -> Example:
    """Returns a row as reader `rows` has it."""
    choices = row.get("choices")
    aside = {target, "choices"} if isinstance(choices, list) else {target}
    fields = {name: as_text(value) for name, value in row.items() if name not in aside}
    options = tuple(map(as_text, choices)) if isinstance(choices, list) else ()
    value = row[target]
    return Example("1", fields, answers([value] if isinstance(value, list) else value, target), options)


def write(folder: Path, jinja: str, choices: str = "null", name: str = "topic", more: str = "") -> Path:
    """Writes a file of one wording, on lines 3 to 10."""
    path = folder / "templates.yaml"
    path.write_text(
        "dataset: news\ntemplates:\n"
        f"  5b1-77: !Template\n    answer_choices: {choices}\n    id: 5b1-77\n    jinja: {jinja!r}\n"
        f"    metadata: !TemplateMetadata\n      original_task: true\n    name: {name}\n    reference: ''\n{more}",
        encoding="utf-8",
    )
    return path


# All files


def test_all_55_files_load_with_510_wordings(files: dict[str, Path]) -> None:
    read = {name: read_promptsource(path) for name, path in files.items()}
    assert len(read) == 55
    assert {name for name, _ in read.values()} == set(files) == set(ROWS)
    assert sum(len(wordings) for _, wordings in read.values()) == 510
    sizes = {name: len(wordings) for name, wordings in read.values()}
    # The counts that the authors give for T0's tasks: RTE 10, CB 15, ANLI 15, COPA 12, HellaSwag 11, WiC 10, ReCoRD 20.
    assert [sizes[f"super_glue/{name}"] for name in ("rte", "cb", "copa", "wic", "record")] == [10, 15, 12, 10, 20]
    assert (sizes["anli"], sizes["hellaswag"]) == (15, 11)
    assert sum(wording.original_task for wording in read["hellaswag"][1].values()) == 4


def test_every_wording_renders_on_a_row_of_its_data_set(files: dict[str, Path]) -> None:
    num_said, skipped = 0, []
    for name, path in files.items():
        for title, wording in read_promptsource(path)[1].items():
            said = say(wording, ROWS[name], f"{name}/{title}")
            num_said += bool(said.prompt)
            skipped += [] if said.prompt else [f"{name}/{title}"]
            assert "|||" not in said.prompt + "".join(said.responses)
            assert "{{" not in said.prompt + "".join(said.responses)
            assert bool(said.prompt) == bool(said.responses)
    # What comes out empty is for other rows: copa's causes (this row asks for an effect), and trec's other kinds of questions.
    assert Counter(name.rpartition("/")[0] for name in skipped) == {"super_glue/copa": 2, "trec": 9}
    assert num_said == 510 - 11


def test_wordings_for_some_rows_render_on_those(files: dict[str, Path]) -> None:
    causes = say(read_promptsource(files["super_glue/copa"])[1]["why_C1_or_C2"], ROWS["super_glue/copa"] | {"question": "cause"}, "copa")
    assert causes.prompt == 'It rained. Why? "It got wet." or "It got dry."?'
    assert causes.responses == ("It got wet.",)
    kinds = {"ABBR": (0, 0), "ENTY": (1, 2), "DESC": (2, 24), "LOC": (4, 32), "NUM": (5, 37)}
    for title, wording in read_promptsource(files["trec"])[1].items():
        if (kind := title.removeprefix("fine_grained_")[:4].strip("_")) in kinds and title.startswith("fine_grained_"):
            coarse, fine = kinds[kind]
            said = say(wording, {"text": "Who ?", "coarse_label": coarse, "fine_label": fine}, title)
            assert said.responses == said.choices[:1], title  # each kind's first fine label


def test_every_file_words_rows_as_the_reader_has_them(files: dict[str, Path]) -> None:
    for name, path in files.items():
        templates = promptsource_templates(path)
        wordings = [template.promptsource for template in templates]
        column = NO_ANSWER_ALONE.get(name) or (wordings[0].answer_columns[0] if wordings[0] else "")
        example = as_example(ROWS[name], column)
        for wording in wordings:
            assert wording is not None
            assert wording.answer_column(example.fields) == column, name
            native = say(wording, ROWS[name], name, identity=("t", "1"))
            if native.prompt:
                assert word(wording, example, example.targets[0], name, ("t", "1")) == native, (name, wording.where)


def test_wordings_fit_the_benchmarks_that_have_their_columns(files: dict[str, Path]) -> None:
    templates = [template for path in files.values() for template in promptsource_templates(path)]
    fits = Counter(kind for template in templates for kind in template.for_kinds)
    assert fits["rows"] == 510
    assert (fits["superglue/cb"], fits["superglue/copa"], fits["glue/mnli"], fits["anli"], fits["xsum"]) == (15, 12, 15, 15, 10)
    # Lists of the data set (concepts, entities), answers inside answers (squad), endings: the benchmarks have them otherwise.
    assert not {"common_gen", "superglue/record", "hellaswag"} & set(fits)
    # Those that never look into the answer remain for squad.
    assert fits["squad"] == 1


def test_benchmark_rows_render_in_the_words_of_promptsource(files: dict[str, Path]) -> None:
    for name, kind in (
        ("super_glue/cb", "superglue/cb"),
        ("glue/sst2", "glue/sst2"),
        ("super_glue/copa", "superglue/copa"),
        ("xsum", "xsum"),
    ):
        (task,) = sample_tasks(kind)
        templates = TemplateSet.load([files[name]], kinds=[kind])
        chosen = templates.select("promptsource_*", task)
        assert len(chosen) == {"super_glue/cb": 15, "glue/sst2": 5, "super_glue/copa": 12, "xsum": 10}[name]
    (task,) = sample_tasks("superglue/cb")
    template = TemplateSet.load([files["super_glue/cb"]], kinds=["superglue/cb"]).named("promptsource_super_glue_cb/can_we_infer")
    example = task.examples[0]
    said = render(task, example, template)
    assert example.fields["premise"] in said.messages[0].content
    # Labels in the order of the data set's ids: entailment 0, contradiction 1, neutral 2.
    words = dict(zip(("entailment", "contradiction", "neutral"), ("Yes", "No", "Maybe"), strict=True))
    assert said.messages[-1].content == words[example.targets[0]]
    assert choices_in_words(task, example, template) == ("Yes", "No", "Maybe")
    assert references(task, example, template) == (words[example.targets[0]],)


# One file


def test_a_file_becomes_templates_with_names_that_recipes_can_write(tmp_path: Path) -> None:
    path = write(tmp_path, "{{ text }} ||| {{ answer_choices[label] }}", "bad ||| good", name="'Is it good? (1)'")
    (template,) = promptsource_templates(path)
    assert (template.name, template.where) == ("promptsource_news/Is_it_good_1", f"{path}:3")
    assert template.promptsource is not None
    assert template.promptsource.variables == {"text", "label"}
    assert not template.inverted
    assert is_promptsource(path)
    assert not is_promptsource(tmp_path / "nothing.yaml")


def test_own_templates_and_those_of_promptsource_load_together(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("set: my\nkinds: [rows]\ntemplates: {plain: {prompt: '{{ text }}'}}\n", encoding="utf-8")
    task = Task("reviews", (as_example({"text": "A joy.", "label": 1}, "label"),))
    templates = TemplateSet.load([own, write(tmp_path, "{{ text }} Good? ||| {{ answer_choices[label] }}", "No ||| Yes")], kinds=["rows"])
    assert [template.name for template in templates.select("all", task)] == ["my/plain", "promptsource_news/topic"]
    said = render(task, task.examples[0], templates.named("promptsource_news/topic"))
    assert [message.content for message in said.messages] == ["A joy. Good?", "Yes"]


def test_a_row_without_a_column_does_not_fit_and_the_error_names_it(tmp_path: Path) -> None:
    path = write(tmp_path, "{{ title }}: {{ text }} ||| {{ label }}")
    task = Task("reviews", (as_example({"text": "A joy.", "label": 1}, "label"),))
    with pytest.raises(TemplateError) as caught:
        TemplateSet.load([path], kinds=["rows"]).select("promptsource_*", task)
    assert "unknown variable 'title'" in caught.value.what


def test_a_row_that_a_wording_passes_over_gets_another(tmp_path: Path) -> None:
    second = "  77: !Template\n    answer_choices: null\n    jinja: '{{ text }} ||| {{ label }}'\n    name: plain\n"
    path = write(tmp_path, "{% if label == 1 %}{{ text }} Why? ||| {{ label }}{% endif %}", name="a_why", more=second)
    examples = tuple(as_example({"text": "A joy.", "label": number % 2}, "label") for number in range(2))
    task = Task("reviews", examples)
    templates = TemplateSet.load([path], kinds=["rows"]).select("all", task)
    wordings = sort_wordings(templates, PromptsSection())
    drawn = [
        [draw_format(task, example, wordings, PromptsSection(), seed=seed).template.name for seed in range(20)] for example in examples
    ]
    assert set(drawn[0]) == {"promptsource_news/plain"}
    assert set(drawn[1]) == {"promptsource_news/plain", "promptsource_news/a_why"}
    with pytest.raises(TemplateError, match="does not apply to this row"):
        render(task, examples[0], next(template for template in templates if template.name.endswith("a_why")))


def test_a_row_whose_label_is_hidden_is_refused() -> None:
    wording = Wording("{{ text }} ||| {{ answer_choices[label] }}", "No ||| Yes", answer_columns=("label",))
    with pytest.raises(TemplateError, match="no label"):
        word(wording, as_example({"text": "A joy.", "label": -1}, "label"), "-1", "here")


# The language


def test_bars_in_the_data_are_text() -> None:
    wording = Wording("{{ text }} ||| {{ answer_choices[label] }}", "{{ options | join('|||') }}")
    said = say(wording, {"text": "a ||| b", "options": ["x ||| y", "z"], "label": 0}, "here")
    assert (said.prompt, said.responses, said.choices) == ("a ||| b", ("x ||| y",), ("x ||| y", "z"))


def test_several_answers_all_count_and_empty_ones_do_not() -> None:
    assert say(Wording("{{ q }} ||| {{ a }} ||| {{ b }} |||"), {"q": "Who?", "a": "me", "b": "I"}, "here").responses == ("me", "I")
    assert say(Wording("{{ q }} ||| {{ a }}"), {"q": "Who?", "a": " "}, "here").prompt == ""
    assert say(Wording("{{ q }} ||| {{ a }}"), {"q": "", "a": "me"}, "here").responses == ()


def test_every_answer_of_a_wording_is_a_reference_and_the_first_is_trained_on(tmp_path: Path) -> None:
    (template,) = promptsource_templates(write(tmp_path, "{{ q }} ||| {{ a }} ||| It is {{ a }}."))
    task = Task("rows", (as_example({"q": "Who?", "a": "me"}, "a"),))
    assert references(task, task.examples[0], template) == ("me", "It is me.")
    assert render(task, task.examples[0], template).messages[-1].content == "me"


def test_choice_is_drawn_by_identity_and_once_for_prompt_and_answer() -> None:
    wording = Wording("{% set n = range(0, 10) | choice %}{{ n }} ||| {{ n }}")
    said = [say(wording, {}, "here", identity=("task", str(number))) for number in range(40)]
    assert said == [say(wording, {}, "here", identity=("task", str(number))) for number in range(40)]
    assert all((one.prompt,) == one.responses for one in said)
    assert len({one.prompt for one in said}) == 10  # 40 rows draw each of 10 numbers: one is missed with chance 10 * 0.9**40 = 0.15
    assert said != [say(wording, {}, "here", seed=1, identity=("task", str(number))) for number in range(40)]


def test_two_choices_of_one_wording_are_two_draws() -> None:
    wording = Wording("{{ range(0, 1000) | choice }} {{ range(0, 1000) | choice }} ||| x")
    first, second = say(wording, {}, "here", identity=("t", "1")).prompt.split()
    assert first != second


def test_most_frequent_and_highlight() -> None:
    assert say(Wording("{{ words | most_frequent | join(' ') }} ||| x"), {"words": ["b", "a", "b", "a", "c"]}, "here").prompt == "b a"
    assert say(Wording("{{ text | highlight }} ||| x"), {"text": "A joy."}, "here").prompt == "A joy."


def test_a_column_is_what_it_was_before_it_was_text() -> None:
    label = as_column("2")
    assert label == 2
    assert label == "2"
    assert label != 3
    wording = Wording(
        "{{ {'1': 'one', '2': 'two'}[label] }} {{ {1: 'eins', 2: 'zwei'}[label] }} {{ ['a', 'b', 'c'][label] }} ||| {{ label - 1 }}"
    )
    assert say(wording, {"label": label}, "here").prompt == "two zwei c"
    assert say(wording, {"label": label}, "here").responses == ("1",)
    # Numbers that would print otherwise stay text: 007, 1.50, and more digits than a float holds.
    assert [as_column(text) for text in ("007", "1.50", "0.5", "{broken", "")] == ["007", "1.50", 0.5, "{broken", ""]


def test_the_answer_stands_in_the_column_that_the_row_lacks() -> None:
    wording = Wording("{{ q }} ||| {{ answers.text[0] }}", answer_columns=("answers", "title"))
    example = as_example({"q": "Where?", "answers": {"text": ["Lund"]}}, "answers")
    assert columns_of(wording, example, example.targets[0]) == {"q": "Where?", "answers": {"text": ["Lund"]}}
    assert word(wording, example, example.targets[0], "here").responses == ("Lund",)


@pytest.mark.parametrize(
    "jinja",
    [
        "{{ text.__class__ }} ||| x",
        "{{ cycler.__init__.__globals__ }} ||| x",
        "{% include 'secrets' %} ||| x",
        "{% macro f() %}{% endmacro %} ||| x",
        "{{ text | map('upper') }} ||| x",
        "{{ lipsum() }} ||| x",
        "{{ text ||| x",
        "no bars",
    ],
)
def test_what_these_wordings_do_not_have_is_refused_when_read(tmp_path: Path, jinja: str) -> None:
    with pytest.raises(TemplateError) as caught:
        read_promptsource(write(tmp_path, jinja))
    assert "templates.yaml:3, template topic" in caught.value.where


@pytest.mark.parametrize(
    "jinja", ["{{ '%999999999d' % 1 }} ||| x", "{{ 'x' * 10 }} ||| x", "{{ words.append('x') }} ||| x", "{{ gone }} ||| x"]
)
def test_what_would_do_harm_or_is_not_there_is_refused_when_rendered(jinja: str) -> None:
    with pytest.raises(TemplateError, match="cannot be rendered"):
        say(Wording(jinja), {"words": ["a"]}, "here")


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system [echo]", "!!python/name:os.system", "!Other {a: 1}", "!Template [1]"])
def test_tags_run_nothing(tmp_path: Path, tag: str) -> None:
    path = tmp_path / "templates.yaml"
    path.write_text(f"dataset: news\ntemplates:\n  a: !Template\n    jinja: {tag}\n", encoding="utf-8")
    with pytest.raises(TemplateError):
        read_promptsource(path)


@pytest.mark.parametrize(
    "text", ["", "dataset: news\n", "- 1\n", "dataset: 7\ntemplates: {}\n", "a: [\n", "dataset: x\ntemplates: {a: 1}\n"]
)
def test_another_file_is_refused_in_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "templates.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TemplateError) as caught:
        read_promptsource(path)
    assert str(path) in caught.value.where


def test_an_inverted_wording_is_one_that_asks_for_something_else(files: dict[str, Path]) -> None:
    templates = {template.name: template for template in promptsource_templates(files["imdb"])}
    turned = [name for name, template in templates.items() if template.inverted]
    assert turned == ["promptsource_imdb/Negation_template_for_positive_and_negative"]
    assert all(isinstance(template, Template) for template in templates.values())
