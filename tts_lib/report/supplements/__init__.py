"""Supplements: studies beside a study whose results it shows, with the hashes of what they belong to."""
