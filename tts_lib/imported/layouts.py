"""What people call the columns of their files, and where known logs hold them (paths: `tts_lib.imported.paths`).

A layout is known by where its texts stand, and by who says them where that is written down. Of several paths the first
that fits is taken; of the question's the one by which most are found in the study. `*` is a name of the file's own: the
one of those there whose values fit.
"""

from collections.abc import Mapping
from types import MappingProxyType

from tts_lib.questions.files import questions

# The names of a file with one sample a row, the commonest first. Layouts share those of the question and the model.
NAMES = {
    "question": " ".join((*questions.IDS, *questions.TEXTS)),
    "text": "text completion response solution output generation generated_text model_output",
    "answer": "answer ans extracted_answer prediction predicted_answer pred final_answer model_answer",
    "correct": "correct is_correct ok passed right verdict label score_correct",
    "step_scores": "step_scores prm_scores prm_steps scores rewards prm_score reward score orm_score orm",
    "n_tokens": "n_tokens tokens num_tokens completion_tokens output_tokens tok",
    "n_chars": "n_chars chars",
    "finish": "finish finish_reason stop_reason",
    "lcp": "lcp",
    "model": "model model_name policy",
    "temperature": "temperature temp",
}

# Lists of samples in columns: OpenR1 and the like; evaluations of Qwen2.5-Math and ToRA (code, pred, score).
LISTS = {
    "text": "generations[] completions[] responses[] solutions[] samples[] outputs[] model_responses[] predictions[] "
    "candidates[] code[]",
    "answer": "pred[] preds[] extracted_answers[]",
    "correct": "correctness_math_verify[] correctness[] is_corrects[] is_correct[] correct[] score[]",
    "step_scores": "scores[] step_scores[] prm_scores[] rewards[]",
    "n_tokens": "completion_tokens[] n_tokens[] num_tokens[] token_ids[] output_tokens[]",
    "finish": "finish_reasons[] finish_reason[]",
    "gold": " ".join(questions.GOLDS),
}


def _of_chat(path: str) -> dict[str, str]:
    """A chat or text completion of an OpenAI-like server, which stands at the path."""
    return {
        "text": f"{path}choices[].message.content {path}choices[].message.content[-1].text {path}choices[].text",
        "finish": f"{path}choices[].finish_reason",
        "n_tokens": f"{path}usage.completion_tokens",
        "model": f"{path}model",
    }


def _of_lighteval(doc: str, metric: str, response: str) -> dict[str, str]:
    return {
        "question": f"{doc}.query",
        "text": f"{response}.text[]",
        "correct": f"{metric}.extractive_match {metric}.em {metric}.qem",
        "n_tokens": f"{response}.output_tokens[]",
        "gold": f"{doc}.choices[0]",
    }


_INSPECT = {
    "question": "samples[].id samples[].input samples[].input[-1].content",
    "correct": "samples[].scores.*.value samples[].score.value",
    "gold": "samples[].target samples[].target[0]",
}

LAYOUTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "lm-evaluation-harness": {
            "question": "doc.problem doc.question doc.Problem doc.Question doc_id",
            "text": "resps[][]",
            "correct": "exact_match",
            "gold": "target",
            "once": "doc_id",  # each stands in the file once for each filter of the task
        },
        "batch of OpenAI or vLLM": _of_chat("response.body."),
        "batch of OpenAI's responses": {
            "text": "response.body.output[-1].content[-1].text",
            "n_tokens": "response.body.usage.output_tokens",
            "model": "response.body.model",
        },
        "chat completions": _of_chat("response."),
        "chat completions, bare": _of_chat(""),
        "batch of Anthropic": {
            "text": "result.message.content[-1].text",
            "finish": "result.message.stop_reason",
            "n_tokens": "result.message.usage.output_tokens",
            "model": "result.message.model",
        },
        "vLLM": {
            "text": "outputs[].text",
            "finish": "outputs[].finish_reason",
            "n_tokens": "outputs[].token_ids",
        },
        "lighteval": _of_lighteval("doc", "metric", "model_response"),
        "lighteval to 0.12": _of_lighteval("__doc__", "__metric__", "__model_response__"),
        "lighteval to 0.9": {
            "question": "example full_prompt",
            "text": "predictions[]",
            "correct": "metrics.extractive_match metrics.em metrics.qem",
            "gold": "gold[0] gold",
        },
        "inspect_ai": {
            "text": "samples[].output.choices[].message.content samples[].output.choices[].message.content[-1].text",
            "n_tokens": "samples[].output.usage.output_tokens",
            "finish": "samples[].output.choices[].stop_reason",
            "model": "samples[].output.model",
            **_INSPECT,
        },
        "inspect_ai, dialogues without an output": {
            "text": "samples[].messages[-1].content samples[].messages[-1].content[-1].text",
            "said_by": "samples[].messages[-1].role",
            "model": "eval.model",
            **_INSPECT,
        },
        "simple-evals": {"question": "convos[][0].content", "text": "convos[][-1].content"},
        "lists in columns": LISTS,
    }
)

MODEL = "assistant"  # who says a text, by the path `said_by` of a layout

# What these hold is no sample of a question as it stands: paths that only they have -> what to do.
NO_SAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "label.steps": "this is PRM800K, steps among which people chose and not solutions drawn at random; the samples "
        "of the paper are its scored-test-samples.jsonl, with problem, answer, is_correct and prm_score",
        "resps[][][]": "resps[][] holds log-likelihoods of choices and not texts, which lm-evaluation-harness logs if "
        "a task generates (generate_until)",
        "spec.eval_name": "this is a log of OpenAI's evals, one event a line; make rows of its matches: "
        "jq -c 'select(.type==\"match\") | {question: .sample_id, text: .data.sampled, correct: .data.correct}'",
    }
)

# Files that hold no records, by how their names end.
NO_RECORDS: Mapping[str, str] = MappingProxyType(
    {".eval": "this is a packed log of inspect_ai; write it as JSON first: inspect log convert FILE --to json"}
)
