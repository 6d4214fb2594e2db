package dev.agentruntime.sandbox.local;

import dev.agentruntime.sandbox.Sandbox.FileHint;
import dev.agentruntime.sandbox.local.DirectoryWatch.Change;
import io.vertx.core.Handler;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.WatchKey;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;

/**
 * Tells of changes in a workspace. Every folder of it is watched, as far as the system lets; beyond that it says "anything" for as long as
 * processes are there that could change something.
 */
final class WorkspaceWatch {

  private static final FileHint ANYTHING = new FileHint("");
  /** More changed files than that in one go are told as "anything". */
  private static final int HINTS_AT_ONCE = 1000;

  private final Path root;
  private final Set<String> ignoredNames;
  private final LocalSandboxOptions options;
  private final Workers workers;
  private final DirectoryWatch watch;
  private final BooleanSupplier active;
  private final List<Handler<FileHint>> handlers = new CopyOnWriteArrayList<>();
  private final Map<Path, Folder> folders = new HashMap<>();
  private final Set<FileHint> hints = new HashSet<>();
  private boolean started;
  private boolean flushing;
  private volatile boolean blind;
  private volatile boolean closed;

  /** @param active whether there is anything that could change files */
  WorkspaceWatch(Path root, Set<String> ignoredNames, LocalSandboxOptions options, Workers workers, DirectoryWatch watch,
      BooleanSupplier active) {
    this.root = root;
    this.ignoredNames = ignoredNames;
    this.options = options;
    this.workers = workers;
    this.watch = watch;
    this.active = active;
  }

  void add(Handler<FileHint> handler) {
    handlers.add(handler);
    synchronized (this) {
      if (started) {
        return;
      }
      started = true;
    }
    workers.work().execute(() -> register(root, false));
  }

  /** The last that it changed may not have been told yet. */
  void processEnded() {
    if (blind) {
      tell(ANYTHING);
    }
  }

  void close() {
    closed = true;
    synchronized (this) {
      folders.values().forEach(folder -> watch.cancel(folder.key, folder));
      folders.clear();
    }
  }

  /**
   * Registers a folder and all below it.
   *
   * @param telling whether it is new, so that what is in it may not have been told
   */
  private void register(Path top, boolean telling) {
    try {
      Files.walkFileTree(top, new SimpleFileVisitor<>() {
        @Override
        public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
          return !ignored(directory) && watchFolder(directory) ? FileVisitResult.CONTINUE : FileVisitResult.SKIP_SUBTREE;
        }

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
          if (telling) {
            tell(file);
          }
          return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFileFailed(Path file, IOException failure) {
          return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult postVisitDirectory(Path directory, IOException failure) {
          return FileVisitResult.CONTINUE;
        }
      });
    } catch (IOException e) {
      tell(ANYTHING);
    }
  }

  /** Before its entries are read, so that none that comes meanwhile is missed. */
  private synchronized boolean watchFolder(Path directory) {
    if (closed || blind) {
      return false;
    }
    Folder folder = new Folder(directory);
    folder.key = folders.size() < options.watchedDirectories() ? watch.register(directory, folder) : null;
    if (folder.key == null && Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
      goBlind();
      return false;
    }
    folders.put(directory, folder);
    return true;
  }

  /** Watches nothing any more: part of the tree told exactly and part not at all is worth less than its cost. */
  private void goBlind() {
    blind = true;
    folders.values().forEach(folder -> watch.cancel(folder.key, folder));
    folders.clear();
    tell(ANYTHING);
    workers.after(options.anythingIntervalMs(), this::tellFromTimeToTime);
  }

  private void tellFromTimeToTime() {
    if (!closed) {
      if (active.getAsBoolean()) {
        tell(ANYTHING);
      }
      workers.after(options.anythingIntervalMs(), this::tellFromTimeToTime);
    }
  }

  private synchronized boolean forget(Path directory) {
    boolean known = folders.containsKey(directory);
    if (known) {
      folders.values().removeIf(folder -> {
        boolean below = folder.directory.startsWith(directory);
        if (below) {
          watch.cancel(folder.key, folder);
        }
        return below;
      });
    }
    return known;
  }

  private boolean ignored(Path path) {
    return !path.equals(root) && ignoredNames.contains(path.getFileName().toString());
  }

  private void tell(Path file) {
    if (!ignored(file) && FileLister.sayable(file)) {
      tell(new FileHint(root.relativize(file).toString()));
    }
  }

  private void tell(FileHint hint) {
    synchronized (this) {
      if (hints.size() == HINTS_AT_ONCE) {
        hints.clear();
        hints.add(ANYTHING);
      }
      hints.add(hint);
      if (flushing || closed) {
        return;
      }
      flushing = true;
    }
    workers.after(options.hintDelayMs(), () -> workers.work().execute(this::flush));
  }

  private void flush() {
    List<FileHint> gathered;
    synchronized (this) {
      flushing = false;
      gathered = hints.contains(ANYTHING) ? List.of(ANYTHING) : List.copyOf(hints);
      hints.clear();
    }
    if (!closed) {
      gathered.forEach(hint -> handlers.forEach(handler -> handler.handle(hint)));
    }
  }

  /** A folder that is being watched. */
  private final class Folder implements DirectoryWatch.Listener {

    private final Path directory;
    private WatchKey key;

    private Folder(Path directory) {
      this.directory = directory;
    }

    @Override
    public void changed(Path name, Change change) {
      Path path = directory.resolve(name);
      if (ignored(path)) {
        return;
      }
      if (change == Change.DELETED) {
        if (forget(path)) {
          // All files that were in it are gone, or have new names.
          tell(ANYTHING);
        }
      } else if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
        workers.work().execute(() -> register(path, true));
        return;
      }
      tell(path);
    }

    @Override
    public void missed() {
      tell(ANYTHING);
      workers.work().execute(() -> register(directory, false));
    }
  }
}
