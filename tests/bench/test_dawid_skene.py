import json

from bench.crowds import strict_and_lenient_crowd
from bench.dawid_skene import main


def test_the_last_line_compares_both_sides(capsys, monkeypatch):
    monkeypatch.setattr("bench.dawid_skene.CROWDS", {"strict_and_lenient": strict_and_lenient_crowd})  # each takes two processes
    main(["--ratings", "6000", "--raters", "30", "--iterations", "8"])
    result = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert result["ratings"] == 6000
    assert result["max_abs_diff"] < 1e-6
    assert result["ratio_vs_crowdkit"] == min(row["ratio"] for row in result["crowds"].values())
    assert 0 < result["peak_gb"] < result["peer_peak_gb"]
    assert all(1 < row["iterations"] <= 8 for row in result["crowds"].values())
