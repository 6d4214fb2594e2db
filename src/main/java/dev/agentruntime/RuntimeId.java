package dev.agentruntime;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.UUID;

/** What this runtime is known by elsewhere: made once, and kept in the data directory, so that the next run finds what this one left. */
final class RuntimeId {

  private static final String FILE = "runtime-id";

  private RuntimeId() {}

  /** Blocks. */
  static String of(Path dataDir) {
    try {
      Path file = Files.createDirectories(dataDir).resolve(FILE);
      if (!Files.exists(file)) {
        Path made = Files.writeString(Files.createTempFile(dataDir, FILE, ""), UUID.randomUUID().toString());
        Files.move(made, file, StandardCopyOption.ATOMIC_MOVE);
      }
      return Files.readString(file).strip();
    } catch (IOException e) {
      throw new UncheckedIOException("the data directory cannot be written to (choose another with AGENT_RUNTIME_DATA_DIR)", e);
    }
  }
}
