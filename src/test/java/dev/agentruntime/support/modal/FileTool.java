package dev.agentruntime.support.modal;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.List;
import java.util.stream.Stream;

/** What Modal's helper for files does, which it puts into every sandbox; its {@code Watch} is not there. */
final class FileTool {

  static final String PATH = "/__modal/.bin/modal-sandbox-fs-tools";

  private final Path root;
  private final FakeExec exec;

  FileTool(Path root, FakeExec exec) {
    this.root = root;
    this.exec = exec;
  }

  /** A failure, as the helper tells it. */
  private static final class ToolFailure extends IOException {
    private static final long serialVersionUID = 1L;
    private final String kind;

    ToolFailure(String kind, String message) {
      super(message);
      this.kind = kind;
    }
  }

  void start(String argument) {
    JsonObject request = new JsonObject(argument);
    String operation = request.fieldNames().iterator().next();
    JsonObject details = request.getJsonObject(operation);
    if (operation.equals("WriteFile")) {
      exec.input(new ByteArrayOutputStream() {
        @Override
        public void close() {
          finish(() -> writeFile(details, toByteArray()));
        }
      });
    } else {
      exec.input(new ByteArrayOutputStream());
      Thread.ofVirtual().start(() -> finish(() -> run(operation, details)));
    }
  }

  private interface Work {
    byte[] run() throws IOException;
  }

  private void finish(Work work) {
    int code = 0;
    try {
      try {
        exec.stdout.append(ByteBuffer.wrap(work.run()));
      } catch (ToolFailure e) {
        code = fail(e.kind, e.getMessage());
      } catch (NoSuchFileException e) {
        code = fail("NotFound", "No such file or directory");
      } catch (FileAlreadyExistsException e) {
        code = fail("AlreadyExists", "File exists");
      } catch (DirectoryNotEmptyException e) {
        code = fail("DirectoryNotEmpty", "Directory not empty");
      } catch (IOException e) {
        code = fail("Other", e.toString());
      }
    } catch (IOException e) {
      code = 1;
    }
    exec.stdout.close();
    exec.stderr.close();
    exec.ended(code);
  }

  private int fail(String kind, String message) throws IOException {
    exec.stderr.append(ByteBuffer.wrap(new JsonObject().put("error_kind", kind).put("message", message).put("detail", message).encode()
        .getBytes(StandardCharsets.UTF_8)));
    return 1;
  }

  private Path path(JsonObject details) throws ToolFailure {
    String path = details.getString("path");
    Path resolved = root.resolve(path.substring(Math.min(1, path.length()))).normalize();
    if (!path.startsWith("/") || !resolved.startsWith(root)) {
      throw new ToolFailure("Other", "not an absolute path");
    }
    return resolved;
  }

  private byte[] writeFile(JsonObject details, byte[] content) throws IOException {
    Path path = path(details);
    if (Files.isDirectory(path)) {
      throw new ToolFailure("IsDirectory", "Is a directory");
    }
    Files.createDirectories(path.getParent());
    Files.write(path, content);
    return new byte[0];
  }

  private byte[] run(String operation, JsonObject details) throws IOException {
    Path path = path(details);
    switch (operation) {
      case "ReadFile" -> {
        if (Files.isDirectory(path)) {
          throw new ToolFailure("IsDirectory", "Is a directory");
        }
        return Files.readAllBytes(path);
      }
      case "ListFiles" -> {
        if (Files.exists(path) && !Files.isDirectory(path)) {
          throw new ToolFailure("NotDirectory", "Not a directory");
        }
        return list(path);
      }
      case "Stat" -> {
        return stat(path).encode().getBytes(StandardCharsets.UTF_8);
      }
      case "MakeDirectory" -> {
        if (details.getBoolean("parents", false)) {
          Files.createDirectories(path);
        } else {
          Files.createDirectory(path);
        }
      }
      case "Remove" -> {
        if (details.getBoolean("recursive", false) && Files.exists(path)) {
          Container.delete(path);
        } else {
          Files.delete(path);
        }
      }
      default -> throw new ToolFailure("NotSupported", operation);
    }
    return new byte[0];
  }

  private byte[] list(Path folder) throws IOException {
    JsonArray files = new JsonArray();
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path entry : entries.sorted().toList()) {
        files.add(stat(entry));
      }
    }
    return files.encode().getBytes(StandardCharsets.UTF_8);
  }

  private JsonObject stat(Path path) throws IOException {
    PosixFileAttributes attributes = Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    int mode = 0;
    for (PosixFilePermission permission : attributes.permissions()) {
      mode |= 1 << (List.of(PosixFilePermission.values()).size() - 1 - permission.ordinal());
    }
    String type = attributes.isSymbolicLink() ? "symlink" : attributes.isDirectory() ? "directory" : "file";
    JsonObject stat = new JsonObject().put("name", path.getFileName().toString()).put("path", "/" + root.relativize(path)).put("type", type)
        .put("size", attributes.size()).put("mode", mode).put("permissions", String.format("%04o", mode))
        .put("owner", attributes.owner().getName()).put("group", attributes.group().getName())
        .put("modified_time", attributes.lastModifiedTime().toMillis() / 1000.0);
    return attributes.isSymbolicLink() ? stat.put("symlink_target", Files.readSymbolicLink(path).toString()) : stat;
  }
}
