package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxException.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/**
 * A folder that paths may not leave. Every link on the way is followed here and its target looked at, so that what is returned has no link
 * in it and is used without following any. A process that swaps folders for links at that very moment could be faster; it runs as the same
 * user and gains nothing.
 */
record ConfinedRoot(Path root) {

  /** NAME_MAX and PATH_MAX less the closing NUL, as Linux has them. */
  private static final int LONGEST_NAME = 255;
  private static final int LONGEST_PATH = 4095;

  /**
   * @param relative as in a {@code SandboxPath}
   * @throws NoSuchFileException if it is not there, or leads through something that is not a folder
   */
  Path resolve(String relative) throws IOException {
    Path at = start();
    for (String part : parts(relative)) {
      at = follow(child(at, part));
    }
    return at;
  }

  /** As {@link #resolve}, but a link in the last place is itself meant, and nothing need be in that place. */
  Path resolveEntry(String relative) throws IOException {
    List<String> parts = parts(relative);
    if (parts.isEmpty()) {
      throw new SandboxException(Kind.FORBIDDEN_PATH, "the path of a file is needed");
    }
    Path at = start();
    for (String part : parts.subList(0, parts.size() - 1)) {
      at = follow(child(at, part));
    }
    return child(at, parts.getLast());
  }

  /** Where a file is to be written: makes the folders that are missing, and follows a link that leads to a file. */
  Path prepare(String relative) throws IOException {
    List<String> parts = parts(relative);
    if (parts.isEmpty()) {
      throw new SandboxException(Kind.FORBIDDEN_PATH, "the path of a file is needed");
    }
    Path at = start();
    try {
      for (String part : parts.subList(0, parts.size() - 1)) {
        at = folder(child(at, part));
      }
      Path target = child(at, parts.getLast());
      return Files.isSymbolicLink(target) && Files.exists(target) ? follow(target) : target;
    } catch (NoSuchFileException e) {
      throw new SandboxException(Kind.FORBIDDEN_PATH, "the file system does not allow this name", e);
    }
  }

  boolean holds(Path real) {
    return real.startsWith(root);
  }

  private Path start() {
    if (Files.isSymbolicLink(root)) {
      throw leaves();
    }
    return root;
  }

  private Path folder(Path path) throws IOException {
    try {
      Files.createDirectory(path);
      return path;
    } catch (FileAlreadyExistsException e) {
      Path there = follow(path);
      if (!Files.isDirectory(there, LinkOption.NOFOLLOW_LINKS)) {
        throw new SandboxException(Kind.FORBIDDEN_PATH, "a part of the path is a file", e);
      }
      return there;
    }
  }

  private Path follow(Path path) throws IOException {
    if (!Files.isSymbolicLink(path)) {
      if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
        throw new NoSuchFileException(path.toString());
      }
      return path;
    }
    Path real;
    try {
      real = path.toRealPath();
    } catch (NoSuchFileException e) {
      throw e;
    } catch (FileSystemException e) {
      // A loop of links.
      throw new NoSuchFileException(path.toString());
    }
    if (!holds(real)) {
      throw leaves();
    }
    return real;
  }

  private static Path child(Path parent, String name) throws NoSuchFileException {
    try {
      Path child = parent.resolve(name);
      if (bytes(name) <= LONGEST_NAME && bytes(child.toString()) <= LONGEST_PATH) {
        return child;
      }
    } catch (InvalidPathException e) {
      // A name that this server's locale cannot say.
    }
    throw new NoSuchFileException(name);
  }

  private static int bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  private static List<String> parts(String relative) {
    return relative.isEmpty() ? List.of() : List.of(relative.split("/"));
  }

  private static SandboxException leaves() {
    return new SandboxException(Kind.FORBIDDEN_PATH, "the path leaves the sandbox's folder through a link");
  }
}
