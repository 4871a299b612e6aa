// The life of a sandbox: create, list, metadata, renew, reach a port, pause, resume, kill.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Sandbox, SandboxApiException, SandboxManager } from "@alibaba-group/opensandbox";

import { create, image, texts, until } from "./sandbox.js";

let sandbox, manager;

before(async () => {
  manager = SandboxManager.create();
  sandbox = await create({ metadata: { suite: "javascript", stage: "demo-test" } });
});

after(async () => {
  await sandbox?.close();
  await manager.close();
});

const state = async () => (await sandbox.getInfo()).status.state;

test("info", async () => {
  const info = await sandbox.getInfo();
  assert.equal(info.id, sandbox.id);
  assert.equal(info.status.state, "Running");
  assert.equal(info.image.uri, image);
  assert.deepEqual(info.entrypoint, ["tail", "-f", "/dev/null"]);
  assert.ok(info.expiresAt > info.createdAt);
});

test("list with filters", async () => {
  const mine = await manager.listSandboxInfos({ metadata: { suite: "javascript", stage: "demo-test" }, states: ["Running", "Paused"] });
  assert.ok(mine.items.some((i) => i.id === sandbox.id));
  const none = await manager.listSandboxInfos({ metadata: { suite: "javascript", stage: "other" } });
  assert.equal(none.pagination.totalItems, 0);
  const one = await manager.listSandboxInfos({ page: 1, pageSize: 1 });
  assert.equal(one.items.length, 1);
});

test("metadata", async () => {
  assert.equal((await sandbox.patchMetadata({ colour: "green" })).metadata.colour, "green");
  const changed = await sandbox.patchMetadata({ colour: null });
  assert.equal(changed.metadata.colour, undefined);
  assert.equal(changed.metadata.suite, "javascript");
});

test("renew", async () => {
  const { expiresAt } = await sandbox.renew(20 * 60);
  assert.ok(Math.abs(expiresAt - Date.now() - 20 * 60_000) < 60_000);
  assert.deepEqual((await sandbox.getInfo()).expiresAt, expiresAt);
});

test("a port", async () => {
  await sandbox.commands.run("python3 -m http.server --directory /usr/share 8000", { background: true });
  const { headers } = await sandbox.getEndpoint(8000);
  const url = await sandbox.getEndpointUrl(8000);
  const page = await until("the service", async () => {
    const answer = await fetch(url, { headers });
    const text = await answer.text();
    return answer.ok && text;
  });
  assert.match(page, /Directory listing/);
});

test("pause and resume", async () => {
  const begun = await sandbox.commands.run("sleep 300", { background: true });
  await sandbox.pause();
  await until("Paused", async () => (await state()) === "Paused");
  await assert.rejects(sandbox.pause(), (err) => err instanceof SandboxApiException && err.statusCode === 409 && !!err.error.code && !!err.requestId);
  const resumed = await sandbox.resume({ readyTimeoutSeconds: 60 });
  try {
    await until("Running", async () => (await state()) === "Running");
    assert.equal((await resumed.commands.getCommandStatus(begun.id)).running, true);
  } finally {
    await resumed.close();
  }
});

test("connect and kill", async () => {
  const same = await Sandbox.connect({ sandboxId: sandbox.id, readyTimeoutSeconds: 60 });
  try {
    assert.deepEqual(texts((await same.commands.run("echo here")).logs.stdout), ["here"]);
    await same.kill();
  } finally {
    await same.close();
  }
  await until("the end", async () => {
    try {
      return (await manager.getSandboxInfo(sandbox.id)).status.state === "Terminated";
    } catch (err) {
      return err.statusCode === 404;
    }
  });
});
