package dev.agentruntime.support;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The server as a program of its own, with an environment that holds nothing but what it is given. */
public final class ServerProgram {

  private static final Pattern READY = Pattern.compile("ready at http://127\\.0\\.0\\.1:(\\d+)$");

  private ServerProgram() {}

  /** @param options of the Java virtual machine */
  public static List<String> command(String... options) {
    List<String> command = new ArrayList<>(List.of(JavaProgram.java()));
    command.addAll(List.of(options));
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Dagent-runtime.stopWithParent=true", "-cp", classPath(), "dev.agentruntime.Main"));
    return command;
  }

  private static String classPath() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .map(entry -> Path.of(entry).toAbsolutePath().toString()).collect(Collectors.joining(File.pathSeparator));
  }

  /** @param home where it runs, and what it has for its user's home */
  public static Process run(Path home, Map<String, String> environment, List<String> command) throws IOException {
    ProcessBuilder program = new ProcessBuilder(command);
    program.environment().clear();
    program.environment().putAll(environment);
    program.environment().put("HOME", home.toString());
    program.environment().put("LC_ALL", "C.UTF-8");
    return program.directory(home.toFile()).redirectErrorStream(true).start();
  }

  /** Reads up to the line that says so. @return the port */
  public static int ready(BufferedReader output, List<String> lines) throws IOException {
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      lines.add(line);
      Matcher ready = READY.matcher(line);
      if (ready.find()) {
        return Integer.parseInt(ready.group(1));
      }
    }
    throw new AssertionError("it ended: " + lines);
  }
}
