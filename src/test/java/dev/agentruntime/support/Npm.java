package dev.agentruntime.support;

import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What tests need that comes from npm. */
public final class Npm {

  private static final Logger LOG = LoggerFactory.getLogger(Npm.class);

  private Npm() {}

  /** The folders in which programs are looked for. */
  public static List<Path> searchPath() {
    return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)).map(Path::of).toList();
  }

  /**
   * Skips the test where npm is missing, and says so; with {@code -D<property>=true} it fails.
   *
   * @param lost what is not tested without it, for the message
   */
  public static void require(String property, String lost) {
    if (searchPath().stream().noneMatch(folder -> Files.isExecutable(folder.resolve("npm")))) {
      String why = "npm is not on the PATH, so " + lost;
      if (Boolean.getBoolean(property)) {
        fail(why);
      }
      LOG.warn("Skipped: {}", why);
      abort(why);
    }
  }
}
