"""The plan's memory against the resident memory of a process that trains: three recipes, each within 15 per cent.

`make bench-forecast` does the same over forty steps, and looks at the time, too.
"""

from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import bench_forecast

    return bench_forecast


@pytest.mark.slow
@pytest.mark.parametrize("name", ["decoder", "encoder-decoder", "adapter"])
def test_the_plan_is_within_fifteen_per_cent_of_what_a_training_takes(name: str, bench: Any, tmp_path: Path, monkeypatch) -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the system does not tell the largest size of a process, or does not set it back")
    monkeypatch.setenv("DIDACT_RUNS", str(tmp_path / "runs"))
    settings = [*bench.settings_of(name, tmp_path), "train.max_steps=3", "train.precision=fp32"]
    found = bench.told(bench.TRAIN, tmp_path, bench.write(tmp_path, 300), settings)
    assert found["needed"] == pytest.approx(found["peak"], rel=0.15)
