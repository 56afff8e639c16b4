"""Stopping rules: what they may see, where the best place to stop is known, and what risk control promises."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from tts_lib.answers.grid import SampleGrid
from tts_lib.common.budgets import doublings
from tts_lib.common.errors import StudyError
from tts_lib.estimators import subsets
from tts_lib.estimators.flops import Sizes
from tts_lib.estimators.intervals import bootstrap_weights
from tts_lib.strategies.stopping import fitting, handed_on, rules, tables, walks
from tts_lib.strategies.stopping.comparison import Attained, Comparison, Side, Spending, Tokens, families
from tts_lib.strategies.stopping.policy import Policy
from tts_lib.strategies.stopping.walks import Ballots, Seen

HOPEFUL, HOPELESS = 0.9, 0.0


def planted(shares: np.ndarray, n: int, seed: int = 0, wrong: int = 10**6) -> SampleGrid:
    """Questions whose samples are right with these chances; `wrong` different wrong answers, all alike."""
    rng = np.random.default_rng(seed)
    correct = rng.random((len(shares), n)) < shares[:, None]
    answers = np.where(correct, 0, rng.integers(1, wrong + 1, correct.shape))
    ids = tuple(f"q{i}" for i in range(len(shares)))
    at = np.arange(correct.size)
    return SampleGrid(ids, np.full(len(shares), n), correct, answers, at // n, at % n)


def ballots(shares: np.ndarray, n: int = 64, scored: bool = False, **more) -> Ballots:
    pool = planted(shares, n, **more)
    scores = np.random.default_rng(1).random(pool.correct.shape) if scored else None
    return Ballots.of(pool, scores, shares)


class Peeking:
    """Stops where the next sample is right: the negative control."""

    def __init__(self, votes: Ballots, order: np.ndarray):
        self.right = (votes.answers == 0)[np.arange(len(order))[:, None, None], order].reshape(-1, order.shape[2])

    def wants(self, seen: Seen) -> np.ndarray:
        if seen.n in (0, self.right.shape[1]):
            return np.full(len(seen.top), max(1, seen.n))
        return np.where(self.right[:, seen.n], seen.n, seen.n + 1)


def rules_of(votes: Ballots, order: np.ndarray) -> dict[str, walks.Rule]:
    seen = walks.states(votes, order, doublings(votes.cap))
    return {
        "budgets": fitting.fit_budgets(seen, [0.003], 2)[0],
        "beta": rules.Beta(0.95, votes.cap),
        "window": rules.Window(5, votes.cap),
        "share": rules.Share(0.75, votes.cap),
        "bellman": fitting.fit_bellman(seen, [0.003])[0],
        "bellman_without": fitting.fit_bellman(replace(seen, prior=None), [0.003])[0],
    }


@pytest.mark.parametrize("scored", [False, True])
def test_no_rule_sees_what_lies_behind_its_stop(scored: bool) -> None:
    """Every sample after the stop is replaced at random; decisions stay. Those of a rule that peeks do not."""
    votes = ballots(np.random.default_rng(0).random(60), scored=scored)
    order = walks.orders(votes, 5, np.random.default_rng(2))
    known = rules_of(votes, order) | {"peeking": Peeking(votes, order)}
    found = walks.replay(known, votes, order)
    rng, changed = np.random.default_rng(3), {}
    for name, stopped in found.items():
        assert stopped.n.min() < votes.cap  # it does stop early, or nothing is tested
        rows = np.repeat(np.arange(len(order)), order.shape[1])
        answers = votes.answers[rows[:, None], order.reshape(-1, votes.cap)]
        behind = np.arange(votes.cap) >= stopped.n.reshape(-1, 1)
        answers = np.where(behind, rng.integers(-1, votes.right.shape[1], answers.shape), answers)
        scores = votes.scores
        if scores is not None:
            scores = scores[rows[:, None], order.reshape(-1, votes.cap)]
            scores = np.where(behind, rng.random(scores.shape), scores)
        assert votes.prior is not None
        other = Ballots(
            answers=answers,
            right=votes.right[rows],
            weights=np.ones(answers.shape) if scores is None else scores,
            scores=scores,
            prior=votes.prior[rows],
            n_samples=np.full(len(rows), votes.cap),
            cap=votes.cap,
        )
        as_read = np.broadcast_to(np.arange(votes.cap), (len(rows), 1, votes.cap))
        rule = Peeking(other, as_read) if name == "peeking" else known[name]
        again = walks.replay({name: rule}, other, as_read)[name]
        same = again.n.ravel() == stopped.n.ravel(), again.right.ravel() == stopped.right.ravel()
        changed[name] = not (same[0].all() and same[1].all())
    assert [name for name, moved in changed.items() if moved] == ["peeking"]


@pytest.mark.parametrize(
    ("with_prior", "price", "goes_on_apart"),
    [(True, 0.02, True), (True, 0.2, True), (True, 0.28, False), (False, 0.02, True), (False, 0.06, False)],
)
def test_bellman_finds_the_closed_form_optimum(with_prior: bool, price: float, goes_on_apart: bool) -> None:
    """Half of the questions are right with p = .9, half never, wrong answers all different, at most 4 samples.

    Two equal answers are right: stop. Two that differ (.19 of the hopeful) lead to a right one in .09/.19; after two
    more in (.18 * .995 + .01 * .81)/.19, for one right among the two more wins, and of four answers that differ the
    first leads. So go on if the difference, .5116, is above two prices; where the kind is not known, if the chance to
    be hopeful, .19/1.19, times that is. One sample (.9) is worth a second if .81 + .19 V - price > .9.
    """
    shares = np.repeat([HOPEFUL, HOPELESS], 2000)
    votes = ballots(shares, 4)
    order = walks.orders(votes, 24, np.random.default_rng(0))
    fit = walks.states(votes, order, (1, 2, 4))
    (rule,) = fitting.fit_bellman(fit if with_prior else replace(fit, prior=None), [price])
    two = Seen(4, 2, np.array([HOPEFUL, HOPEFUL, HOPELESS, HOPELESS]))
    one = Seen(2, 2, np.array([HOPEFUL, HOPELESS]))
    one.read(np.zeros(2, int), np.ones(2), None)
    for answers in (np.zeros(4, int), np.array([0, 1, 1, 1])):
        two.read(answers, np.ones(4), None)
    apart = 4 if goes_on_apart else 2
    assert rule.wants(two)[:2].tolist() == [2, apart]
    at_two, at_four = 0.09 / 0.19, (0.18 * 0.995 + 0.01 * 0.81) / 0.19
    after_two = 0.81 + 0.19 * max(at_two, at_four - 2 * price)
    if with_prior:
        assert rule.wants(two)[3] == 2  # hopeless, whatever is seen
        assert rule.wants(one).tolist() == [2 if after_two - price > 0.9 else 1, 1]
        stopped = walks.replay({"": rule}, votes, order)[""]
        if price == 0.02:  # 2.38 samples a hopeful question
            assert stopped.n[:2000].mean() == pytest.approx(2 + 0.19 * 2, abs=0.03)  # 5 standard errors
            assert stopped.right[:2000].mean() == pytest.approx(after_two + 0.19 * 2 * price, abs=0.006)
            assert (stopped.n[2000:] == 1).all()


def test_a_rule_fitted_on_too_few_questions_is_one_sentence() -> None:
    votes = ballots(np.full(29, 0.5), 8)
    seen = walks.states(votes, walks.orders(votes, 3, np.random.default_rng(0)), (1, 2, 4, 8))
    said = r"^A stopping rule needs at least 30 validation questions .* are 29: raise"
    for fit in (lambda: fitting.fit_bellman(seen, [0.1]), lambda: fitting.fit_budgets(seen, [0.1], 2)):
        with pytest.raises(StudyError, match=said):
            fit()
    assert [family.policy for family in families(seen, 2)] == ["beta", "window", "share"]


def test_published_rules_by_hand() -> None:
    """Answers a a a b a a: what each rule sees, and the confidence by its definition."""
    seen = Seen(1, 2, np.zeros(1))
    beta, window, share = rules.Beta(0.95, 64), rules.Window(3, 64), rules.Share(0.75, 64)
    assert [rule.wants(seen)[0] for rule in (beta, window, share)] == [1, 3, 2]
    confident = []
    for answer in (0, 0, 0, 1, 0, 0):
        seen.read(np.array([answer]), np.ones(1), None)
        confident.append(bool(beta.wants(seen)[0] == seen.n))
        if seen.n == 3:
            assert window.wants(seen)[0] == 3 and share.wants(seen)[0] == 3
    # P(Beta(v1 + 1, v2 + 1) > 1/2) is the chance of at least v2 + 1 heads among v1 + v2 + 1
    read = ((1, 0), (2, 0), (3, 0), (3, 1), (4, 1), (5, 1))
    by_hand = [binom.sf(second, top + second + 1, 0.5) >= 0.95 for top, second in read]
    assert confident == by_hand == [False] * 6
    for top, second in ((4, 0), (9, 3), (8, 3), (30, 18), (31, 18)):
        seen = Seen(1, 2, np.zeros(1))
        for answer in [0] * top + [1] * second:
            seen.read(np.array([answer]), np.ones(1), None)
        assert (beta.wants(seen)[0] == seen.n) == (binom.sf(second, top + second + 1, 0.5) >= 0.95)


def test_what_is_seen_is_the_vote() -> None:
    """Leading and second sums, against a count from scratch at every sample; missing answers do not vote."""
    rng = np.random.default_rng(0)
    answers, weights = rng.integers(-1, 4, (30, 40)), rng.random((30, 40))
    seen = Seen(30, 4, np.zeros(30))
    for n in range(40):
        seen.read(answers[:, n], weights[:, n], weights[:, n])
        for row in range(30):
            sums = [weights[row, : n + 1][answers[row, : n + 1] == k].sum() for k in range(4)]
            last, second = sorted(sums)[-1], sorted(sums)[-2]
            assert (seen.top[row], seen.second[row]) == pytest.approx((last, second))
            assert seen.total[row] == pytest.approx(sum(sums))
            assert seen.lead[row] == (int(np.argmax(sums)) if last else -1)
    assert seen.score == pytest.approx(weights.mean(axis=1))


def test_walks_read_each_sample_once_and_uniform_is_the_vote() -> None:
    """On pools of unequal size; ties go to the answer that was there first, which is each with equal chance."""
    pool = planted(np.linspace(0.05, 0.95, 40), 16, wrong=3)
    pool = replace(pool, n_samples=np.r_[np.full(20, 9), np.full(20, 16)])
    votes = Ballots.of(pool)
    order = walks.orders(votes, 400, np.random.default_rng(0))
    assert votes.cap == 8 and order.shape == (40, 400, 8)
    assert all(len(set(walk)) == 8 for walk in order[:, 0].tolist()) and order[:20].max() < 9
    seen = walks.states(votes, order, (1, 2, 4, 8))
    votes_of, rng = {"": None}, np.random.default_rng(1)
    expected = subsets.vote(pool.correct, pool.answers, votes_of, [1, 2, 4, 8], rng, 400, pool.n_samples)
    assert seen.curve.mean(axis=0) == pytest.approx(expected[""].accuracy.mean(axis=0), abs=0.01)  # 4 standard errors
    uniform = walks.replay({n: rules.Budgets((n,)) for n in (1, 2, 4, 8)}, votes, order)
    for place, (n, stopped) in enumerate(uniform.items()):
        assert (stopped.n == n).all() and (stopped.rounds == 1).all()
        assert (stopped.right == seen.right[place]).all()


def test_rules_are_compared_up_to_what_every_question_has() -> None:
    """A question that has fewer samples stands on one side; walks of two lengths are no comparison."""
    most, costs = 5, Tokens(np.full(20, 10.0), np.full(20, 30.0), np.zeros(20))
    pools = [planted(np.linspace(0.1, 0.9, 20), 16, seed=seed, wrong=3) for seed in (0, 1)]
    pools[1] = replace(pools[1], n_samples=np.r_[most, np.full(19, 16)])
    rng = np.random.default_rng(0)
    weights = bootstrap_weights(20, 100, rng)
    for common in (most, None):
        fit, test = (Side.of(Ballots.of(pool, most=common), 10, rng) for pool in pools)
        if common is None:
            with pytest.raises(ValueError, match="16 samples on one side and 4 on the other"):
                Comparison("majority", fit, test, costs, Sizes(1.0, 1.0), weights)
            continue
        found = Comparison("majority", fit, test, costs, Sizes(1.0, 1.0), weights)
        oracle = tables.Oracle(np.full(20, 0.5), np.full(20, 0.5), np.ones(20, int))
        measured = tables.measured(found, families(fit.seen, 1), oracle, 1, rng)
        assert measured["policies"]["mean_budget"].max() <= 4 and len(measured["risk"]) == 2


def test_conformal_risk_control_keeps_its_promise_and_the_plain_choice_does_not() -> None:
    """Over 2,000 draws of 40 calibration questions the mean realised risk is at most .05; false alarm below 1e-6.

    The setting whose measured risk is just below .05 exceeds it.
    """
    rng = np.random.default_rng(0)
    n, promised = 40, 0.05
    thresholds = np.linspace(0, 1, 200)[:, None]
    kept, plain = [], []
    for _ in range(2000):
        losses = (rng.random(n) < 0.3 * thresholds).astype(float)  # of threshold t lost with a chance of .3 t
        losses[0] = 0
        kept.append(0.3 * thresholds[fitting.within_risk(losses, promised), 0])
        means = np.maximum.accumulate(losses, axis=0).mean(axis=1)
        plain.append(0.3 * thresholds[np.flatnonzero(means <= promised).max(), 0])
    assert np.mean(kept) <= promised < np.mean(plain)
    with pytest.raises(ValueError, match="must lose nothing"):
        fitting.within_risk(np.ones((2, 5)), promised)


def comparison(rng: np.random.Generator, n_fit: int = 120, n_test: int = 150) -> tuple[Comparison, tables.Oracle]:
    """Questions of two kinds, told apart by the prior; what one half of them does not need the other one does."""
    sides, shares = [], []
    for n in (n_fit, n_test):
        share = np.where(np.arange(n) % 2 == 0, 0.45, 0.02)
        pool = planted(share, 64, seed=n, wrong=12)
        sides.append(Side.of(Ballots.of(pool, None, share), 20, rng))
        shares.append(share)
    costs = Tokens(np.full(n_test, 10.0), np.full(n_test, 30.0), np.full(n_test, 10.0))
    found = Comparison("majority", sides[0], sides[1], costs, Sizes(1.0, 1.0), bootstrap_weights(n_test, 200, rng))
    return found, tables.Oracle(shares[0], shares[1], np.where(shares[1] > 0.1, 1, 2))


def test_tables_compare_at_the_mean_that_was_spent() -> None:
    found, oracle = comparison(np.random.default_rng(0))
    measured = tables.measured(found, families(found.fit.seen, 2), oracle, 2, np.random.default_rng(1))
    assert {name: list(frame) for name, frame in measured.items()} == tables.COLUMNS
    policies = measured["policies"]
    uniform = policies.loc[policies["policy"] == "uniform"]
    assert np.abs(uniform["gain"].to_numpy(float)).max() < 1e-12
    assert uniform["mean_budget"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64]
    at_8 = {row["policy"]: row for row in measured["targets"].to_dict("records") if row["target"] == 8}
    assert max(row["mean_budget"] for row in at_8.values()) < 20
    for policy in ("table", "bellman_prior"):  # the prior says where samples are worth something
        assert at_8[policy]["gain_low"] > 0
    shuffled = policies.loc[policies["policy"] == "table_shuffled", "gain"].to_numpy(float)
    assert shuffled.max() < at_8["table"]["gain"]
    rows = [row for row in measured["by_bin"].to_dict("records") if (row["policy"], row["target"]) == ("table", 8)]
    assert rows[1]["mean_budget"] == 1 and rows[0]["mean_budget"] > 8
    risk = measured["risk"].to_dict("records")
    assert len(risk) == 4 and all(row["realised_in_splits"] <= row["risk"] for row in risk)


def scored_comparison() -> Comparison:
    """Weighted votes of a verifier that tells right from wrong a little."""
    rng = np.random.default_rng(4)
    sides = []
    for n in (120, 150):
        pool = planted(rng.beta(0.6, 0.9, n), 32, seed=n, wrong=12)
        scores = np.clip(rng.normal(0.35 + 0.3 * pool.correct, 0.2), 0, 1)
        sides.append(Side.of(Ballots.of(pool, scores), 20, rng))
    costs = Tokens(np.full(150, 10.0), np.full(150, 30.0), np.zeros(150))
    return Comparison("weighted", sides[0], sides[1], costs, Sizes(1.0, 1.0), bootstrap_weights(150, 200, rng))


@pytest.mark.parametrize("vote", ["majority", "weighted"])
def test_what_is_handed_on_decides_as_in_the_replay(vote: str) -> None:
    """From its file, sample by sample, a policy stops where the replayed rule does; it keeps its risk, and it pays."""
    found = scored_comparison() if vote == "weighted" else comparison(np.random.default_rng(0))[0]
    policies = handed_on.policies(found, np.random.default_rng(1))
    assert policies and len({policy.budget for policy in policies}) == len(policies)
    votes, order = found.test.ballots, found.test.order
    for policy in policies:
        read = Policy.model_validate_json(policy.model_dump_json())
        assert read == policy
        (stopped,) = walks.replay({0: policy.rule}, votes, order).values()
        assert policy.mean_budget == pytest.approx(stopped.n.mean()) and policy.mean_budget < policy.budget
        assert policy.accuracy == pytest.approx(stopped.right.mean())
        assert policy.rounds == pytest.approx(stopped.rounds.mean())
        lost = found.test.seen.at([policy.budget]).right[0] & ~stopped.right
        assert lost.mean() < 2 * handed_on.RISK
        for problem, walk in zip(*np.unravel_index(np.arange(0, stopped.n.size, 17), stopped.n.shape), strict=True):
            samples = order[problem, walk]
            classes, scores = votes.answers[problem][samples], np.ones(len(samples), np.float32)
            if votes.scores is not None:
                scores = votes.scores[problem][samples]
            n = 0
            while (more := read.wants(classes[:n], scores[:n])) > n:
                n = more
            assert n == stopped.n[problem, walk]


def test_policies_need_enough_questions_on_either_half() -> None:
    found, _ = comparison(np.random.default_rng(0), n_fit=59)
    assert handed_on.policies(found, np.random.default_rng(1)) == []


def test_between_its_points_uniform_is_linear_in_the_log_of_the_mean() -> None:
    steps = [Attained(np.array([a, a + 0.1]), np.array([n, n]), np.ones(2)) for n, a in ((2.0, 0.2), (8.0, 0.4))]
    known = Spending.along(steps, np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]))
    found = known.at(np.array([2.0, 6.0]))
    assert found == pytest.approx([0.35, 0.2, 0.5 - 0.2 * np.log(8 / 6) / np.log(4)])  # mean 4: half way
    assert known.at(np.array([1.0, 9.0])) == pytest.approx(
        [0.25 + 0.2 * np.log(5 / 2) / np.log(4), 0.2, 0.5]
    )  # ends hold
