import json

from bench.truth import main


def test_the_last_line_holds_the_effect_with_its_monte_carlo_error(capsys):
    main(["--redraws", "4", "--train", "300", "--benchmark", "400"])
    result = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    effect = result["truth"]["effect_ap_new_gold"]
    assert effect["mean"] > 3 * effect["mc_error"] > 0  # the planted cause moves the model
    assert result["command"] == "python -m bench.truth --redraws 4 --train 300 --benchmark 400"
    assert abs(result["truth"]["flip_share_other"]["mean"]) < result["truth"]["flip_share_planted"]["mean"]
