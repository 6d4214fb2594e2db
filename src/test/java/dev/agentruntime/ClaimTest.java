package dev.agentruntime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.config.Settings;
import dev.agentruntime.support.TestRuntime;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Within one process, which does not meet its own locks; {@link ClaimIT} has several. */
class ClaimTest {

  private static final Map<String, String> DATABASE = Map.of("AGENT_RUNTIME_STORE_URL", "postgresql://u@127.0.0.1/db");
  private static final String THIS = "process " + ProcessHandle.current().pid() + " on ";

  @TempDir
  Path folder;

  private Settings settings(Path directory, Map<String, String> environment) {
    return TestRuntime.settings(directory, environment);
  }

  private void isTaken(Settings settings) {
    assertThatThrownBy(() -> Claim.onDataDirectory(settings)).isInstanceOf(Claim.TakenException.class)
        .hasMessageStartingWith("the data directory ").hasMessageContaining(" is in use by " + THIS);
  }

  @Test
  void aDirectoryIsForOneAtATimeUnderAllItsNames() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("link"), folder.resolve("data"));
    Claim first = Claim.onDataDirectory(settings(folder.resolve("data"), Map.of()));
    isTaken(settings(folder.resolve("data"), Map.of()));
    isTaken(settings(link, Map.of("AGENT_RUNTIME_STORE_URL", "memory:")));
    isTaken(settings(Path.of("").toAbsolutePath().relativize(folder.resolve("data")), DATABASE));
    Claim.onDataDirectory(settings(folder.resolve("other"), Map.of())).close();

    first.close();
    Claim.onDataDirectory(settings(link, Map.of())).close();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("data/claim")))).isEqualTo("rw-------");
  }

  @Test
  void aStoresFileIsForOneAtATimeUnderAllItsNames() throws IOException {
    Path file = Files.createFile(Files.createDirectory(folder.resolve("elsewhere")).resolve("a.db"));
    Files.createSymbolicLink(folder.resolve("folder"), file.getParent());
    Files.createSymbolicLink(folder.resolve("b.db"), file);
    Claim first = onFile(file);
    for (String name : new String[] {"elsewhere/a.db", "folder/a.db", "b.db", "elsewhere/../folder/./a.db"}) {
      assertThatThrownBy(() -> onFile(folder.resolve(name))).isInstanceOf(Claim.TakenException.class)
          .hasMessageContaining(" is in use by " + THIS).hasMessageContaining("(copy-store, since ");
    }
    first.close();
    onFile(folder.resolve("b.db")).close();
    onFile(folder.resolve("not there yet/c.db")).close();
    assertThat(Claim.onStore(settings(folder, DATABASE), "copy-store")).isEmpty();
  }

  private Claim onFile(Path file) {
    return Claim.onStore(settings(folder, Map.of("AGENT_RUNTIME_STORE_URL", "sqlite:" + file)), "copy-store").orElseThrow();
  }

  @Test
  void whereNothingCanBeWrittenIsSaid() throws IOException {
    Files.createFile(folder.resolve("a file"));
    assertThatThrownBy(() -> Claim.onDataDirectory(settings(folder.resolve("a file/data"), Map.of())))
        .isInstanceOf(UncheckedIOException.class).hasMessageEndingWith("a file/data cannot be written to (choose another with AGENT_RUNTIME_DATA_DIR)");
    assertThatThrownBy(() -> onFile(folder.resolve("a file/a.db")))
        .isInstanceOf(UncheckedIOException.class).hasMessageMatching("the folder of the store .*/a file/a.db cannot be written to .*AGENT_RUNTIME_STORE_URL.*");
  }

  /** Between two processes nothing is noticed then, which is logged; in this one it is. */
  @Test
  void aFileSystemThatCannotLockIsUsedAllTheSame() throws IOException {
    AtomicInteger asked = new AtomicInteger();
    Claim.Locking none = file -> {
      asked.incrementAndGet();
      throw new IOException("No locks available");
    };
    Claim claim = Claim.take(folder.resolve("claim"), "it", "server", none);
    assertThat(asked).hasValue(1);
    assertThatThrownBy(() -> Claim.take(folder.resolve("claim"), "it", "server", none)).isInstanceOf(Claim.TakenException.class);
    claim.close();
  }
}
