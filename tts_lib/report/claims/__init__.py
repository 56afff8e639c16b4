"""The claims of the paper and their verdicts: what a claim is, how a finding is judged, the claims by section."""
