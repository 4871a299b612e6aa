// Inside a sandbox: commands, sessions, files and metrics.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";

import { SandboxApiException } from "@alibaba-group/opensandbox";

import { create, texts, until } from "./sandbox.js";

let sandbox;

before(async () => {
  sandbox = await create({ env: { GREETING: "hello from the sandbox" }, metadata: { "made-by": "javascript-sdk" } });
});

after(async () => {
  await sandbox?.kill();
  await sandbox?.close();
});

const refused = (status) => (err) => err instanceof SandboxApiException && err.statusCode === status;

test("lines and exit code", async () => {
  const done = await sandbox.commands.run("echo one; echo two; echo oops >&2");
  assert.deepEqual(texts(done.logs.stdout), ["one", "two"]);
  assert.deepEqual(texts(done.logs.stderr), ["oops"]);
  assert.equal(done.exitCode, 0);
  assert.equal(done.error, undefined);
  assert.ok(done.id);
  assert.ok(done.complete);
});

test("a command that fails", async () => {
  const done = await sandbox.commands.run("echo before; exit 42");
  assert.deepEqual(texts(done.logs.stdout), ["before"]);
  assert.equal(done.exitCode, 42);
});

test("environment and folder", async () => {
  const done = await sandbox.commands.run('pwd; echo "$GREETING $MORE"', { workingDirectory: "/usr/share", envs: { MORE: "and more" } });
  assert.deepEqual(texts(done.logs.stdout), ["/usr/share", "hello from the sandbox and more"]);
});

test("lines are handed on as they come", async () => {
  const seen = [];
  await sandbox.commands.run("seq 3", {}, {
    onInit: () => void seen.push("init"),
    onStdout: (m) => void seen.push(m.text),
    onExecutionComplete: () => void seen.push("complete"),
  });
  assert.deepEqual(seen, ["init", "1", "2", "3", "complete"]);
});

test("in the background", async () => {
  const { commands } = sandbox;
  const begun = await commands.run("echo begun; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo done; exit 3", { background: true });
  assert.equal((await commands.getCommandStatus(begun.id)).running, true);
  const first = await until("the first line", async () => {
    const logs = await commands.getBackgroundCommandLogs(begun.id);
    return logs.content && logs;
  });
  assert.equal(first.content, "begun\n");
  await commands.run("touch /tmp/go");
  const status = await until("the end", async () => {
    const now = await commands.getCommandStatus(begun.id);
    return !now.running && now;
  });
  assert.equal(status.exitCode, 3);
  const rest = await commands.getBackgroundCommandLogs(begun.id, first.cursor);
  assert.equal(rest.content, "done\n");
  assert.ok(rest.cursor > first.cursor);
});

test("an interrupt ends a command", async () => {
  const { commands } = sandbox;
  const begun = await commands.run("sleep 60", { background: true });
  await commands.interrupt(begun.id);
  await until("the end", async () => !(await commands.getCommandStatus(begun.id)).running);
});

test("a session keeps its state", async () => {
  const { commands } = sandbox;
  const session = await commands.createSession({ workingDirectory: "/tmp" });
  await commands.runInSession(session, "cd /usr; export KEPT=yes");
  const done = await commands.runInSession(session, "pwd; echo $KEPT");
  assert.deepEqual(texts(done.logs.stdout), ["/usr", "yes"]);
  await commands.deleteSession(session);
  await assert.rejects(commands.deleteSession(session), refused(404));
});

test("write and read", async () => {
  const { files } = sandbox;
  await files.writeFiles([{ path: "/data/w/note.txt", data: "première\nsecond\nthird\n" }]);
  assert.equal(await files.readFile("/data/w/note.txt"), "première\nsecond\nthird\n");
  const content = randomBytes(300_000);
  const streamed = (async function* () {
    yield content.subarray(0, 100_000);
    yield content.subarray(100_000);
  })();
  await files.writeFiles([{ path: "/data/w/whole.bin", data: content, mode: 600 }]);
  await files.writeFiles([{ path: "/data/w/stream.bin", data: streamed, mode: 640 }]);
  assert.deepEqual(Buffer.from(await files.readBytes("/data/w/whole.bin")), content);
  const parts = [];
  for await (const part of files.readBytesStream("/data/w/stream.bin")) parts.push(part);
  assert.deepEqual(Buffer.concat(parts), content);
  assert.deepEqual(Buffer.from(await files.readBytes("/data/w/whole.bin", { range: "bytes=100-199" })), content.subarray(100, 200));
  const info = await files.getFileInfo(["/data/w/whole.bin", "/data/w/stream.bin"]);
  assert.equal(info["/data/w/whole.bin"].mode, 600);
  assert.equal(info["/data/w/stream.bin"].mode, 640);
  assert.equal(info["/data/w/whole.bin"].size, content.length);
  assert.ok(info["/data/w/whole.bin"].modifiedAt instanceof Date);
});

test("directories", async () => {
  const { files } = sandbox;
  await files.createDirectories([{ path: "/data/d/a/b", mode: 750 }]);
  await files.writeFiles([{ path: "/data/d/a/file", data: "x" }]);
  const listed = await files.listDirectory({ path: "/data/d", depth: 2 });
  assert.deepEqual(listed.map((f) => f.path), ["/data/d/a", "/data/d/a/b", "/data/d/a/file"]);
  await files.deleteDirectories(["/data/d"]);
  await assert.rejects(files.getFileInfo(["/data/d"]), refused(404));
});

test("search and replace", async () => {
  const { files } = sandbox;
  await files.writeFiles([
    { path: "/data/s/one.txt", data: "red, green, red" },
    { path: "/data/s/deep/two.txt", data: "blue" },
    { path: "/data/s/three.md", data: "red" },
  ]);
  const found = await files.search({ path: "/data/s", pattern: "*.txt" });
  assert.deepEqual(found.map((f) => f.path).sort(), ["/data/s/deep/two.txt", "/data/s/one.txt"]);
  await files.replaceContents([{ path: "/data/s/three.md", oldContent: "red", newContent: "white" }]);
  assert.equal(await files.readFile("/data/s/three.md"), "white");
  const counted = await files.replaceContentsDetailed([{ path: "/data/s/one.txt", oldContent: "red", newContent: "black" }]);
  assert.deepEqual(counted, [{ path: "/data/s/one.txt", replacedCount: 2 }]);
});

test("permissions, move, delete", async () => {
  const { files } = sandbox;
  await files.writeFiles([{ path: "/data/p/file", data: "kept" }]);
  await files.setPermissions([{ path: "/data/p/file", mode: 600, owner: "nobody", group: "nogroup" }]);
  const info = (await files.getFileInfo(["/data/p/file"]))["/data/p/file"];
  assert.deepEqual([info.mode, info.owner, info.group], [600, "nobody", "nogroup"]);
  await files.moveFiles([{ src: "/data/p/file", dest: "/data/p/moved" }]);
  assert.equal(await files.readFile("/data/p/moved"), "kept");
  await files.deleteFiles(["/data/p/moved"]);
  await assert.rejects(files.readFile("/data/p/moved"), refused(404));
});

test("metrics", async () => {
  const metrics = await sandbox.getMetrics();
  assert.equal(metrics.memoryTotalMiB, 512);
  assert.ok(metrics.memoryUsedMiB > 0);
  assert.ok(metrics.cpuCount >= 1);
});
