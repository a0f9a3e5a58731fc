import numpy as np
import pytest

from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.errors import CannotEstimate
from smo_pipelines.stats.change_point import ChangePoint, change_point
from smo_pipelines.stats.episodes import watch
from smo_pipelines.stats.sequential import Watch, fold

NIGHTS = 365


def world(seed, *, level=0.0, years=1, nights=NIGHTS, blessed=20):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(years, blessed)), rng.normal(size=(years, nights)) + level, rng.uniform(1e-9, 1.0, size=(years, nights))


def dropped(size, at, nights=NIGHTS):
    return np.where(np.arange(nights) < at, 0.0, -size)


def by_hand(blessed, nights, uniforms, margin):
    """The statistic as its formula says it, one night and one bet at a time."""
    from scipy.stats import norm

    reference, ceiling, sums, found = list(blessed), np.quantile(blessed, 0.25), [0.0] * 4, []
    for value, u in zip(nights, uniforms, strict=True):
        y = value + margin
        p = (sum(r < y for r in reference) + u * (sum(r == y for r in reference) + 1)) / (len(reference) + 1)
        bets = [np.exp(-size * norm.ppf(p) - size**2 / 2) for size in (0.5, 1.0, 1.5, 2.0)]
        sums = [(s + 1) * bet for s, bet in zip(sums, bets, strict=True)]
        found.append(np.mean(sums))
        reference.append(min(y, ceiling))
    return found


def test_the_statistic_is_that_of_its_formula():
    blessed, nights, uniforms = world(3, nights=60)
    found = fold(blessed, nights, uniforms, Watch(margin=0.5))
    np.testing.assert_allclose(found.statistic[0], by_hand(blessed[0], nights[0], uniforms[0], 0.5), rtol=1e-9)


def test_ties_are_broken_by_the_nights_own_number():
    found = fold(np.full((1, 19), 0.5), np.array([[0.5]]), np.array([0.25]), Watch(margin=0.0))
    assert found.p[0, 0] == pytest.approx(0.25)  # (0 below + 0.25 x (19 equal + 1)) / 20


def test_values_that_differ_in_their_last_bit_are_tied():
    assert 0.1 + 0.2 != 0.3
    found = fold(np.full((1, 19), 0.3), np.array([[0.1]]), np.array([0.25]), Watch(margin=0.2))
    assert found.p[0, 0] == pytest.approx(0.25)


@pytest.mark.parametrize("grain", [0.0, 1.0, 1e9], ids=["continuous", "tied", "all equal"])
def test_at_the_margin_for_a_year_false_alarms_are_rare_whatever_the_ties(grain):
    blessed, nights, uniforms = world(5, years=400)
    if grain:
        blessed, nights = np.round(blessed / grain) * grain, np.round(nights / grain) * grain
    found = fold(blessed, nights - 2.0, uniforms, Watch(margin=2.0))
    assert found.alarm.any(axis=1).mean() <= 0.05


def test_ranking_without_ties_would_alarm_at_once():
    """The year of constant values that must stay silent is one on which an untied rank, 0 below of 21, alarms in days."""
    p = np.full(30, 0.5 / 21)
    assert change_point(p).earliest == 0


def test_under_the_margin_p_values_are_uniform():
    blessed, nights, uniforms = world(11, years=3000, nights=3)
    p = fold(blessed, nights - 1.0, uniforms, Watch(margin=1.0)).p.data[:, 0]
    assert np.quantile(p, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.03)


@pytest.mark.parametrize("blessed", [20, 40])
def test_a_drop_of_twice_the_margin_is_found_within_a_week(blessed):
    found = fold(*_with_drop(7, blessed), Watch(margin=3.0))
    delay = np.argmax(found.alarm, axis=1) - 60 + 1
    assert found.alarm.any(axis=1).all()
    assert np.median(delay) <= 7
    assert delay.min() >= 1


def _with_drop(seed, blessed):
    base, nights, uniforms = world(seed, years=50, blessed=blessed)
    return base, nights + dropped(6.0, 60), uniforms


def test_a_drop_that_is_there_on_the_first_night_is_not_learnt():
    blessed, nights, uniforms = world(9, years=50, level=-6.0)
    assert fold(blessed, nights, uniforms, Watch(margin=3.0)).alarm.any(axis=1).mean() > 0.95


def test_levels_inside_the_margin_and_back_from_above_stay_silent():
    blessed, nights, uniforms = world(13, years=100)
    inside = nights + dropped(2.4, 180)
    back = nights + np.where(np.arange(NIGHTS) < 180, 6.0, -1.5)
    for values in (inside, back):
        assert fold(blessed, values, uniforms, Watch(margin=3.0)).alarm.any(axis=1).mean() <= 0.05


def test_more_streams_raise_the_threshold():
    assert Watch(margin=1.0).threshold == 7300.0
    assert Watch(margin=1.0, streams=20).threshold == 20 * 7300.0


def test_a_night_that_does_not_count_changes_nothing():
    blessed, nights, uniforms = world(15, nights=50)
    counted = np.ones((1, 51), dtype=bool)
    counted[0, 20] = False
    longer = np.insert(nights, 20, np.nan, axis=1)
    found = fold(blessed, longer, np.insert(uniforms, 20, 0.5, axis=1), Watch(margin=1.0), counted=counted)
    whole = fold(blessed, nights, uniforms, Watch(margin=1.0))
    assert found.statistic[0, -1] == whole.statistic[0, -1]
    assert found.p.mask[0].tolist() == (~counted[0]).tolist()


