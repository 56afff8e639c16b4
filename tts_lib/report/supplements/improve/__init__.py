"""The loop of self-improvement beside a study: how its models are asked, how they are taught, what is told of them."""
