package dev.agentruntime.sandbox.modal;

import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The program of a {@link Supervisor}, for Node.js. It is on the command line of its exec, not in the image: so it is always of this
 * runtime's own version, and needs no call of its own.
 */
final class SupervisorScript {

  private static final List<String> PARTS = List.of("1-channel", "2-places", "3-files", "4-family", "5-processes", "6-watch", "7-main");
  private static final String TEXT = read();

  private SupervisorScript() {}

  static List<String> command(JsonObject settings) {
    return List.of("node", "-e", TEXT, settings.encode());
  }

  private static String read() {
    StringBuilder text = new StringBuilder();
    for (String part : PARTS) {
      try (InputStream in = SupervisorScript.class.getResourceAsStream("supervisor/" + part + ".js")) {
        text.append(new String(in.readAllBytes(), StandardCharsets.UTF_8));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return text.toString();
  }
}
