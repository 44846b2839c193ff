"""The rows of the tuning benchmarks: real Alpaca and SuperNI rows, worded and tokenised once by didact, read by every system.

A row is {"ids": [...], "roles": [...]}, role 1 for the prompt and 2 for the response, as `didact.data.tokens` has them.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

IGNORE = -100
Row = dict[str, list[int]]
SOURCES = {
    "alpaca": ({"name": "alpaca", "reader": "alpaca", "path": "alpaca/alpaca_data_random_9k.json"}, "alpaca/standard"),
    "superni": ({"name": "superni", "reader": "superni", "path": "superni"}, "tk/def_pos_2"),
}
"""The data set, and its own prompt."""


def write_rows(name: str, shared: Path, file: Path, number: int, max_length: int = 1024) -> Path:
    """Returns a file of a data set's first rows in the order that didact draws them; it is made where it is not there."""
    if file.is_file():
        return file
    from didact.assemble import Assembly
    from didact.base.recipe import ModelSection, Recipe
    from didact.models.load import load_tokeniser

    source, template = SOURCES[name]
    tokeniser, _ = load_tokeniser(ModelSection(base=str(tokenizer_in(shared))), "plain", list)
    settings = {
        "tasks": {"sources": [{**source, "path": str(shared / source["path"])}]},
        "mixture": {"cap": 40} if name == "superni" else {},
        "prompts": {"templates": [template], "chat_format": "plain", "max_prompt_length": 768},
        "sequence": {"max_length": max_length},
    }
    assembly = Assembly(Recipe.model_validate(settings), given=tokeniser)
    made = tokeniser.tokenise(assembly.stream.conversations(0, most=number), max_length)
    lines = [json.dumps({"ids": row.input_ids.tolist(), "roles": row.roles.tolist()}) for row in made if row is not None]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
    return file


def tokenizer_in(shared: Path) -> Path:
    """Returns the folder of GPT-2's tokenizer."""
    return shared / "models" / "tokenizers" / "gpt2"


def steps_of(spec: dict[str, Any]) -> list[list[list[Row]]]:
    """Returns the steps of a run: each some lines for the model, each of them a row, or as many as fit into `pack` tokens, in order.

    The ids of a shape with fewer tokens are taken modulo their number: what they mean does not matter to a model of random weights.
    """
    lines = list[list[Row]]()
    for text in Path(spec["rows"]).read_text().splitlines():
        row = json.loads(text)
        row["ids"] = [number % spec["vocabulary"] for number in row["ids"]]
        if lines and sum(len(other["ids"]) for other in lines[-1]) + len(row["ids"]) <= spec["pack"]:
            lines[-1].append(row)
        else:
            lines.append([row])
    size = spec["rows_per_step"]
    return [lines[start : start + size] for start in range(0, spec["num_steps"] * size, size)]


def labels_of(row: Row, prompt_weight: float) -> list[int]:
    """Returns the tokens that are trained on, and -100 for the others. Nothing predicts a row's first token.

    >>> labels_of({"ids": [7, 8, 9], "roles": [1, 1, 2]}, 1.0), labels_of({"ids": [7, 8, 9], "roles": [1, 1, 2]}, 0.0)
    ([-100, 8, 9], [-100, -100, 9])
    """
    trained = (1, 2) if prompt_weight else (2,)
    pairs = zip(row["ids"], row["roles"], strict=True)
    return [number if place and role in trained else IGNORE for place, (number, role) in enumerate(pairs)]


def columns_of(line: Sequence[Row], prompt_weight: float) -> dict[str, list[int]]:
    """Returns a line as trainers take it: the rows behind one another, and how long each is."""
    return {
        "input_ids": [number for row in line for number in row["ids"]],
        "labels": [label for row in line for label in labels_of(row, prompt_weight)],
        "seq_lengths": [len(row["ids"]) for row in line],
    }


def num_supervised(steps: Sequence[Sequence[Sequence[Row]]], prompt_weight: float) -> int:
    """Returns how many tokens the steps train on."""
    return sum(label != IGNORE for step in steps for line in step for row in line for label in labels_of(row, prompt_weight))
