package dev.agentruntime;

import dev.agentruntime.agent.InvalidProfileException;
import dev.agentruntime.config.InvalidSettingsException;
import dev.agentruntime.config.Logging;
import dev.agentruntime.config.Settings;
import dev.agentruntime.config.SettingsLoader;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import java.nio.file.FileSystemException;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The server as a program: settings from file and environment, one line when it is ready, an orderly end at SIGTERM and Ctrl-C. With a
 * command as its first argument it does that instead: {@link CopyStore}.
 */
public final class Main {

  /** A system property that is {@code true} where the starting program, when it is killed, leaves this one behind, as Maven does. */
  private static final String STOP_WITH_PARENT = "agent-runtime.stopWithParent";

  private static final int EXIT_SETTINGS = 2;
  private static final int EXIT_START = 1;

  private Main() {}

  public static void main(String[] arguments) {
    // First of all: a start takes seconds, and who is without a parent by then has another.
    if (Boolean.getBoolean(STOP_WITH_PARENT)) {
      ProcessHandle.current().parent().ifPresent(parent -> parent.onExit().thenRun(() -> System.exit(0)));
    }
    if (arguments.length > 0) {
      System.exit(command(List.of(arguments)));
    }
    try {
      Settings settings = SettingsLoader.load(System.getenv());
      Logging.configure(settings.log());
      run(settings);
    } catch (InvalidSettingsException | InvalidProfileException e) {
      System.err.println(e.getMessage());
      System.exit(EXIT_SETTINGS);
    }
  }

  /** @return the exit code */
  private static int command(List<String> arguments) {
    if (arguments.getFirst().equals(CopyStore.NAME)) {
      return new CopyStore(System.out, System.err).run(arguments.subList(1, arguments.size()), System.getenv());
    }
    System.err.println("There is no command " + arguments.getFirst() + ". The only command is " + CopyStore.NAME
        + "; without a command the server is started.");
    return EXIT_SETTINGS;
  }

  /** Nothing is served from the class path, so that it needs no folder for copies of it. */
  static Vertx vertx() {
    return Vertx.vertx(new VertxOptions().setFileSystemOptions(
        new FileSystemOptions().setFileCachingEnabled(false).setClassPathResolvingEnabled(false)));
  }

  private static void run(Settings settings) {
    Logger log = LoggerFactory.getLogger(Main.class);
    Vertx vertx = vertx();
    String address;
    try {
      AgentRuntime runtime = AgentRuntime.create(vertx, settings, AgentRuntime.persistence(vertx, settings));
      AgentRuntimeServer server = new AgentRuntimeServer(vertx, runtime);
      Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(log, settings, server), "shutdown"));
      // Waited for here: until the server listens there may be no other thread that keeps the process alive.
      address = server.start().await();
    } catch (InvalidProfileException e) {
      throw e;
    } catch (Throwable e) {
      log.error("Agent Runtime could not start: {}", sentence(e));
      log.debug("where it failed", e);
      System.exit(EXIT_START);
      return;
    }
    log.info("Agent Runtime is ready at {}", address);
    if (settings.apiKeys().isEmpty()) {
      log.info("No API key is set: only this machine may use it. Set AGENT_RUNTIME_API_KEYS to open it.");
    }
  }

  /** What went wrong and what that came of, each said once. */
  private static String sentence(Throwable failure) {
    StringBuilder sentence = new StringBuilder();
    for (Throwable e = failure; e != null; e = e.getCause()) {
      boolean justAPath = e instanceof FileSystemException file && file.getReason() == null;
      String words = (e.getMessage() == null || justAPath ? e.getClass().getSimpleName() + " " : "")
          + Objects.requireNonNullElse(e.getMessage(), "");
      if (sentence.indexOf(words) < 0) {
        sentence.append(sentence.isEmpty() ? "" : ": ").append(words);
      }
    }
    return sentence.toString();
  }

  private static void stop(Logger log, Settings settings, AgentRuntimeServer server) {
    log.info("Stopping");
    try {
      server.stop().await(settings.shutdownGraceMs(), TimeUnit.MILLISECONDS);
      log.info("Stopped");
    } catch (TimeoutException e) {
      log.error("Not everything was saved within {} ms", settings.shutdownGraceMs());
    } catch (RuntimeException e) {
      log.error("The shutdown failed", e);
    }
  }
}
