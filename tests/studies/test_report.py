"""The report page: complete, self-contained, escaped, the same twice."""

import math
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from didact.base.errors import DataError, PrerequisiteError, RunError
from didact.base.files import write_json, write_jsonl, write_text
from didact.base.types import Prediction
from didact.evals.statistics import compare
from didact.studies import plots
from didact.studies.report import report_json, samples, write_report

EVIL = "<script>alert('x')</script>"
METRICS = ("rouge_l", "exact_match")
CATEGORIES = ("Textual Entailment", "Coreference Resolution", "Question Rewriting", "Title Generation")
VOID = {"meta", "link", "br", "img", "input", "hr"}


def predictions(level: str, num_tasks: int, rows: int) -> tuple[list[Prediction], list[Prediction]]:
    """Base and tuned answers: chance, but tuned gains about 25 points."""
    chance = np.random.default_rng(len(level))
    base, tuned = [], []
    for task in range(num_tasks):
        category = CATEGORIES[task % len(CATEGORIES)]
        level_of_task = chance.uniform(5, 30)
        for index in range(rows):
            name = f"superni/task{100 + task:04}_{category.split()[0].lower()}"
            prompt = f"Definition: say whether the second sentence follows from the first.\nInput {index}.\nOutput:" + " More text." * (
                index * 9
            )
            low = float(np.clip(chance.normal(level_of_task, 15), 0, 100))
            high = float(np.clip(low + chance.normal(25, 20), 0, 100))
            row = Prediction(
                name,
                f"{task}-{index}",
                "direct",
                prompt,
                "I think that it could be",
                ("entailment",),
                "length",
                16,
                category=category,
                level=level,
            )
            base.append(replace(row, scores={"rouge_l": low, "exact_match": 0.0}))
            done = replace(row, completion="entailment" if index % 3 else "", stop="stop", num_tokens=2)
            tuned.append(replace(done, scores={"rouge_l": high, "exact_match": 100.0 * (index % 3 > 0)}))
    return base, tuned


def run_folder(folder: Path, evil: str = "") -> Path:
    """A run folder as training and evaluation leave it; `evil` goes wherever text from files can stand."""
    write_text(folder / "recipe.yaml", f"name: tk_small {evil}\nseed: 0\nmodel:\n  base: new\ntrain:\n  learning_rate: 0.0005\n" * 4)
    write_json(folder / "environment.json", {"python": "3.12.1", "torch": "2.6.0", "gpu": {"name": f"none {evil}"}, "num_cores": 8})
    tree = "mixture        share %   examples     draws    seen\n├── superni/*    80.00    104,000    48,000   0.46x\n"
    write_text(folder / "mixture.txt", f"{tree}└── alpaca {evil} 20.00\n")
    write_json(
        folder / "leaks.json",
        {"ngram": 13, "num_seen_leaking": 1204, "num_unseen_leaking": 7, "lines": [f"1,204 of 104,000 seen examples overlap {evil}"]},
    )
    write_json(
        folder / "reading.json",
        [
            {
                "source": f"superni {evil}",
                "num_read": 105_000,
                "num_kept": 104_000,
                "dropped": {"empty output": 900, evil or "too long": 100},
            }
        ],
    )
    write_json(
        folder / "audit.json",
        {"num_conversations": 500, "lines": ["100 % of answers end", f"warning: 3 characters cannot be written {evil}"]},
    )
    chance, rows = np.random.default_rng(0), list[dict[str, Any]]()
    for step in range(10, 3001, 10):
        rate = 5e-4 * min(step / 90, 0.5 * (1 + math.cos(math.pi * step / 3000)))
        loss = 1.4 + 3.2 * math.exp(-step / 250) + chance.normal(0, 0.12)
        speed = {"tokens_per_second": 51_000 + chance.normal(0, 900), "num_tokens": step * 16_384, "seconds": step * 0.32}
        rows.append({"step": step, "loss": loss, "learning_rate": rate, "grad_norm": 0.6 + abs(chance.normal(0, 0.2)), **speed})
    rows.insert(200, {"event": "resumed", "step": 2000, "note": evil or "from a checkpoint"})
    write_jsonl(folder / "metrics.jsonl", rows)
    written: tuple[list[Prediction], list[Prediction]] = ([], [])
    for level, num_tasks in (("unseen", 16), ("held_in", 4)):
        base, tuned = predictions(level, num_tasks, 12)
        if evil:
            base, tuned = (
                [replace(row, task=f"{row.task}{evil}", category=f"{row.category}{evil}") for row in rows] for rows in (base, tuned)
            )
            tuned = [replace(row, completion=f"{evil}&", prompt=f"{row.prompt}{evil}", references=(evil,)) for row in tuned]
        write_json(folder / "scores" / f"{level}.json", compare(base, tuned, METRICS, resamples=100, seed=0))
        written[0].extend(base)
        written[1].extend(tuned)
    for model, rows_of_model in zip(("base", "tuned"), written, strict=True):
        write_jsonl(folder / "scores" / f"predictions_{model}.jsonl", rows_of_model)
    return folder


