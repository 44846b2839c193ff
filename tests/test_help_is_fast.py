"""`didact --help` answers at once: it loads nothing heavy."""

import subprocess
import sys

HEAVY = {"torch", "transformers", "numpy", "scipy", "nltk", "accelerate", "tokenizers", "safetensors", "datasets", "pyarrow", "pandas"}


def loaded(*arguments: str) -> tuple[set[str], str]:
    """The top-level packages that a fresh interpreter loads for `python ARGUMENTS`, and what it prints."""
    done = subprocess.run([sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert done.returncode == 0, [line for line in done.stderr.splitlines() if line not in lines]
    return {line.rpartition("|")[2].strip().split(".")[0] for line in lines}, done.stdout


def test_the_way_we_look_sees_a_heavy_import():
    assert "numpy" in loaded("-c", "import numpy.linalg")[0] & HEAVY


def test_help_loads_nothing_heavy():
    packages, shown = loaded("-m", "didact", "--help")
    assert "train" in shown
    assert packages & HEAVY == set()
