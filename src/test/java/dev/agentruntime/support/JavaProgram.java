package dev.agentruntime.support;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Java programs of the tests: on the class path of the tests, by the Java that runs these. */
public final class JavaProgram {

  /** For one that does not live long: its start takes two thirds of the processor time that it would take otherwise. */
  public static final List<String> SHORT_LIVED = List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");

  private JavaProgram() {}

  public static String java() {
    return Path.of(System.getProperty("java.home"), "bin", "java").toString();
  }

  /** @param rest further options, the main class, its arguments */
  public static List<String> shortLived(String... rest) {
    List<String> command = new ArrayList<>(List.of(java()));
    command.addAll(SHORT_LIVED);
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(rest));
    return command;
  }
}
