"""The life of a sandbox: create, list, metadata, pause, resume, renew, reach a port, kill."""

import unittest
import urllib.request
from datetime import datetime, timedelta, timezone

from opensandbox import SandboxManagerSync, SandboxSync
from opensandbox.config import ConnectionConfigSync
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.execd import RunCommandOpts
from opensandbox.models.sandboxes import SandboxFilter

from sandbox import IMAGE, READY, RESOURCES, WithSandbox, until


class Lifecycle(WithSandbox):
    metadata = {"suite": "lifecycle", "stage": "demo-test"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = SandboxManagerSync.create()
        cls.addClassCleanup(cls.manager.close)

    def state(self):
        return self.sandbox.get_info().status.state

    def test_info(self):
        info = self.sandbox.get_info()
        self.assertEqual(info.id, self.sandbox.id)
        self.assertEqual(info.status.state, "Running")
        self.assertEqual(info.image.image, IMAGE)
        self.assertEqual(info.entrypoint, ["tail", "-f", "/dev/null"])
        self.assertEqual(info.metadata["suite"], "lifecycle")

    def test_list_with_filters(self):
        mine = SandboxFilter(metadata={"suite": "lifecycle", "stage": "demo-test"}, states=["Running", "Paused"])
        page = self.manager.list_sandbox_infos(mine)
        self.assertIn(self.sandbox.id, [i.id for i in page.sandbox_infos])
        none = self.manager.list_sandbox_infos(SandboxFilter(metadata={"suite": "lifecycle", "stage": "other"}))
        self.assertEqual(none.pagination.total_items, 0)
        gone = self.manager.list_sandbox_infos(SandboxFilter(states=["Failed"], metadata={"suite": "lifecycle"}))
        self.assertNotIn(self.sandbox.id, [i.id for i in gone.sandbox_infos])
        one = self.manager.list_sandbox_infos(SandboxFilter(page=1, page_size=1))
        self.assertEqual(len(one.sandbox_infos), 1)

    def test_metadata(self):
        changed = self.sandbox.patch_metadata({"colour": "green"})
        self.assertEqual(changed.metadata["colour"], "green")
        changed = self.sandbox.patch_metadata({"colour": None})
        self.assertNotIn("colour", changed.metadata)
        self.assertEqual(changed.metadata["suite"], "lifecycle")

    def test_renew(self):
        renewed = self.sandbox.renew(timedelta(minutes=20))
        away = renewed.expires_at - datetime.now(timezone.utc)
        self.assertAlmostEqual(away.total_seconds(), 20 * 60, delta=60)
        self.assertEqual(self.sandbox.get_info().expires_at, renewed.expires_at)

    def test_a_port(self):
        self.sandbox.commands.run(
            "python3 -m http.server --directory /usr/share 8000", opts=RunCommandOpts(background=True)
        )
        endpoint = self.sandbox.get_endpoint(8000)

        def answers():
            request = urllib.request.Request(f"http://{endpoint.endpoint}/", headers=endpoint.headers or {})
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    return answer.read().decode()
            except OSError:
                return None

        self.assertIn("Directory listing", until("the service", answers))

    def test_through_the_server(self):
        """Where a client can't reach the sandbox, it asks for the server's own proxy."""
        config = ConnectionConfigSync(use_server_proxy=True)
        same = SandboxSync.connect(self.sandbox.id, config, connect_timeout=READY)
        self.addCleanup(same.close)
        same.files.write_file("/data/through.txt", "through the server")
        done = same.commands.run("cat /data/through.txt")
        self.assertEqual(done.logs.stdout[0].text, "through the server")

    def test_pause_and_resume(self):
        begun = self.sandbox.commands.run("sleep 300", opts=RunCommandOpts(background=True))
        self.sandbox.pause()
        until("Paused", lambda: self.state() == "Paused")
        with self.assertRaises(SandboxApiException) as caught:
            self.sandbox.pause()
        self.assertEqual(caught.exception.status_code, 409)
        resumed = SandboxSync.resume(self.sandbox.id, resume_timeout=READY)
        self.addCleanup(resumed.close)
        until("Running", lambda: self.state() == "Running")
        self.assertTrue(resumed.commands.get_command_status(begun.id).running)

    def test_connect_and_kill(self):
        made = SandboxSync.create(IMAGE, timeout=timedelta(minutes=5), ready_timeout=READY, resource=RESOURCES)
        self.addCleanup(made.close)
        same = SandboxSync.connect(made.id, connect_timeout=READY)
        self.addCleanup(same.close)
        self.assertEqual(same.commands.run("echo here").logs.stdout[0].text, "here")
        made.kill()
        until("the end", lambda: self.ended(made.id))

    def ended(self, sandbox_id):
        try:
            return self.manager.get_sandbox_info(sandbox_id).status.state == "Terminated"
        except SandboxApiException as e:
            return e.status_code == 404

    def test_an_error_says_what_is_wrong(self):
        with self.assertRaises(SandboxApiException) as caught:
            self.manager.get_sandbox_info("4a6f3c1e-0000-4000-8000-000000000000")
        self.assertEqual(caught.exception.status_code, 404)
        self.assertTrue(caught.exception.error.code)
        self.assertTrue(caught.exception.error.message)
        self.assertTrue(caught.exception.request_id)


if __name__ == "__main__":
    unittest.main()
