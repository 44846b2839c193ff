"""Imports go only downward, siblings meet through files, and every file stays small and says what it is."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
FILES = sorted((SOURCE / "didact").rglob("*.py"))
FLOORS = [
    {"base"},
    {"tasks"},
    {"prompts"},
    {"data"},
    {"models"},
    {"train", "evals", "synth", "align"},
    {"run", "assemble"},
    {"choose", "questions", "run_models", "score_files"},
    {"judging", "answering", "unread"},
    {"jobs"},
    {"studies"},
    {"apps"},
]
WITHOUT_TORCH = {"base", "tasks", "prompts", "data"}
IMPORT_NAMES = {"pyyaml": "yaml", "protobuf": "google"}


def floor_of(package: str) -> int:
    """The number of a package's floor; `didact` itself and `python -m didact` stand above all."""
    return next((number for number, packages in enumerate(FLOORS) if package in packages), len(FLOORS))


def package_of(module: str) -> str:
    """`didact.tasks.task` is in `tasks`."""
    return module.split(".")[1] if module.count(".") else ""


def imports(tree: ast.AST, module: str, only_when_loaded: bool = False) -> Iterator[tuple[int, str]]:
    """Every imported module with its line; only those that run when the module is loaded, if so asked."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            stem = [*module.split(".")[: -node.level], node.module or ""] if node.level else [node.module or ""]
            base = ".".join(part for part in stem if part)
            # `from didact.models import load` may name a module as well as an attribute.
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif only_when_loaded and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _for_types_only(node)):
            continue
        else:
            yield from imports(node, module, only_when_loaded)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def wrong_imports(text: str, module: str) -> list[str]:
    """Every upward or sideways import, and every torch below the floor where it begins, as `line: what`."""
    tree, here, problems = ast.parse(text), package_of(module), []
    for line, name in imports(tree, module):
        there = package_of(name)
        if name.split(".")[0] != "didact" or here == there or here in ("", "__main__", "__init__"):
            continue
        if name == "didact.__version__":
            continue
        if floor_of(there) > floor_of(here):
            problems.append(f"{module}:{line} imports {name}: upward")
        elif floor_of(there) == floor_of(here):
            problems.append(f"{module}:{line} imports {name}: sideways")
    if here in WITHOUT_TORCH:
        for line, name in imports(tree, module, only_when_loaded=True):
            if name.split(".")[0] in ("torch", "transformers"):
                problems.append(f"{module}:{line} loads {name.split('.')[0]} below floor 4")
    return sorted(set(problems))


def module_of(path: Path) -> str:
    parts = list(path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


@pytest.mark.parametrize(
    ("module", "line", "expected"),
    [
        ("didact.tasks.x", "from didact.models import load", ["didact.tasks.x:1 imports didact.models.load: upward"]),
        ("didact.tasks.x", "import didact.run", ["didact.tasks.x:1 imports didact.run: upward"]),
        ("didact.evals.x", "from didact.train.loss import f", ["didact.evals.x:1 imports didact.train.loss.f: sideways"]),
        ("didact.base.x", "def f():\n    from didact.apps import cli", ["didact.base.x:2 imports didact.apps.cli: upward"]),
        ("didact.base.x", "from ..run import Run", ["didact.base.x:1 imports didact.run.Run: upward"]),
        ("didact.data.x", "import torch.nn", ["didact.data.x:1 loads torch below floor 4"]),
        ("didact.data.x", "try:\n    from transformers import A\nexcept E: pass", ["didact.data.x:2 loads transformers below floor 4"]),
        ("didact.data.x", "from didact import Mixture", ["didact.data.x:1 imports didact.Mixture: upward"]),
        ("didact.data.x", "def f():\n    import torch", []),
        ("didact.data.x", "if TYPE_CHECKING:\n    from transformers import A", []),
        ("didact.data.x", "from didact.base.errors import DidactError\nfrom .tokens import f", []),
        ("didact.studies.x", "from didact.evals.unseen import f\nfrom didact.run import Run", []),
        ("didact.apps.cli", "from didact import __version__", []),
        ("didact.run", "from didact.train import loop", []),
        ("didact.__init__", "from didact.apps import cli", []),
    ],
)
def test_the_rules_find_what_they_are_for(module, line, expected):
    assert wrong_imports(line, module) == expected


def test_imports_go_only_downward():
    assert len(FILES) > 10
    assert [problem for path in FILES for problem in wrong_imports(path.read_text(encoding="utf-8"), module_of(path))] == []


def test_every_package_stands_on_a_floor():
    packages = {module_of(path).split(".")[1] for path in FILES} - {"__init__", "__main__"}
    assert {package for package in packages if floor_of(package) == len(FLOORS)} == set()


def test_every_module_says_what_it_is():
    assert [str(path.relative_to(ROOT)) for path in FILES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))] == []


def test_no_file_is_longer_than_350_lines():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > 350} == {}


def test_every_import_from_elsewhere_is_declared_and_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(line for lines in project["optional-dependencies"].values() for line in lines)]
    declared = {re.match(r"[\w.-]+", line)[0].lower() for line in asked} - {"didact"}
    imported = {name.split(".")[0] for path in FILES for _, name in imports(ast.parse(path.read_text()), module_of(path))}
    foreign = imported - sys.stdlib_module_names - {"didact"}
    assert len(foreign) > 2
    undeclared = foreign - {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in declared}
    assert undeclared == {"triton"}, "it comes with torch's builds for GPUs, each with its own; without it nothing is lost but speed"
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    assert declared - pinned == {"vllm"}, "it brings the torch that it was built for: an environment of its own"
