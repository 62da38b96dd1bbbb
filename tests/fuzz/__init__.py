"""Coverage-guided fuzzing with atheris: ``make fuzz``.

``targets`` holds the functions ``(bytes) -> None`` that raise where a promise is broken, ``draws``
turns bytes into values for them, ``corpus`` the inputs that are worth keeping. ``tests/
test_fuzz_corpus.py`` replays those in every test run; only ``worker`` needs atheris.
"""
