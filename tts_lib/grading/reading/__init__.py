"""What an answer says: from the tokens of its normal form over formulas and what they are worth to a reading."""
