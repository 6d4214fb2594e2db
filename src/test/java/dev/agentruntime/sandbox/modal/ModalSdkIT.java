package dev.agentruntime.sandbox.modal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.support.Npm;
import dev.agentruntime.support.modal.FakeModal;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * The fake of Modal is believed because Modal's own SDK, the npm package {@code modal} in the version of {@code src/test/modal}, accepts it.
 * Installed from npm once per build ({@code target/modal-sdk}). Where npm is missing the test is skipped and says so; with
 * {@code -Dmodal.required=true} it fails.
 */
@Execution(ExecutionMode.CONCURRENT)
class ModalSdkIT {

  private static final Path SOURCES = Path.of("src", "test", "modal");
  private static final Path FOLDER = Path.of("target", "modal-sdk");
  private static final long PATIENCE_MINUTES = 5;

  @TempDir
  Path directory;

  @Test
  void modalsOwnSdkAcceptsTheFake() throws Exception {
    install();
    try (FakeModal modal = FakeModal.start(directory.resolve("modal"))) {
      assertThat(run(modal, "node", "sdk.mjs")).endsWith("accepted\n");
      assertThat(modal.sandboxes()).hasSize(32).noneMatch(FakeModal.SandboxState::alive);
    }
  }

  private void install() throws Exception {
    Npm.require("modal.required", "Modal's own SDK could not be installed and the fake of Modal was not checked");
    Files.createDirectories(FOLDER);
    for (String name : List.of("package.json", "package-lock.json", "sdk.mjs")) {
      Files.copy(SOURCES.resolve(name), FOLDER.resolve(name), StandardCopyOption.REPLACE_EXISTING);
    }
    Path installed = FOLDER.resolve("installed");
    if (Files.notExists(installed) || !Files.readString(installed).equals(Files.readString(FOLDER.resolve("package-lock.json")))) {
      // Not "ci", which wants every optional package of every platform in the lock.
      run(null, "npm", "install", "--no-save", "--ignore-scripts", "--no-audit",
          "--no-fund", "--loglevel=error");
      Files.copy(FOLDER.resolve("package-lock.json"), installed, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /** @return what it printed */
  private String run(FakeModal modal, String... command) throws IOException, InterruptedException {
    Path output = directory.resolve("output");
    ProcessBuilder builder = new ProcessBuilder(command).directory(FOLDER.toFile()).redirectErrorStream(true)
        .redirectOutput(output.toFile()).redirectInput(new File("/dev/null"));
    builder.environment().keySet().removeIf(name -> name.startsWith("MODAL_"));
    if (modal != null) {
      builder.environment().putAll(modal.environment());
    }
    Process process = builder.start();
    try {
      assertThat(process.waitFor(PATIENCE_MINUTES, TimeUnit.MINUTES)).as("ended in time: %s", Files.readString(output)).isTrue();
      assertThat(process.exitValue()).as(Files.readString(output)).isZero();
      return Files.readString(output);
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }
}
