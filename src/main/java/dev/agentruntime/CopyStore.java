package dev.agentruntime;

import dev.agentruntime.config.InvalidSettingsException;
import dev.agentruntime.config.Logging;
import dev.agentruntime.config.Settings;
import dev.agentruntime.config.SettingsLoader;
import dev.agentruntime.config.StoreUrl;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.copy.CopyException;
import dev.agentruntime.persistence.copy.StoreCopy;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;

/**
 * The command {@code copy-store [<from> <to>]}: copies everything from one store to another. Both are named as {@code storeUrl} is, or by
 * {@code FROM_AGENT_RUNTIME_STORE_URL} and {@code TO_AGENT_RUNTIME_STORE_URL}; every other variable is the server's own, and one of that name
 * with {@code FROM_} or {@code TO_} before it is for that store alone. What is said of progress goes to standard output.
 */
final class CopyStore {

  static final String NAME = "copy-store";

  /** All is copied and compared. */
  static final int COPIED = 0;
  /** A store is away or broken: what is copied stays, and the same command goes on with it. */
  static final int STORE_FAILED = 1;
  /** The command or a setting is wrong. */
  static final int WRONG_USE = 2;
  static final int SOURCE_IN_USE = 3;
  static final int TARGET_IN_USE = 4;
  static final int DIFFERENT = 5;

  private static final String URL = "AGENT_RUNTIME_STORE_URL";
  private static final String FROM = "FROM_";
  private static final String TO = "TO_";

  private final PrintStream out;
  private final PrintStream err;

  CopyStore(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  /** @return the exit code */
  int run(List<String> arguments, Map<String, String> environment) {
    try {
      if (!arguments.isEmpty() && arguments.size() != 2) {
        throw new IllegalArgumentException(NAME + " takes two stores: the one to copy from, and the one to copy to.");
      }
      Settings from = settings(environment, FROM, arguments.isEmpty() ? null : arguments.getFirst());
      Settings to = settings(environment, TO, arguments.isEmpty() ? null : arguments.getLast());
      check(from, to);
      Logging.configure(from.log());
      return copyClaimed(from, to);
    } catch (InvalidSettingsException e) {
      err.println(e.getMessage());
    } catch (IllegalArgumentException e) {
      err.println(e.getMessage());
      err.println("Usage: " + NAME + " <from> <to>, each like storeUrl: sqlite:<path>, postgresql://user@host/database, ...; or without "
          + "arguments, with " + FROM + URL + " and " + TO + URL + ". A variable with " + FROM + " or " + TO
          + " before its name is for that store alone, for example " + TO + "AGENT_RUNTIME_STORE_PASSWORD.");
    }
    return WRONG_USE;
  }

  private static Settings settings(Map<String, String> environment, String prefix, String url) {
    Map<String, String> own = new HashMap<>(environment);
    own.remove(URL);
    environment.forEach((name, value) -> {
      if (name.startsWith(prefix)) {
        own.put(name.substring(prefix.length()), value);
      }
    });
    if (url != null && !url.isBlank()) {
      own.put(URL, url);
    }
    if (!own.containsKey(URL)) {
      throw new IllegalArgumentException(prefix + URL + " is not set.");
    }
    Settings settings = SettingsLoader.load(own);
    if (url != null && !url.isBlank() && StoreUrl.parse(url).holdsSecret()) {
      throw new IllegalArgumentException("A password in an argument can be read by every user of this machine: leave it out, and set "
          + prefix + "AGENT_RUNTIME_STORE_PASSWORD.");
    }
    return settings;
  }

  private static void check(Settings from, Settings to) {
    if (from.storeUrl() instanceof StoreUrl.Memory || to.storeUrl() instanceof StoreUrl.Memory) {
      throw new IllegalArgumentException("A store in memory exists in one process only, so nothing can be copied from it or to it.");
    }
    if (from.storeUrl() instanceof StoreUrl.Sqlite sqlite && Files.notExists(from.dataDir().resolve(sqlite.path()))) {
      throw new IllegalArgumentException("The store to copy from does not exist: there is no file "
          + from.dataDir().resolve(sqlite.path()) + ".");
    }
    if (from.storeUrl() instanceof StoreUrl.Sqlite one && to.storeUrl() instanceof StoreUrl.Sqlite other
        ? isSameFile(from.dataDir().resolve(one.path()), to.dataDir().resolve(other.path()))
        : from.storeUrl().equals(to.storeUrl()) || isSameDatabase(from.storeUrl(), to.storeUrl())) {
      throw new IllegalArgumentException("Both are the same store.");
    }
  }

  /** Whoever its user is. */
  private static boolean isSameDatabase(StoreUrl there, StoreUrl other) {
    return there instanceof StoreUrl.Database one && other instanceof StoreUrl.Database two && one.product() == two.product()
        && one.host().equals(two.host()) && one.port() == two.port() && one.database().equals(two.database());
  }

  private static boolean isSameFile(Path there, Path other) {
    try {
      return Files.exists(other) && Files.isSameFile(there, other);
    } catch (IOException e) {
      throw new IllegalArgumentException("The files of the stores cannot be compared.", e);
    }
  }

  /** A server's file is not copied while it is in use, and none is started on it meanwhile. */
  private int copyClaimed(Settings from, Settings to) {
    int inUse = SOURCE_IN_USE;
    try (Claim source = Claim.onStore(from, NAME).orElse(null)) {
      inUse = TARGET_IN_USE;
      try (Claim target = Claim.onStore(to, NAME).orElse(null)) {
        return copy(from, to);
      }
    } catch (Claim.TakenException e) {
      err.println((inUse == SOURCE_IN_USE ? "The source cannot be copied: " : "The target cannot be written: ") + e.getMessage()
          + ". Stop that first.");
      return inUse;
    } catch (UncheckedIOException e) {
      err.println("Stopped: " + e.getMessage() + ".");
      return STORE_FAILED;
    }
  }

  private int copy(Settings from, Settings to) {
    Vertx vertx = Main.vertx();
    PersistenceAdapter source = AgentRuntime.persistence(vertx, from);
    PersistenceAdapter target = AgentRuntime.persistence(vertx, to);
    try {
      join(source.start().compose(started -> target.start()));
      StoreCopy.Totals totals = new StoreCopy(source, target, out::println).run();
      out.printf("Copied and compared: %d sessions with %d transcripts and %d files of %d bytes, %d agent profiles.%n", totals.sessions(),
          totals.transcripts(), totals.files(), totals.bytes(), totals.profiles());
      if (totals.others() > 0) {
        out.printf("The target has %d other sessions, which were left alone.%n", totals.others());
      }
      return COPIED;
    } catch (CopyException e) {
      err.println(e.getMessage());
      return switch (e.reason()) {
        case SOURCE_IN_USE -> SOURCE_IN_USE;
        case TARGET_IN_USE -> TARGET_IN_USE;
        case DIFFERENT -> DIFFERENT;
      };
    } catch (PersistenceException e) {
      err.println("Stopped, because a store failed: " + e.getMessage() + ". Run the same command again to continue.");
      return STORE_FAILED;
    } finally {
      join(source.close().eventually(target::close).eventually(vertx::close));
    }
  }

  private static void join(Future<?> future) {
    try {
      future.toCompletionStage().toCompletableFuture().join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof PersistenceException failure ? failure : e;
    }
  }
}
