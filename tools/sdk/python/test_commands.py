"""Commands: lines and exit codes, in the foreground, in the background and in sessions."""

import unittest
from datetime import timedelta

from opensandbox.exceptions import SandboxApiException
from opensandbox.models.execd import RunCommandOpts
from opensandbox.models.execd_sync import ExecutionHandlersSync

from sandbox import WithSandbox, until


class Commands(WithSandbox):
    def texts(self, messages):
        return [m.text for m in messages]

    def test_lines_and_exit_code(self):
        done = self.sandbox.commands.run("echo one; echo two; echo oops >&2")
        self.assertEqual(self.texts(done.logs.stdout), ["one", "two"])
        self.assertEqual(self.texts(done.logs.stderr), ["oops"])
        self.assertEqual(done.exit_code, 0)
        self.assertIsNone(done.error)
        self.assertTrue(done.id)
        self.assertIsNotNone(done.complete)

    def test_a_command_that_fails(self):
        done = self.sandbox.commands.run("echo before; exit 42")
        self.assertEqual(self.texts(done.logs.stdout), ["before"])
        self.assertEqual(done.exit_code, 42)
        self.assertEqual(done.error.value, "42")

    def test_environment_and_folder(self):
        opts = RunCommandOpts(working_directory="/usr/share", envs={"MORE": "and more"})
        done = self.sandbox.commands.run('pwd; echo "$GREETING $MORE"', opts=opts)
        self.assertEqual(self.texts(done.logs.stdout), ["/usr/share", "hello from the sandbox and more"])

    def test_lines_are_handed_on_as_they_come(self):
        seen = []
        handlers = ExecutionHandlersSync(
            on_init=lambda e: seen.append("init"),
            on_stdout=lambda m: seen.append(m.text),
            on_execution_complete=lambda e: seen.append("complete"),
        )
        self.sandbox.commands.run("seq 3", handlers=handlers)
        self.assertEqual(seen, ["init", "1", "2", "3", "complete"])

    def test_a_timeout_ends_it(self):
        done = self.sandbox.commands.run("sleep 60", opts=RunCommandOpts(timeout=timedelta(seconds=1)))
        self.assertNotEqual(done.exit_code, 0)

    def test_in_the_background(self):
        commands = self.sandbox.commands
        begun = commands.run(
            "echo begun; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo done; exit 3",
            opts=RunCommandOpts(background=True),
        )
        self.assertTrue(commands.get_command_status(begun.id).running)
        first = until("the first line", lambda: _said(commands.get_background_command_logs(begun.id)))
        self.assertEqual(first.content, "begun\n")
        commands.run("touch /tmp/go")
        status = until("the end", lambda: _ended(commands.get_command_status(begun.id)))
        self.assertEqual(status.exit_code, 3)
        rest = commands.get_background_command_logs(begun.id, cursor=first.cursor)
        self.assertEqual(rest.content, "done\n")
        self.assertGreater(rest.cursor, first.cursor)

    def test_an_interrupt_ends_it(self):
        commands = self.sandbox.commands
        begun = commands.run("sleep 60", opts=RunCommandOpts(background=True))
        commands.interrupt(begun.id)
        status = until("the end", lambda: _ended(commands.get_command_status(begun.id)))
        self.assertNotEqual(status.exit_code, 0)

    def test_a_session_keeps_its_state(self):
        commands = self.sandbox.commands
        session = commands.create_session(working_directory="/tmp")
        commands.run_in_session(session, "cd /usr; export KEPT=yes")
        done = commands.run_in_session(session, "pwd; echo $KEPT")
        self.assertEqual(self.texts(done.logs.stdout), ["/usr", "yes"])
        failed = commands.run_in_session(session, "sh -c 'exit 5'")
        self.assertEqual(failed.exit_code, 5)
        commands.delete_session(session)
        with self.assertRaises(SandboxApiException) as caught:
            commands.delete_session(session)
        self.assertEqual(caught.exception.status_code, 404)

    def test_metrics(self):
        metrics = self.sandbox.get_metrics()
        self.assertEqual(metrics.memory_total_in_mib, 512)
        self.assertGreater(metrics.memory_used_in_mib, 0)
        self.assertGreaterEqual(metrics.cpu_count, 1)
        self.assertGreaterEqual(metrics.cpu_used_percentage, 0)


def _said(logs):
    return logs if logs.content else None


def _ended(status):
    return None if status.running else status


if __name__ == "__main__":
    unittest.main()
