package dev.agentruntime.support;

import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What tests need of Python. */
public final class Python {

  private static final Logger LOG = LoggerFactory.getLogger(Python.class);

  private Python() {}

  /**
   * Skips the test where there is no Python 3 with pip, and says so; with {@code -Dpython.required=true} it fails.
   *
   * @param lost what is not tested without it, for the message
   */
  public static void require(String lost) throws InterruptedException {
    if (!hasPip()) {
      String why = "there is no python3 with pip, so " + lost;
      if (Boolean.getBoolean("python.required")) {
        fail(why);
      }
      LOG.warn("Skipped: {}", why);
      abort(why);
    }
  }

  private static boolean hasPip() throws InterruptedException {
    try {
      return new ProcessBuilder("python3", "-m", "pip", "--version").redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor() == 0;
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Makes a package that pip installs: one module, and a program that runs the module's {@code main()}.
   *
   * @param name of the package, the module and the program; letters only
   */
  public static void wheel(Path folder, String name, String version, String module) throws IOException {
    String facts = name + "-" + version + ".dist-info/";
    Map<String, String> files = Map.of(
        name + ".py", module,
        facts + "METADATA", "Metadata-Version: 2.1\nName: " + name + "\nVersion: " + version + "\n",
        facts + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        facts + "entry_points.txt", "[console_scripts]\n" + name + " = " + name + ":main\n",
        facts + "RECORD", "");
    Files.createDirectories(folder);
    try (var zip = new ZipOutputStream(Files.newOutputStream(folder.resolve(name + "-" + version + "-py3-none-any.whl")))) {
      for (var file : files.entrySet()) {
        zip.putNextEntry(new ZipEntry(file.getKey()));
        zip.write(file.getValue().getBytes(StandardCharsets.UTF_8));
      }
    }
  }
}
