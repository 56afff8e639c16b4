"""Greedy tokens and their log-probabilities from vLLM with and without an adapter, as JSON on standard output.

Arguments: model folder, adapter folder, JSON list of prompts (token ids), new tokens a prompt. A process of its own,
because vLLM changes the one it runs in.
"""

import json
import os
import sys

os.environ |= {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
}


def main(model: str, adapter: str, prompts: list[list[int]], n_tokens: int) -> None:
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest

    llm = LLM(model, dtype="float32", enforce_eager=True, max_num_seqs=16, enable_lora=True, max_lora_rank=8)
    settings = SamplingParams(temperature=0, max_tokens=n_tokens, logprobs=0, ignore_eos=True, detokenize=False)
    result = {}
    for name, lora in (("adapter", LoRARequest("adapter", 1, adapter)), ("base", None)):
        inputs = [{"prompt_token_ids": prompt} for prompt in prompts]
        drawn = [each.outputs[0] for each in llm.generate(inputs, settings, use_tqdm=False, lora_request=lora)]
        log_p = [[p[t].logprob for t, p in zip(d.token_ids, d.logprobs, strict=True)] for d in drawn]
        result[name] = {"tokens": [list(d.token_ids) for d in drawn], "log_p": log_p}
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4]))
