package dev.agentruntime.agent.demo;

import static dev.agentruntime.agent.demo.PlainJson.object;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The tools, which really do in the workspace what they say. Safe for use by several threads. */
final class DemoTools {

  private static final Path SETSID = Path.of("/usr/bin/setsid");
  private static final String IN_CONTEXT = " (file state is current in your context — no need to Read it back)";

  private final Path workspace;
  private final Set<Process> children = ConcurrentHashMap.newKeySet();

  DemoTools(Path workspace) {
    this.workspace = workspace;
    Runtime.getRuntime().addShutdownHook(new Thread(this::killChildren));
  }

  /** @param structured an object, or a text that starts with {@code Error:} */
  record Result(String text, boolean error, Object structured) {
    static Result failed(String why) {
      return new Result(why, true, "Error: " + why);
    }
  }

  /** @return the absolute path, which may be outside of the workspace */
  Path resolve(String path) {
    return workspace.resolve(path).normalize();
  }

  Result write(Path file, String content) {
    if (!file.startsWith(workspace)) {
      return Result.failed("The file is outside of the workspace.");
    }
    try {
      String before = Files.exists(file) ? Files.readString(file) : null;
      store(file, content);
      return new Result((before == null ? "File created successfully at: " + file : "The file " + file + " has been updated successfully.")
          + IN_CONTEXT, false, object("type", before == null ? "create" : "update", "filePath", file.toString(), "content", content,
          "structuredPatch", List.of(), "originalFile", before, "userModified", false));
    } catch (IOException | UncheckedIOException e) {
      return Result.failed("The file could not be written: " + e.getMessage());
    }
  }

  Result edit(Path file, String from, String to) {
    if (!file.startsWith(workspace) || !Files.isRegularFile(file)) {
      return Result.failed("File does not exist. Note: your current working directory is " + workspace + ".");
    }
    try {
      String before = Files.readString(file);
      int at = before.indexOf(from);
      if (at < 0) {
        return Result.failed("String to replace not found in file.\nString: " + from);
      }
      store(file, before.substring(0, at) + to + before.substring(at + from.length()));
      return new Result("The file " + file + " has been updated successfully." + IN_CONTEXT, false,
          object("filePath", file.toString(), "oldString", from, "newString", to, "originalFile", before,
              "structuredPatch", List.of(), "userModified", false, "replaceAll", false));
    } catch (IOException e) {
      return Result.failed("The file could not be edited: " + e.getMessage());
    }
  }

  private static void store(Path file, String content) throws IOException {
    Files.createDirectories(file.getParent());
    try (var out = new FileOutputStream(file.toFile())) {
      out.write(content.getBytes(StandardCharsets.UTF_8));
    }
  }

  /** What {@code rm} would do; done without a shell, because the path is a user's. */
  Result delete(Path file) {
    if (!file.startsWith(workspace) || file.equals(workspace)) {
      return Result.failed("Exit code 1\nrm: cannot remove '" + file + "': Operation not permitted");
    }
    try {
      Files.delete(file);
      return shellResult("", 0);
    } catch (IOException e) {
      return Result.failed("Exit code 1\nrm: cannot remove '" + file + "': No such file or directory");
    }
  }

  /** How many files are in the workspace, folders and hidden files not counted. */
  long countFiles() {
    try (var paths = Files.walk(workspace)) {
      return paths.filter(Files::isRegularFile).filter(path -> !workspace.relativize(path).toString().startsWith(".")).count();
    } catch (IOException | UncheckedIOException e) {
      return 0;
    }
  }

  /**
   * Starts a shell in a session of its own, as the real agent does.
   *
   * @param command never a user's words
   */
  Process start(String command) throws IOException {
    List<String> shell = List.of("/bin/sh", "-c", command);
    List<String> line = Files.isExecutable(SETSID) ? List.of(SETSID.toString(), shell.get(0), shell.get(1), shell.get(2)) : shell;
    Process child = new ProcessBuilder(line).directory(workspace.toFile()).redirectErrorStream(true).start();
    children.add(child);
    child.onExit().thenAccept(children::remove);
    return child;
  }

  /** Runs a shell command to its end; an interrupt of the thread leaves it to {@link #killChildren}. */
  Result shell(String command) throws InterruptedException {
    try {
      Process child = start(command);
      child.waitFor();
      return ended(child);
    } catch (IOException e) {
      return Result.failed("The command could not be started: " + e.getMessage());
    }
  }

  /** @param child has ended */
  Result ended(Process child) throws IOException {
    String output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8).stripTrailing();
    return shellResult(output, child.exitValue());
  }

  private static Result shellResult(String output, int exitCode) {
    if (exitCode != 0) {
      return Result.failed("Exit code " + exitCode + (output.isEmpty() ? "" : "\n" + output));
    }
    Map<String, Object> structured = object("stdout", output, "stderr", "", "interrupted", false, "isImage", false,
        "noOutputExpected", output.isEmpty());
    return new Result(output.isEmpty() ? "(Bash completed with no output)" : output, false, structured);
  }

  void killChildren() {
    for (Process child : children) {
      child.descendants().forEach(ProcessHandle::destroyForcibly);
      killSession(child);
      child.destroyForcibly();
    }
  }

  /** A shell may be starting a process just now, which no list of its descendants has yet. */
  private static void killSession(Process leader) {
    try {
      new ProcessBuilder("/bin/sh", "-c", "kill -KILL -$0", Long.toString(leader.pid())).start().waitFor();
    } catch (IOException e) {
      // Its descendants are killed all the same.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
