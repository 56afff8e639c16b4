"""What is said of a choice, over more sets of test questions than the study's one; its models stay."""
