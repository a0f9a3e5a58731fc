import json

from bench.intervals import main
from smo_pipelines.stats.metrics import METRICS


def test_the_last_line_says_how_long_and_how_many_got_a_number(capsys):
    main(["--quick", "--items", "1200", "--runs", "20"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"ms_one_metric", "s_table"} <= set(found)
    assert (found["items"], found["runs"]) == (600, 4)
    assert found["questions"] >= (len(METRICS) + 3) * 30
    assert 0 < found["with_a_number"] < found["questions"]  # a slice of sixty items has no recall at 1% FPR
