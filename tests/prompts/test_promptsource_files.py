"""All files of promptsource: they load as data, and every wording renders on a row of our own in the shape of its data set."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from didact.base.types import Example
from didact.prompts.promptsource import say, word
from didact.prompts.promptsource_file import promptsource_templates, read_promptsource
from didact.prompts.render import choices_in_words, references, render
from didact.prompts.template import Template, TemplateSet
from didact.tasks.benchmarks.reader import sample_tasks
from didact.tasks.cells import answers, as_text

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


def test_an_inverted_wording_is_one_that_asks_for_something_else(files: dict[str, Path]) -> None:
    templates = {template.name: template for template in promptsource_templates(files["imdb"])}
    turned = [name for name, template in templates.items() if template.inverted]
    assert turned == ["promptsource_imdb/Negation_template_for_positive_and_negative"]
    assert all(isinstance(template, Template) for template in templates.values())
