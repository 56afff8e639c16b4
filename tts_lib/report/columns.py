"""What the columns of the study's tables are called, in which unit they stand and how they are rounded.

Wherever a table is shown (pages, the explorer, `reports/README.md`) its headings and numbers come from here; a column
that is not listed is shown under its own name, its numbers to four digits. A reader of the CSV finds the names as they
are.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from tts_lib.common.strategy import STRATEGY_COLUMNS, Strategy
from tts_lib.plots import adaptive, looks

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
NOTHING = "–"


def _power(x: float) -> str:
    """A number far from 1, as 2.30 × 10⁷."""
    if x == 0:
        return "0"
    digits, exponent = f"{x:.2e}".split("e")
    return f"{digits}\u00a0×\u00a010{str(int(exponent)).translate(_RAISED)}"


def _plain(x: float) -> str:
    """To four digits, without an exponent where one can do without."""
    if x == 0 or 1e-4 <= abs(x) < 1e6:
        return f"{x:,.{max(0, 3 - math.floor(math.log10(abs(x))))}f}".rstrip("0").rstrip(".") if x % 1 else f"{x:,.0f}"
    return _power(x)


KINDS: Mapping[str, Callable[[float], str]] = {  # how a number of the kind is written
    "share": lambda x: f"{100 * x:.1f}",
    "points": lambda x: f"{100 * x:+.1f}",
    "percent": lambda x: f"{x:+.1f}",
    "count": lambda x: f"{x:,.0f}",
    "mean": lambda x: f"{x:,.1f}",
    "ratio": lambda x: f"{x:.2f}",
    "power": _power,
    "plain": _plain,
}


@dataclass(frozen=True)
class Column:
    """How a column is shown."""

    heading: str
    kind: str = "plain"  # of KINDS; of other values a `name` of the library's, or `text`, which stays as it is
    unit: str = ""
    words: Mapping[str, str] = field(default_factory=dict[str, str])  # for values that have a name of their own

    @property
    def title(self) -> str:
        return f"{self.heading} ({self.unit})" if self.unit else self.heading

    def shown(self, value: str, names: Mapping[str, str]) -> str:
        """The value as it is to be read.

        Args:
            value: as the table has it, written out.
            names: of strategies -> in words.
        """
        if value in ("NaN", "None", "", "NaT", "<NA>"):
            return NOTHING
        if value in ("True", "False"):
            return "yes" if value == "True" else "no"
        if self.kind == "text":
            return value
        if _NUMBER.fullmatch(value):
            digits = len(value.strip("+-0.").replace(".", ""))
            is_short = self.kind not in KINDS or (self.kind == "plain" and digits <= 4 and len(value) < 8)
            written = value if is_short and "e" not in value else KINDS.get(self.kind, _plain)(float(value))
            # What is rounded to nothing has no sign.
            return re.sub(r"^[+-](?=0(\.0+)?$)", "", written).replace("-", "−")
        return self.words.get(value) or names.get(value, value.replace("_", " ") if self.kind == "name" else value)


def _of(kind: str, unit: str = "", /, **headings: str) -> dict[str, Column]:
    return {name: Column(heading, kind, unit) for name, heading in headings.items()}


_POLICIES = {name: look.label for name, look in adaptive.POLICIES.items()} | {"table_shuffled": "by shuffled bins"}
_PREDICTORS = {name: look.label for name, look in adaptive.PREDICTORS.items()}
_PREDICTORS |= {"zero": "the predictor to use", "oracle": "pass@1 (limit)"}

COLUMNS: Mapping[str, Column] = {
    **_of("name", strategy="strategy", baseline="compared with", a="of", b="and", axis="at equal"),
    "selection": Column("chosen by", "name", words=looks.VERIFIERS),
    "verifier": Column("verifier", "name", words=looks.VERIFIERS),
    "policy": Column("stopping rule", "name", words=_POLICIES),
    "predictor": Column("predictor", "name", words=_PREDICTORS),
    **_of("name", binning="difficulty by", frozen="bins from validation", group="group", strategy_set="choice among"),
    **_of("name", grouping="grouped by", method="search", verdict="verdict", verdict_of_all="verdict among all"),
    **_of("name", rule="rule", score="score", subject="subject", split="split", bound="bound", finish="ended by"),
    **_of("text", question_id="question", problem="problem", statement="statement", solution="solution", text="text"),
    **_of("text", answer="answer", labels="labels of the steps", map="map", number="number", claim="claim"),
    **_of("text", paper="paper", ours="this study", contrast="contrast", label="what", at="at", reuse="probe reused"),
    **_of("plain", level="level", sample="sample", bin="bin", predicted_bin="predicted bin", oracle_bin="oracle bin"),
    **_of("plain", position="position in the chain", chain="chain", length="chain length", checkpoint="checkpoint"),
    **_of("count", "generations", budget="budget"),
    **_of("count", generations="generations"),
    **_of("mean", "generations", charged_budget="budget in all", generations_spent="spent"),
    **_of("mean", "generations", k="k", k_low="k, low", k_high="k, high"),
    **_of("count", n="number", n_questions="questions", n_samples="samples", n_probe="samples of the probe"),
    **_of("count", trajectories="trajectories", wrong_guesses="wrong guesses", answer_class="class of the answer"),
    **_of("count", n_tokens="tokens", n_prompt="tokens of the prompt", n_context="tokens before it"),
    **_of("count", questions_needed="questions to decide it"),
    **_of("mean", n_candidates="candidates", n_finished="finished", n_distinct="different", n_duplicates="duplicates"),
    **_of("mean", n_steps="steps", mean_steps="steps", rounds="serial rounds"),
    **_of("mean", "tokens", policy_tokens="policy", verifier_tokens="verifier"),
    **_of("mean", "tokens", policy_prefill_tokens="policy reads", policy_decode_tokens="policy writes"),
    **_of("mean", "tokens", verifier_prefill_tokens="verifier reads", tokens="tokens"),
    **_of("mean", policy_passes="passes of the policy", verifier_passes="passes of the verifier"),
    **_of("power", "a question", flops="FLOPs", flops_with_verifier="FLOPs with verifier"),
    **_of("power", "bytes", weight_bytes="weights read", cache_bytes="keys and values read"),
    **_of("power", "bytes", bytes_alone="moved, alone", bytes_among_many="moved, among many"),
    **_of("share", "%", accuracy="accuracy", correct="accuracy", correct_majority="by majority", share="share"),
    **_of("share", "%", correct_best="by best-of-N", rate="share", pass_at_1="pass@1", repetition="repeated steps"),
    **_of("share", "%", untrue_images="untrue images", misses_as_hits="misses written as hits", same="same bin"),
    **_of("share", "%", adjacent="within one bin", small_accuracy="small model", large_accuracy="large model"),
    **_of("share", "%", share_not_reached="resamples off the grid", share_below_grid="below the grid"),
    **_of("share", "%", hit_round_limit="at the limit of rounds", parallel="all parallel"),
    **_of("points", "points", difference="difference", gain="gain", gain_fixed="over the best fixed"),
    **_of("points", "points", gain_of_both="gain of both"),
    **_of("percent", "%", relative="relative to the large model"),
    **_of("ratio", "times", ratio="cheaper by"),
    **_of("ratio", r="R", r_low="R, low", r_high="R, high", m="M"),
    **_of("ratio", rank_correlation="rank correlation", score_rank_correlation="of the scores", estimate="estimate"),
    **_of("ratio", oracle="oracle difficulty", predicted="predicted difficulty"),
    **_of("plain", validation_loss="validation loss"),
    **_of("ratio", prm_last="PRM last", prm_min="PRM min", prm_prod="PRM product", prm_mean="PRM mean", orm="ORM"),
    **_of("ratio", orm_matched="label-matched ORM", orm_alone="ORM without history", prm="base PRM"),
    **_of("name", vote="vote", large="answers of the large model"),
    **_of("text", setting="setting", value="value", members="strategies", layer="layer of the residual stream"),
    **_of("count", runs="runs a question", replicate="run"),
    **_of("mean", "generations", target="set for", mean_budget="spent in the mean", n_star="worth, n*"),
    **_of("mean", "positions", policy_attended="policy attends to", verifier_attended="verifier attends to"),
    **_of("share", "%", accuracy_of_all="accuracy of all", realised="lost right answers", risk="promised at most"),
    **_of("share", "%", realised_in_splits="lost, over random halves"),
    **_of("points", "points", over_half_oracle="over half the gain of oracle bins", over_probe="over a probe of 8"),
    **_of("ratio", spearman="rank correlation"),
    # of supplements
    **_of("name", restart_at="the next attempt begins at", earlier_attempts="earlier attempts", parents="parents by"),
    **_of("name", teacher="taught by", reader="read by the PRM", what="of", guided="guided by", chosen="chosen by"),
    **_of("name", equal="at equal", selector="chosen by", base="small model", model="model"),
    **_of("name", once_model="sampled once", one_training="verdict of one training", agrees="agree", study="study"),
    **_of("name", low_bound="low, bound", high_bound="high, bound"),
    "values": Column("verifier", "name", words=looks.VERIFIERS),
    **_of("text", registered="registered", order="from best to worst", sha256="SHA-256 of the weights"),
    **_of("text", pays_from_auc="pays from an AUC of", crossing_bounds="bounds of the crossing"),
    **_of("count", attempts_of_a_chain="attempts of a chain", texts_kept="texts kept", questions="questions asked"),
    **_of("count", parameters="parameters", samples="samples", models="models", once_parameters="its parameters"),
    **_of("count", once_tokens="tokens it saw", mixed_questions="questions of right and wrong samples"),
    **_of("count", "questions", break_even="pays from"),
    **_of("share", "%", right_to_wrong="right ones lost", wrong_to_right="wrong ones mended", kept_wrong="wrong ones"),
    **_of("share", "%", coverage_at_256="coverage of 256", unguessed_at_256="without guessers"),
    **_of("share", "%", right_throughout_at_256="right in every step", majority_at_64="majority of 64"),
    **_of("share", "%", weighted_at_64_start="best of 64, PRM of the start", weighted_at_64_retrained="PRM retrained"),
    **_of("share", "%", best_of_16="best of 16", best_of_64="best of 64", measured="measured", law="by the law"),
    **_of("share", "%", power_law="by a power law", without_floor="without a floor", once_accuracy="its accuracy"),
    **_of("share", "%", greedy="greedy", one_sample="one sample", coverage="coverage", majority="majority"),
    **_of("share", "%", weighted="best-of-N weighted"),
    **_of("share", "%", by_the_base_prm="by the base's PRM", by_its_own_prm="by its own PRM"),
    **_of("name", read_by="read by"),
    **_of("plain", "seconds", seconds_alone="a question alone", quartile_low="its lower quartile"),
    **_of("plain", "seconds", quartile_high="its upper quartile", seconds_together="one of many together"),
    **_of("plain", "seconds", processor_seconds_together="the processor's for it"),
    **_of("points", "points", gain_at_equal_flops="gain at equal FLOPs", low_at_equal_flops="its low"),
    **_of("points", "points", high_at_equal_flops="its high", gap="verification over generation"),
    **_of("mean", answers_of_64="answers among 64", solutions_of_64="solutions among 64"),
    **_of("mean", crossing_k="crosses the base at", crossing_low="crossing, low", crossing_high="crossing, high"),
    **_of("ratio", "times", worth="a sample is worth", multiple="parameters, M*"),
    **_of("ratio", auc="AUC", auc_of_prefixes="AUC of unfinished solutions", auc_of_prm="AUC of the PRM", epsilon="ε"),
    **_of("ratio", auc_start="AUC, PRM of the start", auc_retrained="AUC, PRM retrained", spread="spread", mean="mean"),
    **_of("ratio", answer_entropy="entropy of the answers"),
    **{name: Column(name, "share", "%") for name in ("pass@1", "majority of 64", "best of 64, weighted")},
    **{f"pass@1 in bin {number}": Column(f"in bin {number}", "share", "%") for number in range(1, 6)},
    **{f"attempt {number}": Column(f"right, attempt {number}", "share", "%") for number in range(1, 9)},
    **_of("count", "tokens", tokens_seen="seen in training", tokens_of_corpus="of the corpus"),
    **_of("text", found="what was found"),
    **_of("power", loop_flops="FLOPs of the loop", rollout_flops="FLOPs of the rollouts", total_flops="FLOPs in all"),
    **_of("text", always_wins="small always wins", never_wins="small never wins", complete="complete"),
}


def column(name: str) -> Column:
    """How a column of this name is shown; one without a name labels the rows."""
    return COLUMNS.get(name) or Column(name.replace("_", " "), "plain" if name else "name")


def strategy_names(frames: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Name of every strategy of these tables -> what it is called in words."""
    found: dict[str, str] = {}
    for frame in frames.values():
        for row in frame.drop_duplicates("strategy").loc[:, STRATEGY_COLUMNS].to_dict("records"):
            found[str(row["strategy"])] = Strategy.of(row).label
    return found