class Page(HTMLParser):
    """What a browser would see: tags in balance, text, ids and everything that could be loaded."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "xlink:href", "action")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_folder(tmp_path_factory.mktemp("runs") / "tk_small")


@pytest.fixture(scope="module")
def html(full: Path) -> str:
    return write_report(full).read_text(encoding="utf-8")


def test_the_page_has_every_section(html: str) -> None:
    page = Page(html)
    headings = re.findall(r"<h[234][^>]*>(.*?)</h[234]>", html)
    for heading in (
        "Trained for",
        "Final loss",
        "Judged on",
        "What was trained",
        "Mixture",
        "Rows read",
        "Training",
        "Scores",
        "Unseen tasks",
    ):
        assert heading in headings, heading
    for heading in ("Before and after", "Recipe", "Environment", "How completions ended", "ROUGE-L by category", "Exact match by category"):
        assert heading in headings, heading
    # Loss and rates; one forest for each of two levels and metric; bars over the levels for each metric.
    assert page.tags.count("svg") == 2 + 2 * len(METRICS) + len(METRICS)
    assert page.tags.count("article") == 20
    assert "tk_small" in re.findall(r"<title>(.*?)</title>", html)[0]
    assert "Not here yet" not in page.text
    for part in (
        "1,204 of 104,000 seen examples overlap",
        "empty output 900",
        "resumed: step 2,000",
        "3,000 steps",
        "49,152,000 tokens",
        "gpu.name",
    ):
        assert part in page.text, part


def test_the_page_shows_the_numbers_of_the_files(full: Path, html: str) -> None:
    numbers = report_json(full)
    overall = numbers["scores"]["unseen"]["overall"]["rouge_l"]
    assert numbers["num_steps"] == 3000
    assert numbers["num_tokens"] == 3000 * 16_384
    assert numbers["seconds"] == 960
    assert numbers["final_loss"] == pytest.approx(1.4, abs=0.2)
    assert numbers["scores"]["unseen"]["num_examples"] == 16 * 12
    assert "tasks" not in numbers["scores"]["unseen"]
    text = Page(html).text
    assert f"{overall['base']['value']:.1f} → {overall['tuned']['value']:.1f}" in text
    assert f"+{overall['difference']['value']:.1f} points" in text
    assert "16 min 0 s" in text
    assert "better than the base model" in text


def test_the_page_loads_nothing(html: str) -> None:
    page = Page(html)
    assert all(target.startswith("#") for target in page.loads)
    assert all(target.startswith("#") for target in re.findall(r"url\(\s*['\"]?(.)", html))
    assert not {"script", "link", "iframe", "object", "embed", "img", "base"} & set(page.tags)
    assert "@import" not in html
    assert set(re.findall(r"https?://[^\s\"'<]+", html)) == {"http://www.w3.org/2000/svg"}  # a name, not an address


def test_ids_are_unique_and_every_link_inside_the_page_arrives(html: str) -> None:
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    targets = [target[1:] for target in page.loads] + re.findall(r"url\(#([^)]*)\)", html)
    assert targets
    assert set(targets) <= set(page.ids)


def test_everything_from_files_is_escaped(tmp_path: Path) -> None:
    evil = write_report(run_folder(tmp_path / "run", EVIL)).read_text(encoding="utf-8")
    page = Page(evil)
    assert "script" not in page.tags
    assert "<script" not in evil
    # task, category, completion, reference, recipe, mixture, leaks, reading, audit, environment, event, plot labels
    assert evil.count("&lt;script&gt;") > 60
    assert page.text.count(EVIL) > 60


def test_a_run_name_cannot_break_out_of_the_page_or_of_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "a <b> & 'c'"
    folder.mkdir()
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "b" not in page.tags
    assert """didact eval 'a <b> & '"'"'c'"'"''""" in page.text


def test_the_same_files_give_the_same_bytes(full: Path) -> None:
    once = write_report(full).read_bytes()
    assert write_report(full).read_bytes() == once


def test_an_empty_folder_says_what_to_type(tmp_path: Path) -> None:
    folder = tmp_path / "early"
    folder.mkdir()
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert page.text.count("Not here yet") == 10  # mixture, rows, leaks, audit, training, two levels, samples, recipe, environment
    for command in ("didact eval early", "didact eval early --on held_in", "didact train RECIPE"):
        assert command in page.text
    assert "svg" not in page.tags
    assert report_json(folder) == {"run": "early", "num_steps": None, "num_tokens": None, "seconds": None, "final_loss": None, "scores": {}}


@pytest.mark.parametrize(
    "missing",
    [
        "recipe.yaml",
        "environment.json",
        "mixture.txt",
        "leaks.json",
        "reading.json",
        "audit.json",
        "metrics.jsonl",
        "scores/unseen.json",
        "scores/predictions_tuned.jsonl",
    ],
)
def test_any_file_may_be_absent(tmp_path: Path, missing: str) -> None:
    folder = run_folder(tmp_path / "run")
    (folder / missing).unlink()
    assert Page(write_report(folder).read_text(encoding="utf-8")).text.count("Not here yet") == 1


def test_one_model_alone_has_a_page_without_differences(tmp_path: Path) -> None:
    _, tuned = predictions("unseen", 3, 4)
    write_json(tmp_path / "scores" / "unseen.json", compare(None, tuned, METRICS, resamples=50, seed=0))
    write_jsonl(tmp_path / "scores" / "predictions_tuned.jsonl", tuned)
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "one model alone" in page.text
    assert "Difference" not in page.text
    assert "Base" not in page.text


def test_a_worse_model_is_called_worse_and_an_unclear_one_unclear(tmp_path: Path) -> None:
    base, tuned = predictions("unseen", 6, 6)
    for before, after, words in ((tuned, base, "worse than the base model"), (base, base, "no clear difference")):
        write_json(tmp_path / "scores" / "unseen.json", compare(before, after, METRICS, resamples=100, seed=0))
        assert words in Page(write_report(tmp_path).read_text(encoding="utf-8")).text


def test_the_final_loss_is_the_mean_of_the_last_tenth(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "metrics.jsonl", [{"step": step, "loss": float(100 - step)} for step in range(1, 41)])
    assert report_json(tmp_path)["final_loss"] == 61.5  # (63 + 62 + 61 + 60) / 4


def test_a_step_done_twice_counts_as_done_last(tmp_path: Path) -> None:
    rows = [{"step": step, "loss": loss, "num_tokens": step} for step, loss in ((1, 4.0), (2, 9.0), (2, 2.0))]
    write_jsonl(tmp_path / "metrics.jsonl", rows)
    assert report_json(tmp_path)["final_loss"] == 2.0  # of two logged steps the last one
    assert "2 steps" in Page(write_report(tmp_path).read_text(encoding="utf-8")).text


def test_samples_are_spread_over_tasks_and_do_not_depend_on_order() -> None:
    rows = [{"task": f"t{task}", "example": str(i), "template": "d", "level": "unseen"} for task in range(3) for i in range(10)]
    chosen = samples(rows, rows, 7)
    assert sorted([row["tuned"]["task"] for row in chosen].count(f"t{task}") for task in range(3)) == [2, 2, 3]
    assert samples(rows[::-1], rows[::-1], 7) == chosen
    assert all(row["base"] == row["tuned"] for row in chosen)
    assert len(samples([], rows, 100)) == 30
    held_in = [{**row, "level": "held_in"} for row in rows]
    assert {row["tuned"]["level"] for row in samples([], held_in + rows, 60)} == {"unseen"}
    assert len(samples([], held_in, 5)) == 5


def test_wrong_folders_and_torn_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such run folder"):
        write_report(tmp_path / "nothing")
    write_text(tmp_path / "leaks.json", "{")
    with pytest.raises(DataError, match=r"(?s)not JSON.*leaks\.json"):
        write_report(tmp_path)


def test_without_matplotlib_the_error_ends_with_what_to_type(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(PrerequisiteError, match=r"pip install 'didact\[report\]'"):
        write_report(full)


def test_plots_are_the_same_twice_and_take_their_colours_from_the_page() -> None:
    rows = [{"step": step, "loss": 1 / step, "learning_rate": 0.1} for step in range(1, 2000)]
    svg = plots.loss_curve(rows)
    assert plots.loss_curve(rows) == svg
    assert "var(--tuned, #0b63b5)" in svg
    assert "nats per trained token" in svg
    assert svg.count("\nL ") < 3000  # 1,999 logged steps twice, thinned
    assert "gradient norm" not in plots.rates(rows)
    assert plots.rates([{"step": 1}]) == ""


FIVE = ("unseen_instances", "unseen_templates", "unseen_compositions", "unseen_relation", "unseen_family")


def test_five_levels_have_one_overview_and_headings_in_the_order_of_their_distance_from_training(tmp_path: Path) -> None:
    for number, level in enumerate(reversed(FIVE)):
        base, tuned = predictions(level, 3, 4)
        score = 20.0 * number  # 0 for the farthest, 80 for the nearest
        tuned = [replace(row, scores={"rouge_l": 50.0, "exact_match": score}) for row in tuned]
        write_json(tmp_path / "scores" / f"{level}.json", compare(base, tuned, METRICS, resamples=50, seed=0))
    html = write_report(tmp_path).read_text(encoding="utf-8")
    page = Page(html)
    headings = [re.search(rf"{level.replace('_', ' ').capitalize()} \(", page.text) for level in FIVE]
    places = [found.start() for found in headings if found]
    assert len(places) == 5 and places == sorted(places)
    assert page.tags.count("svg") == (5 + 1) * len(METRICS)  # a forest for each level and metric, and one plot over the levels
    table = html.split("<h4>Exact match at each level</h4>")[1].split("</table>")[0]
    assert re.findall(r'<th scope="row">(unseen [a-z]+)</th>', table) == [level.replace("_", " ") for level in FIVE]
    assert re.findall(r'class="n tuned">([\d.]+)<', table) == ["80.0", "60.0", "40.0", "20.0", "0.0"]
    assert "--on" not in page.text  # nothing is asked for besides
    assert report_json(tmp_path)["scores"].keys() == set(FIVE)


def test_one_level_alone_has_no_overview_and_one_model_alone_has_bars_of_its_own(tmp_path: Path) -> None:
    _, tuned = predictions("unseen", 3, 4)
    write_json(tmp_path / "scores" / "unseen.json", compare(None, tuned, METRICS, resamples=50, seed=0))
    assert "at each level" not in write_report(tmp_path).read_text(encoding="utf-8")
    score = {"value": 40.0, "low": 40.0, "high": 45.0}
    svg = plots.level_bars([{"label": "a", "num_examples": 3, "tuned": score}], "ROUGE-L (points)")
    assert "tuned model with 95 % intervals" in svg and "base" not in svg


def test_samples_come_from_every_unseen_level(tmp_path: Path) -> None:
    rows = [{"task": level, "example": str(i), "level": level} for level in (*FIVE, "held_in") for i in range(3)]
    assert {row["tuned"]["level"] for row in samples([], rows, 5)} == set(FIVE)


def test_a_plot_label_is_text_and_nothing_else() -> None:
    score = {"value": 40.0, "low": 30.0, "high": 45.0}
    svg = plots.forest([{"label": "<b> & $x^2$ 中文 url(#a", "num_examples": 1200, "tuned": score}], "ROUGE-L (points)")
    assert "&lt;b&gt; &amp; $x^2$ 中文 url(#a  (1,200)" in svg


def test_the_average_keeps_straight_lines_and_quiets_noise() -> None:
    line = [10 - 0.05 * step for step in range(100)]
    assert plots.smoothed(line) == pytest.approx(line)  # a window that looked back only would lag behind
    zigzag = [(-1.0) ** step for step in range(100)]
    assert max(abs(value) for value in plots.smoothed(zigzag)[2:-2]) == pytest.approx(1 / 5)  # five values: +1 -1 +1 -1 +1
    assert plots.smoothed([]) == []
