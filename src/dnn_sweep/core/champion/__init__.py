"""The champion: choice, metrics on held-out rows, and what is registered under which alias.

``choice`` selects it, ``served`` joins the networks that are served of it, ``refit`` trains them
anew if that is asked for or there are folds, ``served_baseline`` fits what may be served in their
place, ``evaluation`` and ``metrics`` measure what is
served, ``record`` is its ``champion.json``, ``package`` is what a model server needs. ``gate``
decides about the alias, by a ``paired_test``.
"""
