"""Facilitated discussions by email: from the first question to the consolidated reply."""

__version__ = "0.1.0"
