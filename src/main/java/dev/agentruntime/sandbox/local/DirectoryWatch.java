package dev.agentruntime.sandbox.local;

import java.io.IOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one watch service of a provider, with one thread that hands out its events. One, because a user may have 128 of them at once on a
 * usual Linux.
 */
final class DirectoryWatch {

  private static final Logger log = LoggerFactory.getLogger(DirectoryWatch.class);

  private static final WatchEvent.Kind<?>[] KINDS = {
    StandardWatchEventKinds.ENTRY_CREATE, StandardWatchEventKinds.ENTRY_MODIFY, StandardWatchEventKinds.ENTRY_DELETE
  };

  enum Change { CREATED, MODIFIED, DELETED }

  /** Called on the watch's only thread: must be short. */
  interface Listener {
    /** @param name in the directory */
    void changed(Path name, Change change);

    /** Changes were missed. */
    void missed();
  }

  private final WatchService service;
  private final Map<WatchKey, Listener> listeners = new HashMap<>();
  private boolean refused;

  private DirectoryWatch(WatchService service) {
    this.service = service;
  }

  /** @param enabled whether to try at all */
  static DirectoryWatch open(Path root, boolean enabled) {
    if (!enabled) {
      return new DirectoryWatch(null);
    }
    try {
      DirectoryWatch watch = new DirectoryWatch(root.getFileSystem().newWatchService());
      Thread thread = new Thread(watch::run, "sandbox-watch");
      thread.setDaemon(true);
      thread.start();
      return watch;
    } catch (IOException e) {
      log.warn("no file events, outputs and workspaces are polled: {}", e.getMessage());
      return new DirectoryWatch(null);
    }
  }

  /**
   * @return {@code null} if the directory cannot be watched: there are no file events here, or no more of them. A directory that was
   *     registered before goes over to the new listener, also if it was moved meanwhile
   */
  synchronized WatchKey register(Path directory, Listener listener) {
    if (service == null) {
      return null;
    }
    try {
      WatchKey key = directory.register(service, KINDS);
      listeners.put(key, listener);
      return key;
    } catch (IOException | ClosedWatchServiceException e) {
      if (!refused) {
        refused = true;
        log.warn("a directory cannot be watched and is polled: {}", e.getMessage());
      }
      return null;
    }
  }

  /** Unless another listener has taken it over. */
  synchronized void cancel(WatchKey key, Listener listener) {
    if (listeners.remove(key, listener)) {
      key.cancel();
    }
  }

  void close() {
    if (service != null) {
      try {
        service.close();
      } catch (IOException e) {
        log.warn("the watch service did not close: {}", e.getMessage());
      }
    }
  }

  private void run() {
    while (true) {
      try {
        dispatch(service.take());
      } catch (ClosedWatchServiceException e) {
        return;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (RuntimeException e) {
        log.error("a file event was not handled", e);
      }
    }
  }

  private void dispatch(WatchKey key) {
    Listener listener;
    synchronized (this) {
      listener = listeners.get(key);
    }
    for (WatchEvent<?> event : key.pollEvents()) {
      if (listener == null) {
        continue;
      }
      if (event.kind() == StandardWatchEventKinds.OVERFLOW) {
        listener.missed();
      } else {
        listener.changed((Path) event.context(), change(event.kind()));
      }
    }
    if (!key.reset()) {
      synchronized (this) {
        listeners.remove(key);
      }
    }
  }

  private static Change change(WatchEvent.Kind<?> kind) {
    if (kind == StandardWatchEventKinds.ENTRY_CREATE) {
      return Change.CREATED;
    }
    return kind == StandardWatchEventKinds.ENTRY_DELETE ? Change.DELETED : Change.MODIFIED;
  }
}
