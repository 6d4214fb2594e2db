package dev.agentruntime.agent.demo;

import java.util.HashMap;
import java.util.Map;

/** Claude Code's command line: options with a value, also as {@code --name=value}, and flags. */
final class DemoOptions {

  private DemoOptions() {}

  static Map<String, String> parse(String[] arguments) {
    var options = new HashMap<String, String>();
    for (int i = 0; i < arguments.length; i++) {
      String name = arguments[i].equals("-r") ? "--resume" : arguments[i];
      int equals = name.indexOf('=');
      if (name.startsWith("--") && equals > 0) {
        options.put(name.substring(0, equals), name.substring(equals + 1));
      } else if (name.startsWith("--") && i + 1 < arguments.length && !arguments[i + 1].startsWith("-")) {
        options.put(name, arguments[++i]);
      }
    }
    return options;
  }
}
