"""Which ratio is chosen from the trials: means and noise by hand."""

import pytest

from didact.train.choose_weight import Trial, decide


def trials(table):
    """Ratio to (nats, score) of each of its runs."""
    return [Trial(ratio, seed, *run) for ratio, runs in table.items() for seed, run in enumerate(runs)]


def test_the_noise_is_the_spread_between_runs_of_one_ratio_pooled_over_the_ratios():
    """1.0 and 1.2 have the variance 0.02, 2.0 and 2.4 have 0.08: pooled √0.05; scores 10, 14 and 20, 20: √((8 + 0) / 2) = 2."""
    choice = decide(trials({0: [(1.0, 10.0), (1.2, 14.0)], 1: [(2.0, 20.0), (2.4, 20.0)]}))
    assert choice.noise_nats == pytest.approx(0.05**0.5)
    assert choice.noise_score == pytest.approx(2.0)


def test_a_larger_ratio_that_wins_by_less_than_the_noise_does_not_win():
    """Means 2.00 and 1.95, noise 0.1 (variance 0.01): 2.00 is within 1.95 + 0.1."""
    half = 0.1 / 2**0.5
    choice = decide(trials({0: [(2.0 - half, 50.0), (2.0 + half, 50.0)], 0.1: [(1.95 - half, 50.0), (1.95 + half, 50.0)]}))
    assert choice.noise_nats == pytest.approx(0.1)
    assert (choice.ratio, choice.prompt_weight) == (0, 0)
    assert "the noise does not tell" in choice.reason


def test_one_that_wins_by_more_does_and_brings_the_response_weight():
    choice = decide(trials({0: [(2.0, 40.0), (2.02, 41.0)], 0.25: [(1.5, 60.0), (1.52, 61.0)]}), response_weight=0.8)
    assert (choice.ratio, choice.prompt_weight) == (0.25, 0.2)
    assert choice.reason == "0.25 is the best by more than the noise"


def test_a_ratio_has_to_be_near_the_best_in_the_metric_too():
    """All three are equal in nats; by the metric 0 is far behind, and 0.1 is within the noise of 1."""
    choice = decide(trials({0: [(2.0, 10.0), (2.0, 12.0)], 0.1: [(2.0, 49.0), (2.0, 51.0)], 1: [(2.0, 50.0), (2.0, 52.0)]}))
    assert choice.ratio == 0.1


def test_where_none_is_near_in_both_nats_decide():
    choice = decide(trials({0: [(3.0, 90.0), (3.0, 90.0)], 1: [(2.0, 10.0), (2.0, 10.0)]}))
    assert choice.ratio == 1
    assert choice.reason.startswith("no ratio is near the best in both")


def test_the_order_of_the_trials_changes_nothing_and_the_table_says_what_was_chosen():
    given = trials({0: [(2.0, 10.0), (2.1, 12.0)], 0.1: [(1.0, 49.0), (1.1, 51.0)]})
    choice = decide(given, metric="rouge_l", tasks=["a", "b"])
    assert decide(given[::-1], metric="rouge_l", tasks=["a", "b"]).rows == choice.rows
    lines = choice.lines()
    assert "2 validation tasks" in lines[0]
    assert [line.split() for line in lines[2:5]] == [
        ["0", "2.0500-", "11.00-"],
        ["0.1", "1.0500", "50.00", "chosen"],
        ["noise", "0.0707", "1.41"],
    ]
    assert lines[-1].startswith("objective.prompt_weight=0.1: ")
