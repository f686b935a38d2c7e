"""Reporting: report, model card, console and figures."""
