"""Hand-written rows in the shape of every data set of the catalogue: row `n` asks `Qn` and answers `An`.

Values are ours; columns, nesting and marks are those of the files that the catalogue names.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

ALPACA = {"instruction": "Q{n}", "input": "for {n}", "output": "A{n}"}
MESSAGES = [{"role": "user", "content": "Q{n}"}, {"role": "assistant", "content": "A{n}"}]
SHAREGPT = [{"from": "human", "value": "Q{n}"}, {"from": "gpt", "value": "A{n}"}]
FLAN = {"inputs": "Q{n}", "targets": "A{n}", "task_source": "Flan2021", "task_name": "glue/cola:2.0.0", "template_type": "zs_opt"}
OASST = {"lang": "en", "review_count": 3, "deleted": False, "synthetic": False, "tree_state": "ready_for_export"}
OASST_ROWS = [
    {**OASST, "message_id": "r{n}", "parent_id": None, "text": "Q{n}", "role": "prompter", "rank": None, "message_tree_id": "r{n}"},
    {**OASST, "message_id": "b{n}", "parent_id": "r{n}", "text": "worse", "role": "assistant", "rank": 1, "message_tree_id": "r{n}"},
    {**OASST, "message_id": "a{n}", "parent_id": "r{n}", "text": "A{n}", "role": "assistant", "rank": 0, "message_tree_id": "r{n}"},
    {**OASST, "message_id": "u{n}", "parent_id": "a{n}", "text": "and?", "role": "prompter", "rank": 0, "message_tree_id": "r{n}"},
]
OASST_TREE = {**OASST_ROWS[0], "replies": [{**OASST_ROWS[1], "replies": []}, {**OASST_ROWS[2], "replies": [OASST_ROWS[3]]}]}
INSTANCE = {"instruction_with_input": "Q{n}\n{n}", "input": "{n}", "constraints": "None.", "output": "A{n}"}
REFORMULATION = {"instruction": "Do Q{n} with {INPUT}", "instruction_with_input": "Do Q{n} with {n}", "input": "{n}", "output": "A{n}"}
NECTAR_ANSWERS = [{"answer": "worse", "model": "b", "rank": 2.0}, {"answer": "A{n}", "model": "a", "rank": 1.0}]
FEEDBACK = [
    {"annotations": {}, "model": "b", "response": "worse", "fine-grained_score": 2.5, "overall_score": 10.0, "critique": "vague"},
    {"annotations": {}, "model": "a", "response": "A{n}", "fine-grained_score": 4.75, "overall_score": 8.0, "critique": "fine"},
]
HH = "\n\nHuman: hello\n\nAssistant: hi\n\nHuman: Q{n}\n\nAssistant: "
COIG = {"subject": "history", "textbox_q_instruction": "Q{n}", "textbox_q_context": "once", "textbox_question": "when?"}
COIG_ANSWER = {"textbox_answer": "A{n}", "textbox_answer_analysis": "so it is"}
OPENCODE = {"id": "c{n}", "domain": "generic", "generation_algorithm": "evol-instruct", "unit_tests": "[]", "average_test_score": "1"}

SHAPES: dict[str, Any] = {
    "unifiedskg": {"text_in": "Q{n}", "struct_in": "col : a | b", "seq_out": "A{n}"},
    "superni_rows": {"task_name": "task1", "id": "task1-{n}", "definition": "Q{n}", "inputs": "i", "targets": "A{n}"},
    "p3": {"inputs": [3, 1], "inputs_pretokenized": "Q{n}", "targets": [7], "targets_pretokenized": "\nA{n}"},
    "xp3": {"inputs": "Q{n}", "targets": "A{n}"},
    **dict.fromkeys(("flan2021", "flan_t0", "flan_niv2", "flan_cot", "flan_dialog"), FLAN),
    "coig": {**COIG, **COIG_ANSWER},
    "coig_translated": {**ALPACA, "trans_instruction": "Q{n}", "trans_input": "", "trans_output": "A{n}", "instruction": "English"},
    "dolly": {"instruction": "Q{n}", "context": "once", "response": "A{n}", "category": "closed_qa"},
    "lima": {"conversations": ["Q{n}", "A{n}"], "source": "stackexchange"},
    **dict.fromkeys(("oasst1", "oasst2"), OASST_ROWS),
    "oasst1_trees": {"message_tree_id": "r{n}", "tree_state": "ready_for_export", "prompt": OASST_TREE},
    "no_robots": {"prompt": "Q{n}", "prompt_id": "p{n}", "messages": MESSAGES, "category": "Open QA"},
    "aya": {"inputs": "Q{n}", "targets": "A{n}", "language": "Yoruba", "language_code": "yor", "annotation_type": "original-annotations"},
    "aya_collection": {
        "id": "{n}",
        "inputs": "Q{n}",
        "targets": "A{n}",
        "dataset_name": "Dolly-v2 (T)",
        "language": "eng",
        "split": "train",
    },
    **dict.fromkeys(("self_instruct", "alpaca_cleaned", "gpt4_llm", "gpt4_llm_zh", "instructwild_en", "instructwild_zh"), ALPACA),
    **dict.fromkeys(("logicot", "guanaco", "belle", "codealpaca"), ALPACA),
    "self_instruct_prompts": {"prompt": "Task: Q{n}\nOutput:", "completion": " A{n}<|endoftext|>"},
    "self_instruct_seeds": {
        "id": "seed_task_{n}",
        "name": "one",
        "instruction": "Q{n}",
        "instances": [{"input": "", "output": "A{n}"}],
        "is_classification": False,
    },
    "unnatural_instructions": {"instruction": "Q{n}", "instances": [INSTANCE], "reformulations": [REFORMULATION]},
    "alpaca": {**ALPACA, "text": "Below is an instruction ... Q{n} ... A{n}"},
    "evol_instruct": {"instruction": "Q{n}", "output": "A{n}"},
    "evol_instruct_v2": {"idx": "x{n}", "conversations": SHAREGPT},
    "lamini": {"instruction": "Q{n}", "response": "A{n}", "instruction_source": "alpaca"},
    "gpteacher": {"instruction": "Q{n}", "input": "", "response": "A{n}"},
    "bactrian_x": {**ALPACA, "id": "alpaca-{n}"},
    "open_platypus": {**ALPACA, "data_source": "scibench"},
    "open_orca": {"id": "niv.{n}", "system_prompt": "Explain.", "question": "Q{n}", "response": "A{n}"},
    "slim_orca": {"conversations": [{"from": "system", "value": "Explain.", "weight": None}, {**SHAREGPT[0], "weight": 0.0}, SHAREGPT[1]]},
    "sharegpt_vicuna": {"id": "s{n}_0", "conversations": SHAREGPT},
    "sharegpt": {"id": "s{n}", "conversations": SHAREGPT},
    "baize": {
        "topic": "one",
        "input": "The conversation between human and AI assistant.\n[|Human|] hello\n[|AI|] hi\n[|Human|] Q{n}\n[|AI|] A{n}\n[|Human|] ",
    },
    "oig": {"text": "<human>: Q{n}\n<bot>: A{n}", "metadata": {"source": "unified_chip2"}},
    "ultrachat": {"id": "{n}", "data": ["hello", "hi", "Q{n}", "A{n}"]},
    "ultrachat_200k": {"prompt": "Q{n}", "prompt_id": "p{n}", "messages": MESSAGES},
    "wildchat": {
        "conversation_hash": "h{n}",
        "model": "gpt-4-0314",
        "conversation": [{**turn, "language": "English", "redacted": False, "toxic": False} for turn in MESSAGES],
        "turn": 1,
        "toxic": False,
    },
    "lmsys_chat_1m": {"conversation_id": "c{n}", "model": "vicuna-13b", "conversation": MESSAGES, "turn": 1, "redacted": False},
    "capybara": {"source": "TheoremQA", "conversation": [{"input": "hello", "output": "hi"}, {"input": "Q{n}", "output": "A{n}"}]},
    "magpie_pro": {"uuid": "m{n}", "instruction": "Q{n}", "response": "A{n}", "conversations": SHAREGPT, "quality": "good"},
    "openhermes": {"conversations": SHAREGPT, "source": "airoboros2.2", "category": "orca", "system_prompt": None},
    "openthoughts": {
        "system": "Think first.",
        "conversations": [{"from": "user", "value": "Q{n}"}, {"from": "assistant", "value": "<think>hm</think> A{n}"}],
    },
    "infinity_instruct": {"id": "i{n}", "conversations": SHAREGPT, "label": {"ability_en": []}, "source": "code"},
    "tulu_2": {"dataset": "lima", "id": "t{n}", "messages": MESSAGES},
    "tulu_3": {"id": "t{n}", "messages": MESSAGES, "source": "ai2-adapt-dev/flan_v2_converted"},
    "smoltalk": {"messages": MESSAGES, "source": "everyday-conversations"},
    "evol_code": {"instruction": "Q{n}", "output": "A{n}"},
    "magicoder_oss": {"lang": "python", "raw_index": 1, "index": 1, "seed": "def f():", "problem": "Q{n}", "solution": "A{n}"},
    "magicoder_evol": {"instruction": "Q{n}", "response": "A{n}"},
    "opencodeinstruct": {**OPENCODE, "input": "Q{n}", "output": "A{n}"},
    "metamathqa": {"type": "GSM_SV", "query": "Q{n}", "original_question": "why?", "response": "A{n}"},
    "numinamath_cot": {"source": "synthetic_math", "problem": "Q{n}", "solution": "A{n}", "messages": MESSAGES},
    "openmathinstruct_2": {"problem": "Q{n}", "generated_solution": "A{n}", "expected_answer": "7", "problem_source": "augmented_math"},
    "orca_math": {"question": "Q{n}", "answer": "A{n}"},
    "nectar": {"prompt": HH, "answers": NECTAR_ANSWERS, "turns": 2, "num_responses": 2, "source": ["anthropic-hh"], "good_natured": True},
    "ultrafeedback": {"source": "sharegpt", "instruction": "Q{n}", "models": ["a", "b"], "completions": FEEDBACK, "correct_answers": ["x"]},
    "ultrafeedback_binarized": {"prompt": "Q{n}", "chosen": MESSAGES, "rejected": [], "messages": MESSAGES, "score_chosen": 9.0},
    "hh_rlhf": {"chosen": HH + "A{n}", "rejected": HH + "worse"},
    "helpsteer2": {"prompt": "Q{n}", "response": "A{n}", "helpfulness": 3, "correctness": 4},
    "spin": {"real": MESSAGES, "generated": [MESSAGES[0], {"role": "assistant", "content": "worse"}]},
}
"""Data sets that come as rows; `{n}` stands for the number of the row, a list for several rows."""

TABLES = {
    "unifiedqa": 'Q{n}? \\n (A) yes (B) no \\n Once a "cat" sat.\tA{n}\n',
    "flan_rationales": '"Q{n}?" they said\tA{n}\tBecause of {n}.\n',
}
"""Data sets that come as tables without a header: a line of each."""

TASK_FILES: dict[str, Callable[[int], dict[str, Any]]] = {
    "superni": lambda n: {
        "Definition": [f"Do {n}."],
        "Categories": ["Counting"],
        "Positive Examples": [{"input": "1", "output": "one", "explanation": "A word."}],
        "Negative Examples": [],
        "Instances": [{"id": f"task{n}-1", "input": f"Q{n}", "output": [f"A{n}"]}],
    },
    "natural_instructions_v1": lambda n: {
        "Title": "Counting",
        "Prompt": "Write a word.",
        "Definition": f"Do {n}.",
        "Things to Avoid": "-",
        "Emphasis & Caution": "Small letters.",
        "Examples": {
            "Positive Examples": [{"input": "1", "output": "one", "reason": "A word.", "suggestion": "-"}],
            "Negative Examples": ["-"],
        },
        "Instances": [{"input": f"Q{n}", "output": [f"A{n}"]}],
    },
}
"""Data sets that come as one file a task."""

NAMES = {*SHAPES, *TABLES, *TASK_FILES}


def filled(shape: Any, n: int) -> Any:
    """Returns a shape with the number in it."""
    if isinstance(shape, dict):
        return {key: filled(value, n) for key, value in shape.items()}
    return (
        [filled(part, n) for part in shape]
        if isinstance(shape, list)
        else shape.replace("{n}", str(n))
        if isinstance(shape, str)
        else shape
    )


def written(name: str, folder: Path) -> Path:
    """Writes rows 1 and 2 of a data set as its files have them; returns the path that a user would give."""
    if name in TABLES:
        path = folder / "rows.tsv"
        path.write_text("".join(filled(TABLES[name], n) for n in (1, 2)), encoding="utf-8")
        return path
    if name in TASK_FILES:
        (folder / "tasks").mkdir()
        for n in (1, 2):
            (folder / "tasks" / f"task{n}.json").write_text(json.dumps(TASK_FILES[name](n)), encoding="utf-8")
        return folder
    rows = [row for n in (1, 2) for row in (filled(SHAPES[name], n) if isinstance(SHAPES[name], list) else [filled(SHAPES[name], n)])]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
