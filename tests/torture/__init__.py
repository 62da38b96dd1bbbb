"""The promise under torture: the whole program is killed, tripped up and flooded, and every request
is judged afterwards.

Reading order: ``oracle`` (a model whose every word says which question it answers), ``places``
(where people ask, and what they see), ``trouble`` (random faults of the platforms), ``kept`` (what
the database holds), ``verdict`` (what became of each request), and the plays: ``kills``, ``rush``,
``soak``.
"""
