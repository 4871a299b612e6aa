"""The asynchronous half of the SDK, which has clients of its own."""

import asyncio
import unittest
from datetime import timedelta

from code_interpreter import CodeInterpreter
from opensandbox import Sandbox, SandboxManager
from opensandbox.models.sandboxes import SandboxFilter

from sandbox import IMAGE, READY, RESOURCES


class Async(unittest.IsolatedAsyncioTestCase):
    async def test_a_life(self):
        sandbox = await Sandbox.create(
            IMAGE,
            timeout=timedelta(minutes=5),
            ready_timeout=READY,
            metadata={"suite": "async"},
            resource=RESOURCES,
        )
        try:
            one, other = await asyncio.gather(
                sandbox.commands.run("echo one; exit 7"), sandbox.commands.run("echo other")
            )
            self.assertEqual(([m.text for m in one.logs.stdout], one.exit_code), (["one"], 7))
            self.assertEqual(([m.text for m in other.logs.stdout], other.exit_code), (["other"], 0))
            await sandbox.files.write_file("/data/note.txt", "kept")
            self.assertEqual(await sandbox.files.read_file("/data/note.txt"), "kept")
            self.assertEqual((await sandbox.get_metrics()).memory_total_in_mib, 512)

            interpreter = await CodeInterpreter.create(sandbox, ready_timeout=READY)
            context = await interpreter.codes.create_context("python")
            await interpreter.codes.run("x = 6", context=context)
            done = await interpreter.codes.run("x * 7", context=context)
            self.assertEqual(done.result[0].text, "42")

            async with await SandboxManager.create() as manager:
                page = await manager.list_sandbox_infos(SandboxFilter(metadata={"suite": "async"}))
                self.assertEqual([i.id for i in page.sandbox_infos], [sandbox.id])
        finally:
            await sandbox.destroy()


if __name__ == "__main__":
    unittest.main()
