# Runs pieces of Python for execd; see frame.go for what it says on the control descriptor. This file is executed in
# a namespace of its own: __main__ belongs to the code that it runs. It imports little, so that a context starts fast.
import sys

if sys.path and sys.path[0] == "":
    del sys.path[0]  # a file beside the user's code must not pass for a module of this driver

import _signal
import _thread
import os

CONTROL = 3
LARGEST = 1 << 20  # characters of one text
AWAIT = 0x2000 if sys.version_info >= (3, 8) else 0  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
ONLY_AST = 0x400  # ast.PyCF_ONLY_AST
FUTURES = 0x1FE0000  # what "from __future__ import" sets
COROUTINE = 0x80  # inspect.CO_COROUTINE

main = sys.modules["__main__"].__dict__
sources = []  # (file name, text) that linecache does not know yet
modules = {}  # of the driver's own use, safe from what the user's code calls the same
loop = None
pid = os.getpid()


def module(name):
    """Imports a module of the standard library, whatever the user's code has put in its way."""
    if name not in modules:
        library = os.path.dirname(os.__file__)
        taken = sys.modules.get(name)
        if taken is not None and not (getattr(taken, "__file__", None) or library).startswith(library):
            del sys.modules[name]
        else:
            taken = None
        try:
            with apart:
                modules[name] = __import__(name)
        finally:
            if taken is not None:
                sys.modules[name] = taken
    return modules[name]


class Apart:
    """While it is entered, imports don't find what lies beside the user's code."""

    def __enter__(self):
        self.path = sys.path[:]
        sys.path[:] = [p for p in sys.path if p not in ("", ".") and p != os.getcwd()]

    def __exit__(self, *error):
        sys.path[:] = self.path


apart = Apart()


running = False
waiting = []  # frames that go out with the next one
sending = _thread.allocate_lock()
first = _thread.get_ident()


def send(kind, *fields):
    """Sends a frame whole, at any time. A value that is shown by itself is waited for, so that what is written next comes next."""
    global running
    data = [f if isinstance(f, bytes) else f.encode("utf-8", "backslashreplace") for f in fields]
    head = " ".join([kind] + [str(len(d)) for d in data]) + "\n"
    left = memoryview(b"".join([head.encode()] + data))
    if os.getpid() != pid:  # a fork of the user's code
        return
    interrupts = []
    before = None
    if _thread.get_ident() == first:  # the others are never interrupted
        before = _signal.signal(_signal.SIGINT, lambda *args: interrupts.append(args))
    with sending:
        if kind == "s" and not running:  # from a thread that a piece left behind
            left = None
        elif kind == "r":  # the end follows at once
            waiting.append(left)
            left = None
        elif waiting:
            left = memoryview(b"".join(waiting) + left)
            waiting.clear()
        while left:
            left = left[os.write(CONTROL, left):]
        if kind == "s" and running:
            os.read(CONTROL, 1)
        elif kind in "cde":
            running = kind == "c"
    if before is not None:
        _signal.signal(_signal.SIGINT, before)
        if interrupts and callable(before):
            before(*interrupts[0])


def cut(text):
    return text if len(text) <= LARGEST else text[:LARGEST] + "…"


# Results

FORMS = (
    ("text/html", "_repr_html_"),
    ("text/markdown", "_repr_markdown_"),
    ("text/latex", "_repr_latex_"),
    ("image/svg+xml", "_repr_svg_"),
    ("image/png", "_repr_png_"),
    ("image/jpeg", "_repr_jpeg_"),
    ("application/json", "_repr_json_"),
)


def content(mime, value):
    """The text of a rich form, or None where it has none."""
    if isinstance(value, tuple):  # with metadata
        value = value[0] if value else None
    if value is None:
        return None
    if isinstance(value, (bytes, bytearray)):
        import binascii

        return binascii.b2a_base64(value, newline=False).decode()
    if not isinstance(value, str) or (mime == "application/json" and not isinstance(value, str)):
        return module("json").dumps(value)
    return value


def forms(value):
    """Pairs of MIME type and content, the plain text first. Only a repr that raises is the user's error."""
    found = {"text/plain": cut(repr(value))}
    if isinstance(value, type) or type(value).__module__ == "builtins":
        return found
    for mime, name in FORMS:
        method = getattr(value, name, None)
        if callable(method):
            try:
                text = content(mime, method())
            except Exception:
                continue
            if text is not None:
                found[mime] = text
    method = getattr(value, "_repr_mimebundle_", None)
    if callable(method):
        try:
            bundle = method(include=None, exclude=None)
            if isinstance(bundle, tuple):
                bundle = bundle[0]
            for mime, part in (bundle or {}).items():
                text = content(mime, part)
                if text is not None:
                    found[mime] = text
        except Exception:
            pass
    return found


def show(found, kind="s"):
    fields = []
    for mime, text in found.items():
        if len(text) <= 3 * LARGEST:
            fields += [mime, text]
    send(kind, *fields)


def display(*values, **options):
    """Shows values in the richest form that each has; raw=True takes dicts from MIME type to content."""
    for value in values:
        if options.get("raw"):
            found = {mime: content(mime, part) for mime, part in value.items()}
            show({mime: text for mime, text in found.items() if text is not None})
        else:
            show(forms(value))


def figures():
    """Shows and closes what matplotlib has open."""
    plot = sys.modules.get("matplotlib.pyplot")
    if plot is None or not hasattr(plot, "get_fignums"):
        return
    import io

    for number in plot.get_fignums():
        figure = plot.figure(number)
        png = io.BytesIO()
        figure.savefig(png, format="png", bbox_inches="tight")
        show({"text/plain": repr(figure), "image/png": content("image/png", png.getvalue())})
    plot.close("all")


