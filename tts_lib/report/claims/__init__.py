"""The claims of the paper and their verdicts: registered as data, contrasts by section, how a finding is judged."""
