"""Small experiments that show what a network is made of, each in seconds.

One file per experiment. Its public function returns a :class:`~.section.Section` of the page
``foundations.html``; the other functions are the experiment itself, and can be used alone.
"""
