import json

from bench.root_cause import main


def test_the_planted_part_is_found_and_the_part_with_the_most_flips_is_another(capsys):
    main(["--draws", "1"])
    result = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert (result["draws"], result["planted_found"], result["flips_baseline_found"]) == (1, 1.0, 0.0)
    assert result["flips_decoy"] >= 2 * result["flips_planted"]
    assert result["flips_null"] > 0  # a part without flips would have no share by construction
    assert result["share_planted"] > 3 * abs(result["share_null"])
