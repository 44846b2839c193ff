"""The verb `eval` over benchmarks in a folder of copies: what is asked, kept, counted again, compared and shown."""

import json
from typing import Any

import pytest
from verbs import didact

from didact.base.files import read_jsonl

RECIPE = """
name: tiny
model: {base: new, new: {width: 32, depth: 1, heads: 2, vocabulary: 400}}
sequence: {max_length: 384}
tasks:
  sources: [{name: say, reader: alpaca, path: say.jsonl}]
  hold_out: {examples: 3}
mixture: {parts: [{tasks: say, rate: 1}]}
train: {precision: fp32, batch_tokens: 512, max_steps: 2, log_every: 1}
evaluate: {max_new_tokens: 4, resamples: 50, on: [held_in], examples_per_task: 2}
"""
ASK = "eval last --on held_in,mmlu,superglue,gsm8k --templates all --limit 2 --data data --json"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A working folder with a tiny run, and copies of an MMLU subject, of COPA and of GSM8K."""
    folder = tmp_path_factory.mktemp("benchmarks")
    rows = [{"instruction": "Say it.", "input": f"{word} {i}", "output": f"{word} {i}"} for word in ("yes", "no", "red") for i in range(9)]
    files = {
        "say.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        "tiny.yaml": RECIPE,
        "data/mmlu/data/test/anatomy_test.csv": "".join(f'"2 + {n}?",1,2,3,4,B\n' for n in range(3)),
        "data/mmlu/data/dev/anatomy_dev.csv": "".join(f'"1 + {n}?",1,2,3,4,A\n' for n in range(5)),
        "data/super_glue_copa_validation.jsonl": "".join(
            json.dumps({"premise": f"It rained {n}.", "choice1": "I got wet.", "choice2": "It snowed.", "question": "effect", "label": 0})
            + "\n"
            for n in range(3)
        ),
        "data/gsm8k/test.jsonl": json.dumps({"question": "1 + 1?", "answer": "It is 2.\n#### 2"}) + "\n",
        "data/gsm8k/train.jsonl": "".join(
            json.dumps({"question": f"{n} + 1?", "answer": f"It is {n + 1}.\n#### {n + 1}"}) + "\n" for n in range(1, 12)
        ),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DIDACT_RUNS", str(folder / "runs"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setattr("didact.questions.hub_answers", lambda: False)
        assert didact("train tiny.yaml").code == 0
        seen = didact(ASK)
        assert seen.code == 0, seen.err
        yield folder, json.loads(seen.out), seen.err


@pytest.fixture(scope="module")
def asked_later(place: Any) -> Any:
    """Another run, judged twice: on its level, then on what there is of flan and on IFEval."""
    folder, _, _ = place
    (folder / "data/ifeval").mkdir()
    rows = [
        {"key": n, "prompt": f"Say {n}.", "instruction_id_list": names, "kwargs": [{} for _ in names]}
        for n, names in enumerate([["punctuation:no_comma"], ["punctuation:no_comma", "startend:quotation"]])
    ]
    (folder / "data/ifeval/input_data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "data/xquad").mkdir()
    (folder / "data/xquad/xquad.en.json").write_text("{}")
    assert didact("train tiny.yaml").code == 0
    assert didact("eval tiny-002 --limit 1").code == 0
    seen = didact("eval tiny-002 --on flan,ifeval --templates all --posix --limit 2 --data data --json")
    assert seen.code == 0, seen.err
    return folder, json.loads(seen.out), seen.err


def test_every_level_and_benchmark_has_base_tuned_and_what_surrounds_them(place: Any) -> None:
    _, found, _ = place
    assert (list(found["levels"]), list(found["benchmarks"])) == (["held_in"], ["mmlu", "superglue", "gsm8k"])
    wanted = {"overall", "macro", "tasks", "regressions", "endings", "chance", "rank", "wordings", "extraction", "detectable", "of_record"}
    for table in (*found["levels"].values(), *found["benchmarks"].values()):
        assert wanted <= set(table)
        entry = table["macro"][table["of_record"]]
        assert {"base", "tuned", "difference"} <= set(entry)
    assert all(table["wordings"]["macro"] for table in found["benchmarks"].values())
    assert set(found["benchmarks"]["mmlu"]["rank"]) == {"sum", "per_token", "per_byte", "pmi", "letter"}
    assert found["benchmarks"]["mmlu"]["chance"]["macro"]["random"] == 25.0
    assert set(found["benchmarks"]["superglue"]["rank"]) >= {"sum", "per_token", "per_byte", "pmi"}
    assert found["three_levels"]["seen_task"]["num_tasks"] == 1
    assert found["three_levels"]["unseen_category"]["num_tasks"] == 3


def test_what_is_missing_is_told_by_name(place: Any) -> None:
    _, found, said = place
    assert len(found["benchmarks"]["mmlu"]["absent"]) == 56
    assert "superglue: 1 of 10 tasks; not to be had: boolq, cb, multirc" in said
    assert "rows of" in said
    assert "show" in said


def test_the_manifest_says_where_rows_come_from_and_what_was_shown(place: Any) -> None:
    folder, _, _ = place
    manifest = json.loads((folder / "runs/tiny-001/scores/manifest.json").read_text())
    sets = {one["name"]: one for one in manifest["sets"]}
    mmlu = sets["mmlu"]["tasks"]["mmlu/anatomy"]
    assert (mmlu["template"], mmlu["shown_from"], len(mmlu["shown"]), mmlu["num_rows"]) == ("mmlu/canonical", "split dev", 5, 2)
    gsm8k = sets["gsm8k"]["tasks"]["gsm8k"]
    assert gsm8k["shown_from"] == "split train"
    assert manifest["stop_ids"]
    assert all(len(task["fingerprint"]) == 16 for one in sets.values() for task in one["tasks"].values())


def test_a_demonstration_is_never_the_row_itself(place: Any) -> None:
    folder, _, _ = place
    rows = [row for row in read_jsonl(folder / "runs/tiny-001/scores/predictions_tuned.jsonl") if row["task"] == "gsm8k"]
    # The row "1 + 1?" is among the eleven that may be shown.
    assert rows
    assert all(row["prompt"].count("1 + 1?") <= 1 + row["prompt"].count("11 + 1?") for row in rows)


def test_every_row_is_kept_once_in_each_wording_and_each_way(place: Any) -> None:
    folder, _, _ = place
    rows = read_jsonl(folder / "runs/tiny-001/scores/predictions_base.jsonl")
    keys = [(row["level"], row["task"], row["example"], row["template"], row["wording"], row["asked"]) for row in rows]
    assert len(set(keys)) == len(keys)
    assert {row["asked"] for row in rows if row["level"] == "mmlu"} == {"rank"}
    assert {row["asked"] for row in rows if row["level"] == "superglue"} == {"generate", "rank"}
    assert all(row["held_out"] for row in rows if row["level"] == "mmlu")


def test_stored_answers_are_counted_again_to_the_last_digit(place: Any) -> None:
    _, found, _ = place
    again = didact("eval last --recount --json")
    assert again.code == 0, again.err
    assert json.loads(again.out) == found


def test_the_table_has_a_line_for_a_benchmark_and_with_all_one_for_every_task(place: Any) -> None:
    short, long = didact("eval last --recount").out, didact("eval last --recount --all").out
    assert sum(line.startswith("mmlu ") for line in short.splitlines()) > 0
    assert "three levels" in short
    assert "likeliest choice" in short
    assert len(long.splitlines()) > len(short.splitlines())
    assert didact("report last").code == 0


def test_a_name_that_stands_for_nothing_is_wrong_usage(place: Any) -> None:
    seen = didact("eval last --on unsen")
    assert seen.code == 2
    assert "did you mean 'unseen'?" in seen.err
    assert didact("eval last --templates some").code == 2
    assert didact("eval last last").code == 2


def test_parts_that_are_not_to_be_had_are_told_and_the_rest_is_asked(asked_later: Any) -> None:
    _, found, said = asked_later
    # Of the six parts of flan, only MMLU has a copy here.
    assert list(found["benchmarks"]) == ["mmlu", "mmlu_cot", "ifeval"]
    assert list(found["absent"]) == ["bbh", "bbh_cot", "tydiqa", "mgsm"]
    assert "tydiqa: not to be had: no copy in data, and the hub cannot be reached" in said
    assert "tydiqa: xquad asks alike and is to be had: --on xquad" in said
    missing = found["normalised"]["tuned"]["missing"]
    assert missing["tydiqa"] == "not to be had (no copy in data, and the hub cannot be reached)"
    assert missing["mmlu"].startswith("56 of 57 tasks missing")
    assert "average" not in found["normalised"]["tuned"]


def test_a_check_says_what_differences_a_level_can_show(place: Any) -> None:
    # Two of the three rows that are kept are asked.
    assert "held_in: 2 rows of one task show no difference" in didact("check tiny.yaml").err
    wrong = didact("check tiny.yaml evaluate.posix=true")
    assert wrong.code == 1
    assert "evaluate.templates=all" in wrong.err


def test_nothing_at_all_is_an_error_before_anything_is_asked(place: Any) -> None:
    seen = didact("eval last --on tydiqa --data data")
    assert seen.code == 1
    assert "no rows of tydiqa are to be had" in seen.err


def test_a_later_evaluation_removes_what_is_no_longer_asked_and_says_so(asked_later: Any) -> None:
    folder, _, said = asked_later
    scores = folder / "runs/tiny-002/scores"
    assert "scores are replaced: those of held_in, asked earlier, are removed" in said
    assert sorted(file.name for file in scores.glob("*.json")) == ["manifest.json", "normalised.json", "three_levels.json"]
    assert {file.stem for file in (scores / "benchmarks").glob("*.json")} == {"mmlu", "mmlu_cot", "ifeval"}
    assert didact("report tiny-002").code == 0


def test_what_a_program_checks_is_told_by_instruction_and_never_compared_as_text(asked_later: Any) -> None:
    folder, found, _ = asked_later
    table = found["benchmarks"]["ifeval"]
    assert set(table["overall"]) == {
        "ifeval_prompt_strict",
        "ifeval_instruction_strict",
        "ifeval_prompt_loose",
        "ifeval_instruction_loose",
    }
    # Two rows, of which one has two instructions.
    assert {name: one["num_instructions"] for name, one in table["instructions"]["tuned"].items()} == {
        "punctuation:no_comma": 2,
        "startend:quotation": 1,
    }
    page = (folder / "runs/tiny-002/report.html").read_text(encoding="utf-8")
    assert "Instructions that a program checks" in page
    assert "punctuation: no comma" in page


def test_posix_is_counted_for_both_models_and_again_from_what_is_kept(asked_later: Any) -> None:
    folder, found, _ = asked_later
    kept = read_jsonl(folder / "runs/tiny-002/scores/posix.jsonl")
    assert {(row["level"], row["model"]) for row in kept if row["level"] == "mmlu"} == {("mmlu", "base"), ("mmlu", "tuned")}
    for table in found["benchmarks"].values():
        assert "missing" in table["posix"] or {"base", "tuned", "difference"} <= set(table["posix"]["macro"])
    table = found["benchmarks"]["mmlu"]["posix"]
    assert "missing" not in table
    assert table["macro"]["tuned"]["value"] > 0
    again = didact("eval tiny-002 --recount --json")
    assert json.loads(again.out) == found
    assert "POSIX" in didact("eval tiny-002 --recount").out
    wrong = didact("eval tiny-002 --on mmlu --posix --data data")
    assert wrong.code == 1
    assert "--templates all" in wrong.err


def test_two_runs_are_compared_on_the_rows_they_share(place: Any) -> None:
    seen = didact("eval tiny-001 tiny-001 --paired --json")
    assert seen.code == 0, seen.err
    table = json.loads(seen.out)["levels"]
    assert {entry["difference"]["value"] for scores in table.values() for entry in scores["overall"].values()} == {0.0}
    assert didact("eval tiny-001 tiny-001 --paired").code == 0
    assert didact("eval tiny-001 --paired").code == 2