def test_a_fold_over_the_first_nights_is_the_beginning_of_the_whole_fold():
    blessed, nights, uniforms = world(17, nights=100)
    whole = fold(blessed, nights + dropped(6.0, 40, 100), uniforms, Watch(margin=3.0))
    for n in (1, 44, 60):
        part = fold(blessed, (nights + dropped(6.0, 40, 100))[:, :n], uniforms[:, :n], Watch(margin=3.0))
        assert part.statistic.tobytes() == whole.statistic[:, :n].tobytes()
        assert part.alarm.tobytes() == whole.alarm[:, :n].tobytes()


def test_many_streams_at_once_are_each_alone():
    blessed, nights, uniforms = world(19, years=4, nights=80)
    nights[2] += dropped(6.0, 30, 80)
    together = fold(blessed, nights, uniforms, Watch(margin=3.0))
    for stream in range(4):
        alone = fold(blessed[[stream]], nights[[stream]], uniforms[[stream]], Watch(margin=3.0))
        assert alone.statistic.tobytes() == together.statistic[[stream]].tobytes()


class TestEpisodes:
    def history(self, level, *, acknowledged=None, nights=200):
        blessed, values, _ = world(23, nights=nights)
        uniforms = hash_to_unit("test", map(str, range(nights)))
        restarts = np.zeros(nights, dtype=bool)
        if acknowledged is not None:
            restarts[acknowledged] = True
        return watch(blessed[0], values[0] + level, uniforms, Watch(margin=3.0), restarts=restarts)

    def test_one_alarm_while_nobody_answers(self):
        history = self.history(dropped(6.0, 60, 200))
        (episode,) = history.episodes
        assert episode.open
        assert episode.last == 199
        assert [night.alarm for night in history.nights].count(True) == 1
        assert isinstance(episode.since, ChangePoint)
        assert abs(episode.since.night - 60) <= 2
        assert episode.since.earliest <= 60 <= episode.since.latest <= episode.alarm

    def test_an_acknowledged_drop_that_stays_alarms_again_and_is_never_learnt(self):
        history = self.history(dropped(6.0, 60, 200), acknowledged=[80, 100, 150])
        assert len(history.episodes) == 4
        assert [e.open for e in history.episodes] == [False, False, False, True]
        assert all(e.alarm - start <= 8 for e, start in zip(history.episodes, [60, 80, 100, 150], strict=True))

    def test_it_closes_itself_when_the_drop_is_gone_and_the_next_one_alarms(self):
        level = dropped(6.0, 60, 200)
        level[80:150] = 0.0
        history = self.history(level)
        assert len(history.episodes) == 2
        assert not history.episodes[0].open
        assert history.episodes[0].last < 150 <= history.episodes[1].alarm

    def test_since_the_blessing_says_that_it_may_be_older(self):
        (episode,) = self.history(-6.0).episodes
        assert isinstance(episode.since, ChangePoint)
        assert episode.since.from_the_start


def test_an_interval_holds_the_first_night_of_the_drop():
    """By simulation: 95% intervals, two sizes of drop, 300 alarms each."""
    for size in (4.5, 6.0):
        blessed, nights, uniforms = world(29, years=300, nights=120)
        found = fold(blessed, nights + dropped(size, 60, 120), uniforms, Watch(margin=3.0))
        inside = []
        for stream, night in zip(*np.nonzero(found.alarm), strict=True):
            since = change_point(found.p.data[stream, : night + 1])
            inside.append(since.earliest <= 60 <= since.latest)
        assert len(inside) >= 280
        assert np.mean(inside) >= 0.92


@pytest.mark.parametrize("p", [[], [0.001, 0.001]])
def test_too_few_nights_do_not_say_since_when(p):
    with pytest.raises(CannotEstimate, match="too few"):
        change_point(np.array(p))


def test_nights_without_a_drop_do_not_say_since_when():
    with pytest.raises(CannotEstimate, match="no night stands out"):
        change_point(np.full(30, 0.9))


class TestBadInput:
    def test_few_blessed_runs(self):
        with pytest.raises(CannotEstimate, match="at least 10"):
            fold(np.zeros((1, 9)), np.zeros((1, 2)), np.full(2, 0.5), Watch(margin=1.0))

    @pytest.mark.parametrize(
        ("nights", "uniforms", "match"),
        [
            (np.array([[np.nan, 1.0]]), np.full(2, 0.5), "finite value"),
            (np.zeros((1, 2)), np.array([0.5, 1.0]), "uniform numbers"),
            (np.zeros((2, 2)), np.full(2, 0.5), "row a stream"),
        ],
    )
    def test_values_that_do_not_fit(self, nights, uniforms, match):
        with pytest.raises(ValueError, match=match):
            fold(np.zeros((1, 20)), nights, uniforms, Watch(margin=1.0))

    @pytest.mark.parametrize(
        "rule", [{"margin": -1.0}, {"margin": np.inf}, {"margin": 1.0, "streams": 0}, {"margin": 1.0, "alpha": 0.0}]
    )
    def test_rules_that_say_nothing(self, rule):
        with pytest.raises(ValueError, match=r"margin|streams"):
            Watch(**rule)
