"""The verifier ladder: on a simulator whose right answers are known, and the profile that is shipped."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from helpers.pipeline import ROOT
from helpers.served_choice import NumberCodec
from helpers.simulated_policy import END, NEWLINE, SimulatedPolicy, SimulatedVerifier, is_correct
from tts_lib.answers import pools
from tts_lib.answers.protocols import Sampling
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.estimators.flops import Sizes
from tts_lib.grading.judging import Judged
from tts_lib.models.vocabulary import Vocabulary
from tts_lib.report.supplements import kinds, writing
from tts_lib.report.supplements.declared import PROFILES, Collected
from tts_lib.report.supplements.searches.supplement import Searches
from tts_lib.report.supplements.searches.world import World
from tts_lib.study.config import loading

SHIPPED = ROOT / PROFILES / "searches.yaml"
CLAIM = {"searches": ["odds"], "over": "best_of_n", "guided": "exact", "chosen": "exact", "budgets": [8]}
CLAIM |= {"equal": "generations", "direction": "more", "margin": 0.01}
TINY = {
    "searches": {"beam_4": {"kind": "beam", "width": 4}, "odds": {"kind": "particles", "weights": "odds"}},
    "budgets": [4, 8],
    "replicates": 2,
    "replicated_budget": 4,
    "sigmas": [8.0],
    "rollouts": 4,
    "prefixes": 4,
    "n_val": 10,
    "n_test": 30,
    "claims": [
        CLAIM | {"claim": "perfect"},
        CLAIM | {"claim": "order", "over": "beam_4", "less_at": "prm", "budgets": [4, 8]},
    ],
}


class Knows:
    """Judges by the simulation itself; the answer is the solution."""

    def judge(self, question_id, gold, texts):
        prompt, *solutions = NumberCodec().encode([gold, *texts])
        right = [is_correct(prompt, solution) for solution in solutions]
        verdicts = ["correct" if each else "wrong" for each in right]
        return Judged(list(texts), verdicts, pd.factorize(np.array(texts, dtype=object))[0])


def declared(path: Path, **changes) -> Searches:
    """A profile of these settings, read from a file."""
    claims = [claim | {"registered": "DAY"} for claim in (TINY | changes)["claims"]]
    text = yaml.safe_dump({"kind": "searches"} | TINY | changes | {"claims": claims}).replace("DAY", "2026-11-28")
    path.write_text(text)
    found = kinds.load(path)
    assert isinstance(found, Searches)
    return found


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Collected:
    """A tiny study, all the way: 30 questions of three steps, of which a sample is right with p of about .05."""
    folder = tmp_path_factory.mktemp("study")
    study = loading.load(ROOT / "params.yaml")
    study = study.model_copy(update={"select": study.select.model_copy(update={"n_resamples": 50})})
    policy, sampling, split = SimulatedPolicy(), Sampling(0.5, 1.0, 40, "end"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, numbers in (("val", range(1000, 1010)), ("test", range(30))):
            prompts = [f"{100 + number} 53" for number in numbers]
            table = pd.DataFrame({"question_id": [f"{name}-{n}" for n in numbers], "problem": prompts})
            split[name] = QuestionTable(table.assign(answer=prompts), NumberCodec(), Knows())
            pool = pools.sample_pool(policy, split[name], 16, sampling, (0, "base"))
            tables.write_table(pool, paths.pool("base", name))
        prm, vocabulary = SimulatedVerifier(noise=0.95), Vocabulary(2000, 1000, (END,), (NEWLINE,))
        world = World(study, split["val"], split["test"], policy, prm, vocabulary, Sizes(1e5, 1e5))
        profile = declared(folder / "mine.yaml")
        return profile._told(profile._measured(world))


def by_place(collected: Collected) -> pd.DataFrame:
    return collected.tables["gains"].set_index(["guided", "chosen", "search", "budget"]).sort_index()


def test_a_search_with_perfect_values_wins(collected: Collected) -> None:
    gains = by_place(collected)
    best_of_n = collected.tables["rungs"].set_index("values").loc["exact", "best_of_8"]
    for search in ("beam_4", "odds"):
        perfect = gains.loc[("exact", "exact", search, 8)]
        assert perfect["low"] > 0 and perfect["accuracy"] == pytest.approx(best_of_n + perfect["gain"])
        noisy = gains.loc[("misjudged by 8", "misjudged by 8", search, 8)]
        assert noisy["accuracy"] < perfect["accuracy"] - 0.1
        assert perfect["rollout_flops"] > perfect["flops_with_verifier"] > 0
    assert (gains.loc[["prm", "shuffled"], "rollout_flops"] == 0).all()
    assert set(collected.tables["claims"]["verdict"][:1]) == {"supported"}


def test_guide_and_choice_are_varied_apart(collected: Collected) -> None:
    gains = by_place(collected)
    accuracy = gains["accuracy"]
    for search in ("beam_4", "odds"):
        assert accuracy["prm", "exact", search, 8] >= accuracy["prm", "prm", search, 8]  # of the same candidates
        assert accuracy["exact", "prm", search, 8] <= accuracy["exact", "exact", search, 8]
    costs = gains[["flops_with_verifier", "rollout_flops"]]
    assert (costs.loc[("exact", "prm")] == costs.loc[("exact", "exact")]).all(axis=None)


def test_rungs_are_in_order_and_crossings_said(collected: Collected) -> None:
    rungs = collected.tables["rungs"].set_index("values")
    auc = rungs["auc"]
    assert auc["exact"] == 1 > auc["misjudged by 8"] > 0.5
    assert rungs.loc["exact", "auc_of_prefixes"] > rungs.loc["misjudged by 8", "auc_of_prefixes"]
    crossings = collected.tables["crossings"]
    assert len(crossings) == 2 * 2 * 2 and (crossings["auc_of_prm"] == auc["prm"]).all()
    assert (crossings["pays_from_auc"] != "never").all()
    orders = collected.tables["order"]
    assert len(orders) == 2 * 4 and all(
        set(order.split(" > ")) == {"beam search, M = 4", "odds"} for order in orders["order"]
    )


def test_an_interaction_is_a_difference_of_differences(collected: Collected) -> None:
    accuracy = by_place(collected)["accuracy"]
    claims = collected.tables["claims"].set_index(["claim", "budget"]).sort_index()
    for n in (4, 8):
        exact, prm = (accuracy[r, r, "odds", n] - accuracy[r, r, "beam_4", n] for r in ("exact", "prm"))
        assert claims.loc[("order", n), "difference"] == pytest.approx(exact - prm)


def test_it_is_written(collected: Collected, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    writing.write(tmp_path, "searches", collected)
    folder = tmp_path / "reports/supplements/searches"
    assert {"figure-gain_4.png", "figure-gain_8.svg", "crossings.csv"} <= {path.name for path in folder.iterdir()}
    assert "yardstick" in json.loads((folder / "summary.json").read_text())["lead"]


def test_what_is_shipped_fits_the_default_study() -> None:
    shipped, study = kinds.load(SHIPPED), loading.load(ROOT / "params.yaml")
    assert isinstance(shipped, Searches) and shipped.studies(0) == {}
    assert shipped.budgets[-1] <= study.generate["base-test"].n_samples
    assert all(claim.registered.isoformat() == "2026-11-28" for claim in shipped.claims)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"budgets": [2]}, "beam_4 needs 4 generations at least, but budgets hold 2"),
        ({"sigmas": [0.0]}, r"sigmas\.0 is 0\.0, but must be a number above 0"),
        ({"claims": [CLAIM | {"claim": "x", "over": "beem_4"}]}, "claims name 'beem_4'"),
        ({"claims": [CLAIM | {"claim": "x", "budgets": [16]}]}, "claims are on 16 generations"),
        ({"claims": [CLAIM | {"claim": "x", "over": "beam_4", "equal": "flops"}]}, "equal must be generations"),
        ({"claims": [CLAIM | {"claim": "x", "chosen": "shuffled"}]}, "guided by exact is chosen by shuffled"),
    ],
)
def test_a_broken_profile_is_one_sentence(tmp_path: Path, changes: dict, sentence: str) -> None:
    with pytest.raises(StudyError, match=sentence) as refused:
        declared(tmp_path / "mine.yaml", **changes)
    assert "mine.yaml" in str(refused.value) and "\n" not in str(refused.value)


def test_budgets_that_the_pool_does_not_hold_are_refused_before_anything_is_opened(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    claims = [CLAIM | {"claim": "x", "budgets": [12]}]
    with pytest.raises(StudyError, match="budgets hold 12, but must be of those the study's pool holds, "):
        declared(tmp_path / "mine.yaml", budgets=[12], claims=claims).collect(tmp_path, {})
    assert not (tmp_path / paths.STORE).exists()
