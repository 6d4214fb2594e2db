package dev.agentruntime.sandbox.modal;

import dev.agentruntime.sandbox.SandboxFiles;
import dev.agentruntime.sandbox.SandboxPath;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;

/** Files in a sandbox of Modal's, by way of its supervisor: many in one call. */
final class ModalFiles implements SandboxFiles {

  private final Supervisor supervisor;

  ModalFiles(Supervisor supervisor) {
    this.supervisor = supervisor;
  }

  @Override
  public Future<Listing> list(SandboxPath directory) {
    return supervisor.ask(question("list", directory)).map(answer -> {
      List<Entry> files = new ArrayList<>();
      for (Object each : answer.body().toJsonArray()) {
        JsonArray file = (JsonArray) each;
        files.add(new Entry(file.getString(0), file.getLong(1), file.getLong(2)));
      }
      return new Listing(files, answer.header().getInteger("unreadable"));
    });
  }

  @Override
  public Future<Entry> stat(SandboxPath path) {
    return supervisor.ask(question("stat", path))
        .map(answer -> new Entry(path.relative(), answer.header().getLong("size"), answer.header().getLong("modifiedAt")));
  }

  @Override
  public Future<List<Entry>> statAll(List<SandboxPath> paths) {
    return paths.isEmpty() ? Future.succeededFuture(List.of()) : supervisor.ask(question("statAll", paths)).map(answer -> {
      JsonArray facts = answer.body().toJsonArray();
      List<Entry> entries = new ArrayList<>();
      for (int i = 0; i < paths.size(); i++) {
        JsonArray file = facts.getJsonArray(i);
        entries.add(file == null ? null : new Entry(paths.get(i).relative(), file.getLong(0), file.getLong(1)));
      }
      return entries;
    });
  }

  @Override
  public Future<Buffer> read(SandboxPath path, long offset, int length) {
    return supervisor.ask(question("read", path).put("offset", offset).put("length", length)).map(Supervisor.Answer::body);
  }

  @Override
  public Future<List<Buffer>> readAll(List<SandboxPath> paths, int length) {
    return paths.isEmpty() ? Future.succeededFuture(List.of()) : supervisor.ask(question("readAll", paths).put("length", length)).map(answer -> {
      List<Buffer> contents = new ArrayList<>();
      int at = 0;
      for (Object each : answer.header().getJsonArray("lengths")) {
        int size = (Integer) each;
        contents.add(size < 0 ? null : answer.body().getBuffer(at, at + size));
        at += Math.max(0, size);
      }
      return contents;
    });
  }

  @Override
  public Future<Void> write(List<FileContent> files) {
    return files.isEmpty() ? Future.succeededFuture()
        : supervisor.ask(new JsonObject().put("op", "write").put("files", described(files)), contents(files)).mapEmpty();
  }

  @Override
  public Future<Void> append(SandboxPath path, long offset, Buffer bytes) {
    return supervisor.ask(question("append", path).put("offset", offset), bytes).mapEmpty();
  }

  @Override
  public Future<Void> delete(SandboxPath path) {
    return supervisor.ask(question("delete", path)).mapEmpty();
  }

  static JsonArray described(List<FileContent> files) {
    JsonArray described = new JsonArray();
    for (FileContent file : files) {
      described.add(place(file.path()).put("length", file.content().length()).put("executable", file.executable())
          .put("modifiedAt", file.modifiedAt()));
    }
    return described;
  }

  static Buffer contents(List<FileContent> files) {
    Buffer contents = Buffer.buffer(files.stream().mapToInt(file -> file.content().length()).sum());
    files.forEach(file -> contents.appendBuffer(file.content()));
    return contents;
  }

  private static JsonObject question(String operation, SandboxPath path) {
    return place(path).put("op", operation);
  }

  private static JsonObject question(String operation, List<SandboxPath> paths) {
    return new JsonObject().put("op", operation).put("files", new JsonArray(paths.stream().map(ModalFiles::place).toList()));
  }

  private static JsonObject place(SandboxPath path) {
    return new JsonObject().put("root", path.root()).put("path", path.relative());
  }
}
