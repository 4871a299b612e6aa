// Runs pieces of JavaScript for execd; see frame.go for what it says on the control descriptor. The inspector of this
// very process evaluates them as a console does: const may be declared again, await stands anywhere.
"use strict";
(() => {
  const fs = require("fs");
  const inspector = require("inspector");
  const net = require("net");
  const path = require("path");
  const util = require("util");
  const vm = require("vm");
  const { createRequire } = require("module");

  const LARGEST = 1 << 20; // characters of one text
  const cut = (text) => (text.length > LARGEST ? text.slice(0, LARGEST) + "…" : text);

  // Written at once: a stream would gather in memory what does not fit, and an interrupt in the middle of its work would
  // leave it unusable.
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const write = (fd, data) => {
    for (let at = 0; at < data.length; ) {
      try {
        at += fs.writeSync(fd, data, at);
      } catch (error) {
        if (error.code !== "EAGAIN") throw error;
        Atomics.wait(pause, 0, 0, 1);
      }
    }
  };
  const control = new net.Socket({ fd: 3, readable: true, writable: false });
  const send = (kind, ...fields) => {
    const data = fields.map((f) => Buffer.from(f));
    write(3, Buffer.concat([Buffer.from([kind, ...data.map((d) => d.length)].join(" ") + "\n"), ...data]));
  };

  const session = new inspector.Session();
  session.connect();
  const hidden = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });

  // An interrupt ends what runs within guarded, even an endless loop: guarded throws then.
  let work = null;
  const entry = Symbol.for("execd");
  hidden(entry, () => work());
  const enter = new vm.Script('globalThis[Symbol.for("execd")]()', { filename: "<execd>" });
  const guarded = (f) => {
    work = f;
    return enter.runInThisContext({ breakOnSigint: true });
  };

  // What the inspector calls a remote object, as it is.
  let fetched;
  const receive = Symbol.for("execd.value");
  hidden(receive, (value) => { fetched = value; });
  const fetch = (object) => {
    const argument = {};
    for (const name of ["value", "unserializableValue", "objectId"]) if (name in object) argument[name] = object[name];
    session.post("Runtime.evaluate", { expression: 'globalThis[Symbol.for("execd.value")]', objectGroup: "execd" }, (error, { result }) => {
      session.post("Runtime.callFunctionOn", {
        objectId: result.objectId, functionDeclaration: "function (v) { this(v); }", arguments: [argument], silent: true,
      });
    });
    const value = fetched;
    fetched = undefined;
    return value;
  };

  // Failures

  const failure = (error, name) => {
    if (!(error instanceof Error) && !util.types.isNativeError(error)) {
      const text = cut(util.inspect(error));
      return ["Error", text, "Uncaught " + text];
    }
    let [kind, message, stack] = ["Error", "", ""];
    try {
      kind = String(error.name);
      message = cut(String(error.message));
      stack = String(error.stack);
    } catch {}
    let lines = stack.split("\n");
    let last = lines.length - 1; // below the piece there are frames of this driver
    while (last >= 0 && !lines[last].includes("<cell-")) last--;
    if (last >= 0) lines = lines.slice(0, last + 1);
    else lines = lines.filter((line) => !/^ {4}at .*(node:|<execd>|\[eval\])/.test(line));
    if (error.cause !== undefined) lines.push(...util.inspect(error.cause).split("\n").map((line, i) => (i ? "  " : "  [cause]: ") + line));
    if (name && error instanceof SyntaxError && last < 0) lines.push("    at " + name);
    return [kind, message, cut(lines.join("\n") || kind)];
  };
  const interrupted = ["Interrupted", "the code was interrupted", "Interrupted: the code was interrupted"];

  // Runs. One is current from its beginning until it has an end; what comes later of it is no longer told.

  let current = null;
  const over = (run, kind, fields) => {
    if (current !== run || run.ends) return;
    run.ends = true;
    setImmediate(() => { // rejections that no one handles come first
      if (current !== run) return;
      current = null;
      if (run.failure) send("e", ...run.failure);
      else send(kind, ...fields);
    });
  };
  const fail = (run, fields) => {
    if (!run || current !== run) return;
    run.failure = run.failure || fields;
    over(run, "d", []);
  };

  const answered = (run, { result, exceptionDetails }) => {
    if (current !== run || run.ends) return;
    try {
      if (exceptionDetails) {
        const { lineNumber, columnNumber, exception, text } = exceptionDetails;
        const value = fetch(exception || { type: "string", value: text });
        fail(run, failure(value, `${run.name}:${lineNumber + 1}:${columnNumber + 1}`));
      } else {
        const value = fetch(result);
        if (value !== undefined) send("r", "text/plain", cut(util.inspect(value)));
      }
    } catch (error) { // an own way to be shown
      fail(run, failure(error));
    }
    session.post("Runtime.releaseObjectGroup", { objectGroup: "execd" });
    over(run, "d", []);
  };

  const run = (text, count) => {
    const run = { name: `<cell-${count}>`, ends: false, failure: null };
    current = run;
    text = imports(text);
    let inside = true;
    let early = null;
    try {
      guarded(() => {
        send("c", String(count)); // from here on an interrupt reaches the piece
        session.post("Runtime.evaluate", {
          expression: `${text}\n//# sourceURL=${run.name}`, replMode: true, awaitPromise: true, objectGroup: "execd",
        }, (error, answer) => {
          answer = error ? { exceptionDetails: { text: error.message } } : answer;
          if (inside) early = answer; // an interrupt must not hit what follows
          else answered(run, answer);
        });
      });
    } catch (error) {
      inside = false;
      fail(run, error && error.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED" ? interrupted : failure(error));
    }
    inside = false;
    if (early) answered(run, early);
    else if (current === run && !run.ends) send("a");
  };

  // A signal is for guarded, and for child processes. Node takes this listener away while guarded runs, and a signal
  // that comes between is lost or deadly: execd knows by "c" and "a" when to send one. What awaits is interrupted by a
  // byte on the control socket, which can't reach a later piece.
  process.on("SIGINT", () => {});
  const stray = (error) => {
    if (current) fail(current, failure(error));
    else process.stderr.write(util.inspect(error) + "\n");
  };
  process.on("uncaughtException", stray);
  process.on("unhandledRejection", stray);

  // import() has no meaning in code that the inspector evaluates: it becomes a call of this.
  hidden("__import__", (name, options) => (options === undefined ? import(name) : import(name, options)));
  const imports = (text) => {
    if (!/\bimport\s*\(/.test(text)) return text;
    const skip = /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'|\bimport\b(?=\s*\()|[\w$]+|\s+|[^]/y;
    let out = "";
    let before = ""; // the last that was neither space nor comment
    const braces = []; // open ones: true for that of a ${…}
    let at = 0;
    const template = () => { // up to its end, or to the next ${
      const part = /(?:\\[^]|\$(?!\{)|[^\\`$])*(`|\$\{)?/y;
      part.lastIndex = at;
      const [whole, stop] = part.exec(text);
      out += whole;
      at = part.lastIndex;
      if (stop === "${") braces.push(true);
      before = stop === "${" ? "{" : "`";
    };
    while (at < text.length) {
      if (text[at] === "/" && !/[/*]/.test(text[at + 1] || "") && /^(?:[^\w$)\]}`"'.]|return|typeof|case|in|of|await|yield|void|)$/.test(before)) {
        const pattern = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
        pattern.lastIndex = at;
        const found = pattern.exec(text);
        if (found) {
          out += found[0];
          at = pattern.lastIndex;
          before = "/x";
          continue;
        }
      }
      skip.lastIndex = at;
      const [token] = skip.exec(text);
      at = skip.lastIndex;
      out += token === "import" && before !== "." && /^\s*\(/.test(text.slice(at, at + 200)) ? "__import__" : token;
      if (token === "`") template();
      else if (token === "{") braces.push(false);
      else if (token === "}" && braces.pop()) template();
      if (token !== "`" && token !== "}" && !/^(\s|\/[/*])/.test(token)) before = token;
      else if (token === "}") before = before === "{" ? before : "}";
    }
    return out;
  };

  // The pieces that execd sends, each ended by a NUL; and interrupts.
  let held = [];
  let count = 0;
  control.on("data", (data) => {
    while (data[0] === 3 && !held.length) {
      fail(current, interrupted);
      data = data.subarray(1);
    }
    for (let end; (end = data.indexOf(0)) >= 0; data = data.subarray(end + 1)) {
      const text = Buffer.concat([...held, data.subarray(0, end)]).toString();
      held = [];
      run(text, ++count);
    }
    if (data.length) held.push(data);
  });
  const gone = () => process.kill(0, "SIGKILL"); // with execd gone there is nothing to live for
  control.on("end", gone);
  control.on("error", gone);

  for (const [fd, out] of [[1, process.stdout], [2, process.stderr]]) {
    if (out._handle && out._handle.setBlocking) out._handle.setBlocking(true);
    out.write = (chunk, encoding, done) => {
      if (typeof encoding === "function") [encoding, done] = [undefined, encoding];
      write(fd, typeof chunk === "string" ? Buffer.from(chunk, encoding) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      if (done) process.nextTick(done);
      return true;
    };
  }
  globalThis.require = createRequire(path.join(process.cwd(), "[execd]"));
  process.argv.splice(1);
  send("h");
})();
