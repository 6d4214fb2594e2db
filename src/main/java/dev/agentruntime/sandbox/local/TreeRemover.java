package dev.agentruntime.sandbox.local;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;

/** Removes directories with all that is in them, also what may not be read or written. Links are removed, not followed. */
final class TreeRemover extends SimpleFileVisitor<Path> {

  private TreeRemover() {}

  /** Succeeds also if it is not there. */
  static void remove(Path directory) throws IOException {
    try {
      Files.walkFileTree(directory, new TreeRemover());
    } catch (NoSuchFileException e) {
      return;
    } catch (IOException e) {
      // Paths that are too long for a system call: rm goes down step by step.
      removeByCommand(directory);
    }
    if (Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
      throw new IOException("something is left");
    }
  }

  @Override
  public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
    Files.deleteIfExists(file);
    return FileVisitResult.CONTINUE;
  }

  /** A directory that cannot be opened is made so, and visited again. */
  @Override
  public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
    if (failure instanceof NoSuchFileException) {
      return FileVisitResult.CONTINUE;
    }
    if (!Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS) || Files.isReadable(file)) {
      throw failure;
    }
    open(file);
    Files.walkFileTree(file, this);
    return FileVisitResult.CONTINUE;
  }

  @Override
  public FileVisitResult postVisitDirectory(Path directory, IOException failure) throws IOException {
    if (failure != null) {
      throw failure;
    }
    Files.deleteIfExists(directory);
    return FileVisitResult.CONTINUE;
  }

  private static void open(Path directory) throws IOException {
    Files.getFileAttributeView(directory, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
        .setPermissions(PosixFilePermissions.fromString("rwx------"));
  }

  private static void removeByCommand(Path directory) throws IOException {
    try {
      new ProcessBuilder("/bin/sh", "-c", "chmod -R u+rwx -- \"$1\"; rm -rf -- \"$1\"", "sh", directory.toString())
          .redirectOutput(Redirect.DISCARD).redirectError(Redirect.DISCARD).start().waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
