import json

from bench.metrics import main


def test_the_last_line_compares_the_three_sides_on_equal_numbers(capsys):
    main(["--items", "600", "--runs", "2", "--slices", "9"])
    result = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert (result["metrics"], result["sklearn_metrics"]) == (17, 9)
    assert 0 <= result["max_abs_diff_pure"] < 1e-12
    assert 0 <= result["max_abs_diff_sklearn"] < 1e-12
    assert result["ratio_vs_sklearn"] > 0
