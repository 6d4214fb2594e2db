package dev.agentruntime.sandbox;

import io.vertx.core.CompositeFuture;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Files of a sandbox, as bytes. Paths that leave their root, by {@code ..} or through a link, are refused with
 * {@link SandboxException.Kind#FORBIDDEN_PATH}.
 */
public interface SandboxFiles {

  /**
   * All regular files below {@code directory} (and links to regular files inside the root), without the ignored names if it is in the
   * workspace; empty if there is no such directory. What cannot be read is left out of the list and counted.
   */
  Future<Listing> list(SandboxPath directory);

  /** Facts of one file; fails with {@code NO_FILE}. */
  Future<Entry> stat(SandboxPath path);

  /**
   * Facts of several files at once, in the order of {@code paths}; {@code null} for one that is not there. Fails if one of them cannot be
   * looked at for another reason.
   */
  default Future<List<Entry>> statAll(List<SandboxPath> paths) {
    List<Future<Entry>> stats = paths.stream().map(path -> stat(path).recover(failure ->
        failure instanceof SandboxException e && e.kind() == SandboxException.Kind.NO_FILE
            ? Future.succeededFuture() : Future.failedFuture(failure))).toList();
    return Future.join(stats).map(CompositeFuture::list);
  }

  /** Up to {@code length} bytes from {@code offset}; fewer only at the end. Fails with {@code NO_FILE}. */
  Future<Buffer> read(SandboxPath path, long offset, int length);

  /**
   * The beginnings of several files at once, in the order of {@code paths}; {@code null} for one that cannot be read. As many bytes as that
   * may be are in memory at once.
   *
   * @param length most bytes of each
   */
  default Future<List<Buffer>> readAll(List<SandboxPath> paths, int length) {
    List<Future<Buffer>> reads = new ArrayList<>();
    Future<Void> last = Future.succeededFuture();
    for (SandboxPath path : paths) {
      Future<Buffer> read = last.compose(v -> read(path, 0, length)).recover(failure ->
          failure instanceof SandboxException e && e.kind() == SandboxException.Kind.GONE ? Future.failedFuture(e) : Future.succeededFuture());
      reads.add(read);
      last = read.mapEmpty();
    }
    return last.map(v -> reads.stream().map(Future::result).toList());
  }

  /**
   * Creates or replaces files and the folders they need, each whole or not at all, in order up to the first that fails. A path where a folder
   * is, or that leads through a file, is refused with {@code FORBIDDEN_PATH}.
   */
  Future<Void> write(List<FileContent> files);

  /**
   * Writes the next bytes of a large file that comes piece by piece, from {@code offset} on, up to where it was written before: what is beyond
   * is cut off, so that a repeated write does no harm. At 0 the file is made, with the folders it needs. Fails with {@code FAILED} if the file
   * ends before {@code offset}; what is no regular file is refused with {@code FORBIDDEN_PATH}.
   */
  Future<Void> append(SandboxPath path, long offset, Buffer bytes);

  /** Succeeds also if there is none. Folders that become empty stay; a folder itself is refused with {@code FORBIDDEN_PATH}. */
  Future<Void> delete(SandboxPath path);

  /** @param unreadable entries that are there and could not be read */
  record Listing(List<Entry> files, int unreadable) {
    public Listing {
      files = List.copyOf(files);
    }
  }

  /**
   * @param path relative to the {@link SandboxPath.Root}
   * @param size bytes
   * @param modifiedAt epoch milliseconds
   */
  record Entry(String path, long size, long modifiedAt) {}

  /**
   * @param executable for its owner
   * @param modifiedAt epoch milliseconds, or 0 for now
   */
  record FileContent(SandboxPath path, Buffer content, boolean executable, long modifiedAt) {}
}
