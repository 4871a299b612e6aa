"""What the tests share: a sandbox for each class of them, made as the SDK's documentation shows.

Where the server is, and its key, the SDK reads from OPEN_SANDBOX_DOMAIN and OPEN_SANDBOX_API_KEY.
"""

import os
import time
import unittest
from datetime import timedelta

from opensandbox import SandboxSync

IMAGE = os.environ.get("OPENSANDBOX_TEST_IMAGE", "opensandbox/debian:local")
RESOURCES = {"cpu": "1", "memory": "512Mi"}
READY = timedelta(seconds=60)  # a busy machine is no fault


class WithSandbox(unittest.TestCase):
    """One sandbox for all tests of a class."""

    sandbox: SandboxSync
    metadata: dict[str, str] = {}

    @classmethod
    def setUpClass(cls):
        cls.sandbox = SandboxSync.create(
            IMAGE,
            timeout=timedelta(minutes=5),
            ready_timeout=READY,
            env={"GREETING": "hello from the sandbox"},
            metadata={"made-by": "python-sdk", **cls.metadata},
            resource=RESOURCES,
        )
        cls.addClassCleanup(lambda: cls.sandbox.destroy())


def until(what, ask, within=30.0):
    """Asks again until the answer is true: for what the SDK has no call that waits."""
    late = time.monotonic() + within
    while not (answer := ask()):
        if time.monotonic() > late:
            raise AssertionError(f"{what}: not within {within} s")
        time.sleep(0.05)
    return answer
