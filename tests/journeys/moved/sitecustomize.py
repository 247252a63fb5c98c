"""Has a process live at another time, from its first moment on.

Python runs this before all else where this folder is on PYTHONPATH.
"""

import os
from datetime import datetime

import time_machine

time_machine.travel(datetime.fromisoformat(os.environ["MOVED_TO"])).start()
