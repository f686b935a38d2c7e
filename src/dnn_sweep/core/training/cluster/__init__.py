"""Training on more machines, with Ray (``executor.kind: ray``); nothing else imports it.

``docs/cluster.md`` is for users, ``docs/decisions/0035`` has the reasons. Read in this order:

1. ``task``: what a worker is given, and what it says.
2. ``engine``: cuts a stage's trials into tasks and collects what comes back.
3. ``fleet`` (with ``waiting``): workers join, train, die and are replaced.
4. ``host``, ``worker`` (with ``carried``): what runs on the other machines.
5. ``connection``: how a cluster is reached, and refused.
"""
