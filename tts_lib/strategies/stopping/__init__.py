"""How many samples a question is worth: rules that read a pool sample by sample and may only go on or stop."""
