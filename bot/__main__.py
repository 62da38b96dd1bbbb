"""``python -m bot`` is the program ``switchboard``."""

import sys

from bot.cli import main

sys.exit(main())
