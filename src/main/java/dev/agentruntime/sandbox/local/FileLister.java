package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.SandboxFiles.Entry;
import dev.agentruntime.sandbox.SandboxFiles.Listing;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Lists the files of a folder once. Links to folders are not gone into. */
final class FileLister extends SimpleFileVisitor<Path> {

  private final ConfinedRoot root;
  private final Set<String> ignoredNames;
  private final Path folder;
  private final String prefix;
  private final List<Entry> files = new ArrayList<>();
  private int unreadable;

  /**
   * @param folder resolved, without links
   * @param name of {@code folder}, relative to the root
   */
  FileLister(ConfinedRoot root, Set<String> ignoredNames, Path folder, String name) {
    this.root = root;
    this.ignoredNames = ignoredNames;
    this.folder = folder;
    this.prefix = name.isEmpty() ? "" : name + "/";
  }

  Listing list() throws IOException {
    if (Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      Files.walkFileTree(folder, this);
    }
    return new Listing(files, unreadable);
  }

  /** @return whether the name can be said in UTF-8, so that the file is found under it again */
  static boolean sayable(Path name) {
    String text = name.toString();
    return text.indexOf('\uFFFD') < 0;
  }

  @Override
  public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
    if (directory.equals(folder)) {
      return FileVisitResult.CONTINUE;
    }
    if (ignoredNames.contains(directory.getFileName().toString())) {
      return FileVisitResult.SKIP_SUBTREE;
    }
    if (!sayable(directory.getFileName())) {
      unreadable++;
      return FileVisitResult.SKIP_SUBTREE;
    }
    return FileVisitResult.CONTINUE;
  }

  @Override
  public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
    if (ignoredNames.contains(file.getFileName().toString())) {
      return FileVisitResult.CONTINUE;
    }
    BasicFileAttributes target = attributes.isSymbolicLink() ? target(file) : attributes;
    if (target == null || !target.isRegularFile()) {
      return FileVisitResult.CONTINUE;
    }
    if (sayable(file.getFileName()) && Files.isReadable(file)) {
      files.add(new Entry(prefix + folder.relativize(file), target.size(), target.lastModifiedTime().toMillis()));
    } else {
      unreadable++;
    }
    return FileVisitResult.CONTINUE;
  }

  @Override
  public FileVisitResult visitFileFailed(Path file, IOException failure) {
    boolean ignored = ignoredNames.contains(file.getFileName().toString());
    if (!ignored && !(failure instanceof NoSuchFileException)) {
      unreadable++;
    }
    return FileVisitResult.CONTINUE;
  }

  @Override
  public FileVisitResult postVisitDirectory(Path directory, IOException failure) {
    if (failure != null) {
      unreadable++;
    }
    return FileVisitResult.CONTINUE;
  }

  /** @return {@code null} if the link leads nowhere or out of the root */
  private BasicFileAttributes target(Path link) {
    try {
      Path real = link.toRealPath();
      return root.holds(real) ? Files.readAttributes(real, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS) : null;
    } catch (IOException e) {
      return null;
    }
  }
}
