"""The sample store: a content-addressed, append-only folder of everything a policy has ever sampled.

The step scores of slow verifiers stand there too, in the same form (`tts_lib.answers.cached_verifier`).

A sample is keyed by its context (policy version, prefix tokens, sampling settings) and its seed, so a killed run
resumes where it stopped, and more samples of the same questions cost only the difference. On disk::

    .tts_store/
        manifest.jsonl      one line a shard, with its SHA-256; written last, so shards it does not list do not count
        shards/             shard-<SHA-256>.safetensors, never changed once written
        quarantine/         shards found damaged, set aside
        writer.lock         held by the one process that may write; readers need no lock
        writer.json         who that is

`python -m tts_lib.answers.store verify|stats|gc` looks after it.
"""
