package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxFiles;
import dev.agentruntime.sandbox.SandboxPath;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.BooleanSupplier;

/** Files of a sandbox that is a directory of this machine. */
final class LocalFiles implements SandboxFiles {

  private final SandboxDirectory sandbox;
  private final Set<String> ignoredNames;
  private final Workers workers;
  private final BooleanSupplier terminated;

  LocalFiles(SandboxDirectory sandbox, Set<String> ignoredNames, Workers workers, BooleanSupplier terminated) {
    this.sandbox = sandbox;
    this.ignoredNames = ignoredNames;
    this.workers = workers;
    this.terminated = terminated;
  }

  @Override
  public Future<Listing> list(SandboxPath directory) {
    return call(() -> {
      ConfinedRoot root = root(directory);
      Path resolved;
      try {
        resolved = root.resolve(directory.relative());
      } catch (NoSuchFileException e) {
        return new Listing(List.of(), 0);
      }
      return new FileLister(root, ignored(directory), resolved, directory.relative()).list();
    });
  }

  @Override
  public Future<Entry> stat(SandboxPath path) {
    return call(() -> {
      BasicFileAttributes attributes = attributes(existing(path));
      return new Entry(path.relative(), attributes.size(), attributes.lastModifiedTime().toMillis());
    });
  }

  @Override
  public Future<Buffer> read(SandboxPath path, long offset, int length) {
    return call(() -> {
      Path file = existing(path);
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
        ByteBuffer bytes = ByteBuffer.allocate(Math.clamp(channel.size() - offset, 0, length));
        while (bytes.hasRemaining() && channel.read(bytes, offset + bytes.position()) > 0) {
          continue;
        }
        return Buffer.buffer(bytes.position()).appendBytes(bytes.array(), 0, bytes.position());
      } catch (AccessDeniedException e) {
        throw new SandboxException(Kind.FAILED, "the file may not be read", e);
      }
    });
  }

  @Override
  public Future<Void> write(List<FileContent> files) {
    return call(() -> {
      for (FileContent file : files) {
        write(file);
      }
      return null;
    });
  }

  @Override
  public Future<Void> append(SandboxPath path, long offset, Buffer bytes) {
    return call(() -> {
      Path target = root(path).prepare(path.relative());
      if (Files.exists(target, LinkOption.NOFOLLOW_LINKS) && !Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS)) {
        throw new SandboxException(Kind.FORBIDDEN_PATH, "there is something else at this path");
      }
      Set<OpenOption> options = offset == 0 ? Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE, LinkOption.NOFOLLOW_LINKS)
          : Set.of(StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
      try (FileChannel channel = FileChannel.open(target, options)) {
        if (channel.size() < offset) {
          throw new SandboxException(Kind.FAILED, "what belongs before is not there");
        }
        channel.truncate(offset).position(offset);
        write(channel, bytes);
      }
      return null;
    });
  }

  @Override
  public Future<Void> delete(SandboxPath path) {
    return call(() -> {
      ConfinedRoot root = root(path);
      try {
        Path file = root.resolveEntry(path.relative());
        if (Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS)) {
          throw isFolder();
        }
        Files.deleteIfExists(file);
      } catch (NoSuchFileException e) {
        return null;
      }
      return null;
    });
  }

  private void write(FileContent content) throws IOException {
    Path target = root(content.path()).prepare(content.path().relative());
    if (Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
      throw isFolder();
    }
    Path part = sandbox.staging().resolve(SandboxDirectory.newId());
    try {
      try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)) {
        write(channel, content.content());
      }
      Files.setPosixFilePermissions(part, PosixFilePermissions.fromString(content.executable() ? "rwxr-xr-x" : "rw-r--r--"));
      if (content.modifiedAt() != 0) {
        Files.setLastModifiedTime(part, FileTime.fromMillis(content.modifiedAt()));
      }
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static void write(FileChannel channel, Buffer content) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(content.getBytes());
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** A regular file, with no link in its path any more. */
  private Path existing(SandboxPath path) throws IOException {
    try {
      Path file = root(path).resolve(path.relative());
      if (attributes(file).isRegularFile()) {
        return file;
      }
    } catch (NoSuchFileException e) {
      // Told below, as for everything else that is not a file.
    }
    throw new SandboxException(Kind.NO_FILE, "there is no such file");
  }

  private static BasicFileAttributes attributes(Path file) throws IOException {
    return Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
  }

  private ConfinedRoot root(SandboxPath path) {
    return new ConfinedRoot(path.root() == SandboxPath.Root.WORKSPACE ? sandbox.workspace() : sandbox.home());
  }

  private Set<String> ignored(SandboxPath path) {
    return path.root() == SandboxPath.Root.WORKSPACE ? ignoredNames : Set.of();
  }

  private <T> Future<T> call(Callable<T> task) {
    return workers.call(() -> {
      checkThere();
      try {
        return task.call();
      } catch (IOException | SandboxException e) {
        checkThere();
        throw e;
      }
    });
  }

  private void checkThere() {
    if (terminated.getAsBoolean() || !Files.exists(sandbox.facts())) {
      throw new SandboxException(Kind.GONE, "the sandbox has ended");
    }
  }

  private static SandboxException isFolder() {
    return new SandboxException(Kind.FORBIDDEN_PATH, "there is a folder at this path");
  }
}