# Failures


def remember():
    """Makes source lines known to tracebacks."""
    cache = module("linecache").cache
    while sources:
        name, text = sources.pop()
        cache[name] = (len(text), None, text.splitlines(True), name)


def own(trace):
    """Takes the frames of this driver out of a traceback and those that it is linked to."""
    for linked in [trace.__cause__, trace.__context__] + (getattr(trace, "exceptions", None) or []):
        if linked is not None:
            own(linked)
    if trace.stack:
        trace.stack[:] = [frame for frame in trace.stack if frame.filename != "<execd>"]
    return trace


def fail(error):
    """Says how a piece failed, as the interpreter would, without the frames of this driver."""
    kind = type(error)
    tb = error.__traceback__
    while tb is not None and tb.tb_frame.f_globals is not main:
        tb = tb.tb_next
    try:
        value = str(error)
    except Exception:
        value = "<exception str() failed>"
    try:
        remember()
        trace = module("traceback").TracebackException
        with apart:
            lines = "".join(own(trace(kind, error, tb)).format())
    except BaseException:  # too deep, no memory left, interrupted, …
        lines = kind.__name__ + ": " + value
    send("e", kind.__name__, cut(value), cut(lines.rstrip("\n")))


# Runs


def finish(code):
    """Runs compiled code; a coroutine where it awaits something itself."""
    value = eval(code, main)
    if not code.co_flags & COROUTINE:
        return value
    global loop
    asyncio = module("asyncio")
    if loop is None or loop.is_closed():
        loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(value)
    try:
        return loop.run_until_complete(task)
    except BaseException:
        if not task.done():
            task.cancel()
            try:
                loop.run_until_complete(task)
            except BaseException:
                pass
        raise


flags = AWAIT


def execute(text, name):
    global flags
    tree = compile(text, name, "exec", flags | ONLY_AST, True)
    last = None
    if tree.body and type(tree.body[-1]).__name__ == "Expr":
        last = EXPRESSION(tree.body.pop().value)
    # Both are compiled before either runs: an error of syntax must not come half-way.
    code = compile(tree, name, "exec", flags, True) if tree.body else None
    if last is not None:
        last = compile(last, name, "eval", flags | (code.co_flags & FUTURES if code else 0), True)
    if code is not None:
        flags |= code.co_flags & FUTURES
        finish(code)
    if last is not None:
        value = finish(last)
        if value is not None:
            found = forms(value)
            main["_"] = value
            show(found, "r")


EXPRESSION = __import__("_ast").Expression


def idle(number, frame):
    """Takes an interrupt that came when nothing ran any more."""


handler = _signal.default_int_handler


def run(text, count):
    global handler
    name = "<cell %d>" % count
    failure = None
    try:
        try:
            _signal.signal(_signal.SIGINT, handler)
            send("c", str(count))
            sources.append((name, text))
            if "linecache" in sys.modules:
                remember()
            if "matplotlib" in text:
                module("warnings").filterwarnings("ignore", message=".*(is non-interactive|non-GUI backend)")
            execute(text, name)
            figures()
        except BaseException as error:
            failure = error
        for out in (sys.stdout, sys.stderr):
            try:
                out.flush()
            except (AttributeError, OSError, ValueError):
                pass
    except BaseException as error:  # an interrupt between the two
        failure = failure or error
    while True:
        try:
            current = _signal.getsignal(_signal.SIGINT)
            if current is not idle:
                handler = current  # the user's own stays in force
                _signal.signal(_signal.SIGINT, idle)
            break
        except BaseException as error:
            failure = failure or error
    if os.getpid() != pid:  # a fork that was not ended ends where its piece does
        code = getattr(failure, "code", failure)
        if failure is not None and not isinstance(failure, SystemExit):
            sys.excepthook(type(failure), failure, failure.__traceback__)
        os._exit(0 if code is None else code if isinstance(code, int) else 1)
    if failure is None:
        send("d")
    else:
        fail(failure)
        failure.__traceback__ = None  # or its frames would hold on to what they hold


def pieces():
    """The pieces that execd sends, each ended by a NUL."""
    held = b""
    while True:
        data = os.read(CONTROL, 65536)
        if not data:
            os.killpg(0, _signal.SIGKILL)  # execd is gone
        parts = data.split(b"\0")
        if len(parts) == 1:
            held += data
            continue
        for part in parts[:-1]:
            yield (held + part).decode("utf-8", "replace")
            held = b""
        held = parts[-1]


def refuse(prompt=""):
    raise EOFError("input() has no one to ask here: put the answer into the code")


def forked():
    os.close(CONTROL)


def serve():
    os.set_inheritable(CONTROL, False)
    os.register_at_fork(after_in_child=forked)
    for out in (sys.stdout, sys.stderr):
        out.reconfigure(encoding="utf-8", errors="backslashreplace")
    builtins = sys.modules["builtins"]
    builtins.input = refuse
    builtins.display = display
    _signal.signal(_signal.SIGINT, idle)
    main.pop("sys", None)
    sys.argv[:] = [""]
    sys.path.insert(0, "")
    send("h")
    for count, text in enumerate(pieces(), 1):
        run(text, count)
        if count == 1:  # now is the time for what most contexts need sooner or later
            try:
                remember()
                module("traceback")
            except Exception:
                pass


serve()
