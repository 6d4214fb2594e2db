// Modal's own SDK does with the service at MODAL_SERVER_URL what sandboxes are for. Ends with 0 if all of it went as Modal says it does.
import assert from "node:assert/strict";
import { ModalClient, NotFoundError, SandboxFilesystemNotFoundError } from "modal";

const modal = new ModalClient();
const app = await modal.apps.fromName("sdk-acceptance", { createIfMissing: true });
await assert.rejects(modal.apps.fromName("no-such-app"), NotFoundError);

const image = await modal.images.fromRegistry("node:22-slim")
  .dockerfileCommands(["ENV FROM_IMAGE=here", "WORKDIR /srv", "RUN mkdir -p /srv"]).build(app);
assert.match(image.imageId, /^im-/);
const again = await modal.images.fromRegistry("node:22-slim")
  .dockerfileCommands(["ENV FROM_IMAGE=here", "WORKDIR /srv", "RUN mkdir -p /srv"]).build(app);
assert.equal(again.imageId, image.imageId);

const tags = { runtime: "acceptance", session: "one" };
const sandbox = await modal.sandboxes.create(app, image, {
  name: "the-sandbox", tags, timeoutMs: 600_000, idleTimeoutMs: 60_000, workdir: "/root", cpu: 0.5, memoryMiB: 512, env: { GIVEN: "to all" },
});
assert.match(sandbox.sandboxId, /^sb-/);
assert.deepEqual(await sandbox.getTags(), tags);
assert.equal((await modal.sandboxes.fromName("sdk-acceptance", "the-sandbox")).sandboxId, sandbox.sandboxId);
assert.equal(await sandbox.poll(), null);

// Exec: streams, environment, exit codes and signals.
const said = await sandbox.exec(["sh", "-c", "echo $FROM_IMAGE $GIVEN $ONE_MORE; pwd; echo trouble >&2; exit 3"],
  { env: { ONE_MORE: "to this" }, workdir: "/tmp" });
assert.equal(await said.stdout.readText(), "here to all to this\n/tmp\n");
assert.equal(await said.stderr.readText(), "trouble\n");
assert.equal(await said.wait(), 3);
const killed = await sandbox.exec(["sh", "-c", "kill -9 $$"]);
assert.equal(await killed.wait(), 128 + 9);

// Output as it comes, and input.
const cat = await sandbox.exec(["cat"]);
const reader = cat.stdout.getReader();
await cat.stdin.writeText("first ");
assert.equal((await reader.read()).value, "first ");
await cat.stdin.writeText("second");
assert.equal((await reader.read()).value, "second");
await cat.closeStdin();
assert.equal((await reader.read()).done, true);
assert.equal(await cat.wait(), 0);

// Much of it, byte for byte.
const much = await sandbox.exec(["sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x"]);
assert.equal((await much.stdout.readText()).length, 3_000_000);
assert.equal(await much.wait(), 0);

// Files.
const bytes = new Uint8Array(700_000).map((_, i) => i * 31 % 251);
await sandbox.filesystem.writeBytes(bytes, "/workspace/deep/data.bin");
assert.deepEqual(new Uint8Array(await sandbox.filesystem.readBytes("/workspace/deep/data.bin")), bytes);
await sandbox.filesystem.writeText("häßlich\n", "/workspace/note.txt");
assert.equal(await sandbox.filesystem.readText("/workspace/note.txt"), "häßlich\n");
await sandbox.filesystem.makeDirectory("/workspace/empty");
assert.deepEqual((await sandbox.filesystem.listFiles("/workspace")).map((file) => [file.name, file.type]).sort(),
  [["deep", "directory"], ["empty", "directory"], ["note.txt", "file"]]);
assert.equal((await sandbox.filesystem.stat("/workspace/deep/data.bin")).size, 700_000);
await sandbox.filesystem.remove("/workspace/note.txt");
await assert.rejects(sandbox.filesystem.readText("/workspace/note.txt"), SandboxFilesystemNotFoundError);
const seen = await sandbox.exec(["sh", "-c", "wc -c < /workspace/deep/data.bin"]);
assert.equal((await seen.stdout.readText()).trim(), "700000");

// Lists, over more than one page.
const others = await Promise.all(Array.from({ length: 30 }, (_, i) =>
  modal.sandboxes.create(app, image, { tags: { runtime: "acceptance", session: `other-${i}` } })));
const listed = async (wanted) => {
  const ids = [];
  for await (const one of modal.sandboxes.list({ appId: app.appId, tags: wanted })) ids.push(one.sandboxId);
  return ids;
};
assert.equal(new Set(await listed({ runtime: "acceptance" })).size, 31);
assert.deepEqual(await listed(tags), [sandbox.sandboxId]);
assert.deepEqual(await listed({ runtime: "another" }), []);

// A snapshot of the files starts another sandbox.
const snapshot = await sandbox.snapshotFilesystem();
const second = await modal.sandboxes.create(app, snapshot, { tags: { runtime: "acceptance", session: "two" } });
assert.equal((await second.filesystem.stat("/workspace/deep/data.bin")).size, 700_000);

// The end.
for (const one of [...others, second]) await one.terminate();
assert.equal(await sandbox.terminate({ wait: true }), 137);
assert.equal(await sandbox.poll(), 137);
await assert.rejects(modal.sandboxes.fromName("sdk-acceptance", "the-sandbox"), NotFoundError);
for (const one of others) await one.wait();
await second.wait();
assert.deepEqual(await listed({ runtime: "acceptance" }), []);
modal.close();
console.log("accepted");
