"""Code: contexts that keep their state, results, errors, interrupt. By opensandbox-code-interpreter."""

import threading
import unittest

from code_interpreter import CodeInterpreterSync
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.execd_sync import ExecutionHandlersSync

from sandbox import READY, WithSandbox


class Code(WithSandbox):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.interpreter = CodeInterpreterSync.create(cls.sandbox, ready_timeout=READY)
        cls.addClassCleanup(lambda: cls.interpreter.close())
        cls.codes = cls.interpreter.codes

    def lines(self, execution):
        return [m.text for m in execution.logs.stdout]

    def test_a_context_keeps_its_variables(self):
        for language, first, second in [
            ("python", "x = 40", "print(x + 2)"),
            ("javascript", "let x = 40", "console.log(x + 2)"),
            ("bash", "x=40", "echo $((x + 2))"),
        ]:
            with self.subTest(language):
                context = self.codes.create_context(language)
                self.codes.run(first, context=context)
                self.assertEqual(self.lines(self.codes.run(second, context=context)), ["42"])

    def test_result_and_error(self):
        done = self.codes.run("print('said'); 40 + 2", language="python")
        self.assertEqual(self.lines(done), ["said"])
        self.assertEqual([r.text for r in done.result], ["42"])
        self.assertEqual(done.text, "said\n42")
        failed = self.codes.run("1 / 0", language="python")
        self.assertEqual(failed.error.name, "ZeroDivisionError")
        self.assertTrue(failed.error.traceback)

    def test_contexts(self):
        one, other = self.codes.create_context("bash"), self.codes.create_context("bash")
        self.assertEqual(self.codes.get_context(one.id).language, "bash")
        listed = {c.id for c in self.codes.list_contexts("bash")}
        self.assertLessEqual({one.id, other.id}, listed)
        self.codes.delete_context(one.id)
        with self.assertRaises(SandboxApiException) as caught:
            self.codes.get_context(one.id)
        self.assertEqual(caught.exception.status_code, 404)
        self.codes.delete_contexts("bash")
        self.assertNotIn(other.id, {c.id for c in self.codes.list_contexts("bash")})

    def test_an_interrupt_ends_it(self):
        context = self.codes.create_context("python")
        ids, running = [], threading.Event()
        handlers = ExecutionHandlersSync(on_init=lambda e: ids.append(e.id), on_stdout=lambda m: running.set())
        done = []
        code = "import time\nprint('running', flush=True)\ntime.sleep(60)"
        thread = threading.Thread(target=lambda: done.append(self.codes.run(code, context=context, handlers=handlers)))
        thread.start()
        self.assertTrue(running.wait(30))
        self.codes.interrupt(ids[0])
        thread.join(30)
        self.assertEqual(done[0].error.name, "KeyboardInterrupt")
        self.assertEqual(self.lines(self.codes.run("print('still here')", context=context)), ["still here"])


if __name__ == "__main__":
    unittest.main()
