"""The champion: choice, metrics on held-out rows, and what is registered under which alias.

``choice`` selects it, ``evaluation`` and ``metrics`` measure it, ``record`` is its
``champion.json``, ``package`` is what a model server needs. ``gate`` decides about the alias, by a
``paired_test``.
"""
