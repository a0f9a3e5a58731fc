import json

from bench.import_csv import main


def test_the_last_line_says_what_an_import_takes(capsys):
    main(["--rows", "2000"])
    result = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert result["command"] == "python -m bench.import_csv --rows 2000"
    assert (result["rows"], result["megabytes"]) == (2000, 0)
    assert min(result["cpu_seconds"], result["peak_gb"]) > 0
