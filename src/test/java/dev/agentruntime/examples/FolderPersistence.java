package dev.agentruntime.examples;

import dev.agentruntime.persistence.BlobPersistence;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.WorkerExecutor;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

/** A store of one's own, as an example: a file for each session's record, each transcript and each workspace file, on a disk of this machine. */
public final class FolderPersistence extends BlobPersistence {

  /** A file lock is the whole process', so that those who share the folder in one process need this too. */
  private static final Object LOCK = new Object();

  private final Path root;
  private final WorkerExecutor thread;

  public FolderPersistence(Vertx vertx, Path root) {
    this.root = root;
    this.thread = vertx.createSharedWorkerExecutor("folder " + root, 1);
  }

  @Override
  public Future<Void> close() {
    return super.close().eventually(thread::close);
  }

  @Override
  protected <T> Future<T> alone(Callable<T> work) {
    return thread.executeBlocking(() -> {
      synchronized (LOCK) {
        Files.createDirectories(root);
        try (FileChannel lock = FileChannel.open(root.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
          lock.lock();
          return work.call();
        }
      }
    });
  }

  @Override
  protected List<String> list(String folder) throws IOException {
    try (Stream<Path> files = Files.list(root.resolve(folder))) {
      return files.map(file -> file.getFileName().toString()).toList();
    } catch (NoSuchFileException e) {
      return List.of();
    }
  }

  /** Not {@code Files.exists()}, which answers "no" where it could not look. */
  @Override
  protected long size(String folder, String name) throws IOException {
    try {
      return Files.size(root.resolve(folder).resolve(name));
    } catch (NoSuchFileException e) {
      return -1;
    }
  }

  @Override
  protected Buffer read(String folder, String name, long offset, int length) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(root.resolve(folder).resolve(name).toFile(), "r")) {
      byte[] bytes = new byte[(int) Math.min(length, file.length() - offset)];
      file.seek(offset);
      file.readFully(bytes);
      return Buffer.buffer(bytes);
    }
  }

  /** By way of another file, so that the old or the new is there whenever this process dies. */
  @Override
  protected void write(String folder, String name, Buffer bytes) throws IOException {
    Files.createDirectories(root.resolve(folder));
    Path whole = Files.write(root.resolve("new"), bytes.getBytes());
    Files.move(whole, root.resolve(folder).resolve(name), StandardCopyOption.ATOMIC_MOVE);
  }

  @Override
  protected void append(String folder, String name, Buffer bytes) throws IOException {
    Files.write(root.resolve(folder).resolve(name), bytes.getBytes(), StandardOpenOption.APPEND);
  }

  @Override
  protected void erase(String folder, String name) throws IOException {
    Files.deleteIfExists(root.resolve(folder).resolve(name));
  }
}
