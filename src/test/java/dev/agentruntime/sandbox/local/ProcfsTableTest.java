package dev.agentruntime.sandbox.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcfsTableTest {

  @TempDir
  private Path proc;

  /** Its file cannot be opened, as none can when this server has as many open as it may. */
  @Test
  void aProcessThatCannotBeLookedAtIsNotDead() throws IOException {
    Path stat = Files.createDirectory(proc.resolve("7")).resolve("stat");
    Files.writeString(stat, "7 (sh) S 1 7 7" + " 0".repeat(15) + " 4711 0\n");
    ProcfsTable table = new ProcfsTable(proc);
    assertThat(table.rows()).hasSize(1);
    assertThat(table.identity(7)).isNotNull();
    Files.delete(stat);
    Files.createSymbolicLink(stat, Path.of("stat"));
    assertThatThrownBy(() -> table.identity(7)).isInstanceOf(UncheckedIOException.class);
    assertThatThrownBy(table::rows).isInstanceOf(UncheckedIOException.class);
    assertThat(table.identity(8)).isNull();
  }
}
